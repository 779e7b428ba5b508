"""Converts samples between floats, 16-bit integers and bytes, and counts them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.errors import SynthesisFailed
from app.speech import Pcm

S16: TypeAlias = NDArray[np.int16]
"""S16 is mono samples as 16-bit integers, little-endian, shape [samples]."""

S16_BYTES = 2
F32_BYTES = 4
S16_MAX = 32767
UNKNOWN_SIZE = 0xFFFFFFFF

# Converting in blocks keeps the scratch memory small next to an hour of audio.
_BLOCK_SAMPLES = 1 << 16


def to_s16(pcm: Pcm | Sequence[Pcm]) -> S16:
    """Convert samples to 16-bit integers, clipped at full scale, never wrapped.

    Args:
        pcm: one piece, or consecutive pieces to be joined.

    Raises:
        SynthesisFailed: a sample is NaN or infinite.
    """
    pieces = [pcm] if isinstance(pcm, np.ndarray) else pcm
    joined = np.empty(sum(len(piece) for piece in pieces), dtype="<i2")
    start = 0
    for piece in pieces:
        for offset in range(0, len(piece), _BLOCK_SAMPLES):
            block = _block_to_s16(piece[offset : offset + _BLOCK_SAMPLES])
            joined[start : start + len(block)] = block
            start += len(block)
    return joined


def _block_to_s16(block: Pcm) -> Pcm:
    scaled = block * np.float32(S16_MAX)
    if not np.isfinite(scaled).all():
        raise SynthesisFailed("the speech has samples that are not numbers")
    np.rint(scaled, out=scaled)
    np.clip(scaled, -S16_MAX, S16_MAX, out=scaled)
    return scaled


def samples_in(seconds: float, sample_rate_hz: int) -> int:
    """Return the whole number of samples nearest to a duration."""
    return round(seconds * sample_rate_hz)


def live_wav_header(sample_rate_hz: int) -> bytes:
    """Return the 44 bytes that precede mono s16le samples whose number is not known yet.

    Both sizes are 0xFFFFFFFF, which players read as "until the end of the stream".
    """
    return _wav_header(sample_rate_hz, UNKNOWN_SIZE, UNKNOWN_SIZE)


def wav_header(sample_rate_hz: int, samples: int) -> bytes:
    """Return the 44 bytes that precede so many mono s16le samples.

    More than the format can count are said to go on until the end of the stream.
    """
    size = samples * S16_BYTES
    if size > UNKNOWN_SIZE - 36:
        return live_wav_header(sample_rate_hz)
    return _wav_header(sample_rate_hz, size + 36, size)


def _wav_header(sample_rate_hz: int, riff_bytes: int, data_bytes: int) -> bytes:
    pcm_tag, channels = 1, 1
    layout = struct.pack(
        "<HHIIHH",
        pcm_tag,
        channels,
        sample_rate_hz,
        sample_rate_hz * S16_BYTES,
        S16_BYTES,
        8 * S16_BYTES,
    )
    riff = struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE")
    fmt = struct.pack("<4sI", b"fmt ", len(layout)) + layout
    return riff + fmt + struct.pack("<4sI", b"data", data_bytes)
