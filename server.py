"""Settings to uvicorn, nothing else."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from typing import NoReturn

import uvicorn

from app.audio.ffmpeg import FfmpegUnusable
from app.banner import banner
from app.logs import configure_logging
from app.main import create_app
from app.settings import Settings, SettingsError, load_settings


def main() -> int:
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        app = create_app(settings)
    except (SettingsError, FfmpegUnusable) as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 2
    # uvicorn shuts down on SIGTERM and then raises it once more, which would look like a crash.
    signal.signal(signal.SIGTERM, _end)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_seconds)),
    )
    server = _Server(config, settings)
    # Ctrl-C has been heard by then: uvicorn raises it once more after its orderly shutdown.
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 3


class _Server(uvicorn.Server):
    """Tells the operator how to try it once it listens, and not before."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(banner(self._settings.model_copy(update={"port": port})), flush=True)  # noqa: T201


def _end(_signal: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
