"""Starts uvicorn on the settings, and turns what stops it into an exit code."""

from __future__ import annotations

import signal
import socket
import sys
from types import FrameType
from typing import Any

from app.api.http.web_server import WebServer
from app.audio.ffmpeg import FfmpegUnusable
from app.banner import banner
from app.logs import configure_logging
from app.main import create_app
from app.network.descriptors import raise_descriptor_limit
from app.network.listeners import open_listeners
from app.process_end import end_process
from app.settings import Settings, SettingsError, load_settings
from app.startup import log_what_is_there
from app.tls import check_certificate
from app.wyoming.server import listeners_of

_HURRIED = 1


def main(**overrides: Any) -> int:
    """Serve until a signal ends the server.

    Args:
        overrides: settings that win over the environment and `.env`.

    Returns:
        The exit code.
    """
    try:
        settings = load_settings(**overrides)
        configure_logging(settings.log_level, settings.log_format)
        check_certificate(settings)
        app = create_app(settings, wyoming_listeners=listeners_of(settings))
        raise_descriptor_limit()
        server = _Server(app, settings)
        listeners = _listeners(settings)
        log_what_is_there(app.state.services)
        # SIGTERM then raises KeyboardInterrupt, as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server.run(listeners)
    except KeyboardInterrupt:
        # uvicorn raises the signal once more after its orderly shutdown.
        return 0
    except SystemExit:
        # The app did not come up, and uvicorn has logged why.
        return 3
    except (SettingsError, FfmpegUnusable) as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except _CannotListen as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


class _CannotListen(Exception):
    """Says that the address is taken, or is none of this machine's, whatever the settings say."""


class _Server(WebServer):
    """Tells the operator how to try it once it listens, and ends at once on a second signal."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            end_process(_HURRIED)
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(banner(self.settings.model_copy(update={"port": port})), flush=True)  # noqa: T201


def _listeners(settings: Settings) -> list[socket.socket]:
    """Bind the sockets that the settings ask for.

    Raises:
        _CannotListen: an address is taken or unknown; the error names the settings.
    """
    host, port = settings.host, settings.port
    try:
        return open_listeners(host, port)
    except OSError as error:
        raise _CannotListen(
            f"HOST, PORT: cannot listen on {host} port {port}: {error.strerror}"
        ) from None
