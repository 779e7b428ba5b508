"""Reads from the header of a voice file how long it lasts."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

_RIFF_HEADER_BYTES = 12
_MAX_CHUNKS = 64


def reference_seconds(path: Path, *, at_most: float) -> float | None:
    """Read how many seconds of a WAV file condition the voice; None where no header says it.

    A compressed recording would have to be decoded, which a list of voices is not worth.
    """
    if path.suffix.lower() != ".wav":
        return None
    try:
        with path.open("rb") as file:
            seconds = _wav_seconds(file)
    except (OSError, struct.error):
        return None
    return None if seconds is None else round(min(seconds, at_most), 3)


def _wav_seconds(file: IO[bytes]) -> float | None:
    riff = file.read(_RIFF_HEADER_BYTES)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        return None
    bytes_per_second = 0
    for _ in range(_MAX_CHUNKS):
        kind, size = struct.unpack("<4sI", file.read(8))
        if kind == b"data":
            return size / bytes_per_second if bytes_per_second else None
        start = file.tell()
        if kind == b"fmt ":
            (bytes_per_second,) = struct.unpack("<I", file.read(12)[8:])
        file.seek(start + size + size % 2)
    return None
