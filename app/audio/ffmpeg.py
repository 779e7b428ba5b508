"""Finds an FFmpeg on this machine that can do all that the server needs."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg

from app.audio.formats import FORMATS
from app.errors import FfmpegUnavailable

logger = logging.getLogger(__name__)

_ENCODERS = frozenset(each.codec for each in FORMATS.values() if each.codec is not None)
# Uploads are read through fd:, the one protocol that cannot name a file (FFmpeg 6.0 and later).
_PROTOCOLS = frozenset({"fd", "pipe"})
_START_SECONDS = 20


class FfmpegUnusable(Exception):
    """Says that no FFmpeg on this machine can do the work, why, and what helps."""


def ffmpeg_gone(error: OSError) -> FfmpegUnavailable:
    """Log that the FFmpeg that was found does not start now, and make the error that says so."""
    logger.error("FFmpeg does not start: %s", error)
    return FfmpegUnavailable()


def find_ffmpeg() -> Path:
    """Return the system's FFmpeg if it has all this server needs, else the Python package's.

    It starts each candidate to ask what it can do; call it once, at start-up.

    Raises:
        FfmpegUnusable: neither works; says why for each.
    """
    reasons = []
    for candidate in _candidates():
        reason = _why_unusable(candidate)
        if reason is None:
            return candidate
        logger.info("not using %s: %s", candidate, reason)
        reasons.append(f"{candidate} {reason}")
    found = "; ".join(reasons) if reasons else "there is none"
    raise FfmpegUnusable(
        f"no usable FFmpeg: {found}. Reinstall the imageio-ffmpeg package, or put an FFmpeg 6.0 "
        f"or later with {', '.join(sorted(_ENCODERS))} on the PATH"
    )


def _candidates() -> Iterator[Path]:
    system = shutil.which("ffmpeg")
    if system is not None:
        yield Path(system)
    try:
        yield Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        logger.info("imageio-ffmpeg has no FFmpeg: %s", error)


def _why_unusable(ffmpeg: Path) -> str | None:
    try:
        encoders = {
            line.split()[1] for line in _lines(ffmpeg, "-encoders") if len(line.split()) > 1
        }
        protocols = {line.strip() for line in _lines(ffmpeg, "-protocols")}
    except (OSError, subprocess.SubprocessError) as error:
        return f"does not run ({error})"
    missing = sorted((_ENCODERS - encoders) | (_PROTOCOLS - protocols))
    return f"lacks {', '.join(missing)}" if missing else None


def _lines(ffmpeg: Path, question: str) -> list[str]:
    answer = subprocess.run(  # noqa: S603 - a program of this machine, with fixed arguments
        [str(ffmpeg), "-hide_banner", question],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_START_SECONDS,
        check=True,
    )
    return answer.stdout.decode("utf-8", errors="replace").splitlines()
