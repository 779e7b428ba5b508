"""Runs the command `wyoming`: serves the Wyoming protocol without HTTP."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import typer

from app.assembly.parts import make_services
from app.assembly.running import running
from app.audio.ffmpeg import FfmpegUnusable
from app.cli.exits import ExitCode, Refused
from app.logs import configure_logging
from app.settings import Settings, SettingsError, load_settings
from app.wyoming import server as wyoming

USUAL_PORT = 10200
"""Home Assistant expects Wyoming servers at this port."""


def serve_wyoming(host: str | None, port: int | None) -> ExitCode:
    """Serve Wyoming until a signal ends it; no API key is needed, as the protocol has none.

    Args:
        host, port: None for what the settings say.

    Returns:
        INTERRUPTED for Ctrl-C; OK for SIGTERM, which is how services are told to end.

    Raises:
        Refused: the settings are wrong, or the address cannot be had.
    """
    overrides: dict[str, Any] = {} if host is None else {"wyoming_host": host}
    try:
        settings = load_settings(for_command=True, api_keys_file=None, **overrides)
        if port is None:
            port = USUAL_PORT if settings.wyoming_port is None else settings.wyoming_port
        configure_logging(settings.log_level, settings.log_format)
        ended_by = asyncio.run(_serve(settings, port))
    except (SettingsError, FfmpegUnusable) as error:
        code = ExitCode.USAGE if isinstance(error, SettingsError) else ExitCode.FAILED
        raise Refused(str(error), code) from None
    return ExitCode.INTERRUPTED if ended_by == signal.SIGINT else ExitCode.OK


async def _serve(settings: Settings, port: int) -> int:
    """Serve until a signal comes, and return its number."""
    services = make_services(settings)
    listeners = wyoming.listen(settings.wyoming_host, port)
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[int] = asyncio.Queue()

    def end(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(signals.put_nowait, number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
    async with wyoming.serve(services, listeners), running(services):
        port = listeners[0].getsockname()[1]
        typer.echo(f"Wyoming listens on {settings.wyoming_host} port {port}")
        return await signals.get()
