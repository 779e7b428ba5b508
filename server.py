"""Settings to uvicorn, nothing else."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import uvicorn

from app.audio.ffmpeg import FfmpegUnusable
from app.banner import banner
from app.logs import configure_logging
from app.main import create_app
from app.settings import SettingsError, load_settings


def main() -> int:
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        app = create_app(settings)
    except (SettingsError, FfmpegUnusable) as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(banner(settings), flush=True)  # noqa: T201
    # uvicorn shuts down on SIGTERM and then raises it once more, which would look like a crash.
    signal.signal(signal.SIGTERM, _end)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_seconds)),
    )
    return 0


def _end(_signal: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
