"""Makes the picture on a cover into one that every player shows, in a child with limits."""

from __future__ import annotations

import logging
from pathlib import Path

from app.bounds import COVER_BYTES, DECODER
from app.child_limits import run_limited
from app.files import scratch_file
from app.work import CancelToken

logger = logging.getLogger(__name__)

MOST_PIXELS = 1400
"""A side has at most so many."""


def as_jpeg(picture: bytes, ffmpeg: Path, *, cancel: CancelToken) -> bytes | None:
    """Return a picture as a JPEG; None if it cannot be read: a book is heard without it. Blocks."""
    scale = f"scale='min({MOST_PIXELS},iw)':'min({MOST_PIXELS},ih)'"
    scale += ":force_original_aspect_ratio=decrease"
    command = [str(ffmpeg), "-hide_banner", "-loglevel", "error", "-fd", "0", "-i", "fd:"]
    command += ["-frames:v", "1", "-vf", scale, "-pix_fmt", "yuvj420p", "-c:v", "mjpeg"]
    command += ["-threads", "1", "-f", "image2pipe", "pipe:1"]
    with scratch_file() as file:
        file.write(picture)
        file.flush()
        file.seek(0)
        try:
            made = run_limited(command, DECODER, stdin=file, max_bytes=COVER_BYTES, cancel=cancel)
        except OSError as error:
            logger.warning("FFmpeg does not start: %s", error)
            return None
    if made.exit_status != 0 or not made.data:
        logger.info("a cover cannot be read: %s", made.messages.strip()[:300])
        return None
    return made.data
