"""Settings to uvicorn, nothing else."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from typing import Any, NoReturn

import uvicorn

from app.api.web_server import web_server_config
from app.audio.ffmpeg import FfmpegUnusable
from app.banner import banner
from app.logs import configure_logging
from app.main import create_app
from app.settings import Settings, SettingsError, load_settings


def main(**overrides: Any) -> int:
    """Serve until a signal ends it.

    Args:
        overrides: settings that win over the environment and `.env`.

    Returns: the exit code.
    """
    try:
        settings = load_settings(**overrides)
        configure_logging(settings.log_level, settings.log_format)
        server = _Server(web_server_config(create_app(settings), settings), settings)
        # uvicorn shuts down on SIGTERM and then raises it once more, which would look like a crash.
        signal.signal(signal.SIGTERM, _end)
        # Ctrl-C has been heard by then: uvicorn raises it once more after its orderly shutdown.
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
    except (SettingsError, FfmpegUnusable) as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except _CannotListen as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0 if server.started else 3


class _CannotListen(Exception):
    """The address is taken, or none of this machine's. The settings may be right at other times."""


class _Server(uvicorn.Server):
    """Tells the operator how to try it once it listens, and not before."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as end:
            # uvicorn has logged what the system said, and names no setting.
            reason = end.__context__
            if not isinstance(reason, OSError):
                raise
            host, port = self._settings.host, self._settings.port
            # asyncio puts a sentence before it.
            said = str(reason.strerror).rpartition(": ")[2]
            raise _CannotListen(
                f"HOST, PORT: cannot listen on {host} port {port}: {said}"
            ) from None
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(banner(self._settings.model_copy(update={"port": port})), flush=True)  # noqa: T201


def _end(_signal: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
