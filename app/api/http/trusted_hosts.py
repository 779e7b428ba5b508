"""Refuses requests for hosts that are not this server's, from whose names it would make URLs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from app.api.http.addresses import host_of
from app.errors import InvalidRequest, SpeechError, shortened
from app.settings import Settings

PROBED = ("/health", "/ready")
"""Docker and other supervisors ask these at whatever address a container has."""

Answer = Callable[[HTTPConnection, SpeechError], Awaitable[Response]]


class TrustedHosts:
    """Lets requests pass whose host TRUSTED_HOSTS names.

    Args:
        answer: words an error in the dialect that a request was spoken in.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, answer: Answer) -> None:
        self._app = app
        self._settings = settings
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in PROBED:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        host = host_of(connection, self._settings)
        if _is_named(host, self._settings.trusted_hosts):
            await self._app(scope, receive, send)
            return
        problem = InvalidRequest(
            f"this server is not {shortened(host)!r}; ask for it by its own name, or add that one "
            "to TRUSTED_HOSTS",
            field="Host",
        )
        answer = await self._answer(connection, problem)
        if scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(answer)


def _is_named(host: str, trusted: tuple[str, ...]) -> bool:
    name = _without_port(host).lower()
    return any(
        entry in ("*", name) or (entry.startswith("*.") and name.endswith(entry[1:]))
        for entry in trusted
    )


def _without_port(host: str) -> str:
    if host.startswith("["):  # an IPv6 address
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
