"""Runs the command `mcp`: gives agents a voice, over the Model Context Protocol."""

from __future__ import annotations

import asyncio
import hmac
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

from app.cli.backend import Backend
from app.cli.exits import Refused
from app.cli.mcp_desk import Desk
from app.cli.mcp_tools import SpeechTools
from app.cli.paths import expanded
from app.cli.player import Player, find_player
from app.cli.progress import ProgressLine
from app.cli.work import backend_of
from app.settings import SettingsError, load_settings


class _Key:
    """Knows the key that callers over HTTP must show."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who has that key; None if nobody has."""
        if not hmac.compare_digest(token.encode(), self._key):
            return None
        return AccessToken(token=token, client_id="operator", scopes=[])


def serve_stdio(folder: Path | None, *, server: str | None) -> None:
    """Serve whoever has started this command, until its standard input ends.

    Raises:
        Refused: the settings are wrong, or there is no such folder.
    """
    kept_in = expanded(folder or Path())
    if not kept_in.is_dir():
        raise Refused(f"--folder: there is no folder {folder}")

    async def serve(backend: Backend) -> None:
        desk = Desk(backend)
        async with desk.open():
            await SpeechTools(desk, kept_in, _player()).server().run_stdio_async()

    _run(serve, server)


def serve_http(host: str, port: int, *, server: str | None) -> None:
    """Serve agents at http://HOST:PORT/mcp, until a signal ends it.

    Raises:
        Refused: the settings are wrong, or there is no key.
    """
    options = _auth_options(f"http://{host}:{port}")

    async def serve(backend: Backend) -> None:
        desk = Desk(backend)
        async with desk.open():
            tools = SpeechTools(desk, folder=None, player=None)
            await tools.server(**options).run_streamable_http_async(host=host, port=port)

    _run(serve, server)


def _run(serve: Callable[[Backend], Coroutine[Any, Any, None]], server: str | None) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ProgressLine(quiet=True) as progress:
        asyncio.run(serve(backend_of(server, progress)))


def _player() -> Player | None:
    try:
        return find_player("wav", live=False)
    except Refused:
        return None


def _auth_options(address: str) -> dict[str, Any]:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise Refused(str(error)) from None
    if settings.auth_disabled:
        return {}
    if settings.api_key is None:
        raise Refused("API_KEY is not set: over HTTP agents have to show a key")
    url = AnyHttpUrl(address)
    # Whoever shows no key is told that one is needed; there is nothing that would hand out others.
    auth = AuthSettings(
        issuer_url=url, resource_server_url=url, required_scopes=[], validate_token_resource=False
    )
    return {"auth": auth, "token_verifier": _Key(settings.api_key.get_secret_value())}
