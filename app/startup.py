"""Says in the log, once and in one line each, what the server found of all that it needs."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

from app.services import Services
from app.settings import POSTGRESQL, Settings
from app.telemetry.tracing import exporter_asked_for

logger = logging.getLogger(__name__)

LOW_DISK_BYTES = 1_000_000_000
_VERSION_SECONDS = 20


def log_what_is_there(services: Services) -> None:
    """Log the parts that a start depends on; what is missing altogether has stopped it before.

    Blocks for a moment.
    """
    settings = services.settings
    _log_ffmpeg(services.ffmpeg)
    for name, folder in (
        ("MODELS_DIR", settings.models_dir),
        ("VOICES_DIR", settings.voices_dir),
        ("VOICE_OUTPUT_DIR", settings.voice_output_dir),
        ("DICTIONARIES_DIR", settings.dictionaries_dir),
        ("JOBS_DIR", settings.jobs_dir),
    ):
        _log_folder(name, folder)
    _log_stores(settings)
    _log_models(services)
    _log_callers(services)
    if services.tracing is not None:
        logger.info("traces are sent by OpenTelemetry's exporter %s", exporter_asked_for())
    scheme = "HTTP" if settings.ssl_certfile is None else "HTTPS"
    logger.info("%s is served at %s port %d", scheme, settings.host, settings.port)


def _log_ffmpeg(ffmpeg: Path) -> None:
    answer = subprocess.run(  # noqa: S603 - a program of this machine, with fixed arguments
        [str(ffmpeg), "-version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_VERSION_SECONDS,
        check=True,
    )
    words = answer.stdout.decode("utf-8", errors="replace").split()
    logger.info("FFmpeg %s is at %s", words[2], ffmpeg)


def _log_folder(setting: str, folder: Path) -> None:
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    free_bytes = shutil.disk_usage(there).free
    state = "can be written" if os.access(there, os.W_OK | os.X_OK) else "can only be read"
    level = logging.INFO if free_bytes >= LOW_DISK_BYTES else logging.WARNING
    logger.log(level, "%s: %s %s, %.1f GB are free", setting, folder, state, free_bytes / 1e9)


def _log_stores(settings: Settings) -> None:
    """Log what is shared with other servers; a start without it was refused before."""
    for name, url in (
        ("VOICES_URL", settings.voices_url),
        ("VOICE_OUTPUT_URL", settings.voice_output_url),
        ("JOBS_URL", settings.jobs_url),
    ):
        if url is not None:
            logger.info("%s: %s answers, and can be written", name, url)
    if (settings.database_url or "").startswith(POSTGRESQL):
        logger.info("DATABASE_URL: PostgreSQL answers, and its tables are up to date")
        if settings.jobs_url is None:
            logger.warning(
                "JOBS_URL is not set: JOBS_DIR has to be one folder for all servers of DATABASE_URL"
            )


def _log_models(services: Services) -> None:
    settings, cast = services.settings, services.cast
    logger.info(
        "the model is %s, in %s on %s; languages: %s; the default voice is %s",
        cast.default.model,
        settings.model_precision,
        settings.model_device,
        ", ".join(cast.languages),
        settings.default_voice,
    )


def _log_callers(services: Services) -> None:
    names = services.keyring.names
    if services.keyring.asks_for_keys:
        logger.info("keys are known of %s", ", ".join(names))
    else:
        logger.warning("no key is asked for: %s can speak", _whoever(services.settings))


def _whoever(settings: Settings) -> str:
    on_loopback = settings.host in ("localhost", "::1") or settings.host.startswith("127.")
    return "whoever is on this machine" if on_loopback else "whoever reaches this machine"
