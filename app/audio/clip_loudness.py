"""Brings complete clips to one loudness, by one gain and a limiter for the peaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.audio.limiter import TruePeakLimiter
from app.audio.loudness import TARGET_LUFS, in_blocks, lufs_of
from app.speech import Pcm

_NEAR_LU = 0.1
# What the limiter takes away is given back by a higher gain, from which it takes a little again.
_MOST_ROUNDS = 5


def normalized_clip(
    pieces: Sequence[Pcm], sample_rate_hz: int, *, target_lufs: float = TARGET_LUFS
) -> list[Pcm]:
    """Bring consecutive pieces to a loudness, with no peak over -1 dBTP; silence stays as it is.

    It blocks for 1 ms per second of audio, four times that where peaks have to be limited.
    """
    measured = lufs_of(pieces, sample_rate_hz)
    if measured is None:
        return list(pieces)
    gain_db = target_lufs - measured
    made: list[Pcm] = []
    for _ in range(_MOST_ROUNDS):
        made = _limited(pieces, gain_db, sample_rate_hz)
        reached = lufs_of(made, sample_rate_hz)
        if reached is None or abs(target_lufs - reached) <= _NEAR_LU:
            break
        gain_db += target_lufs - reached
    return made


def _limited(pieces: Sequence[Pcm], gain_db: float, sample_rate_hz: int) -> list[Pcm]:
    limiter = TruePeakLimiter(sample_rate_hz)
    gain = np.float32(10 ** (gain_db / 20))
    made = [limiter.feed(block * gain) for block in in_blocks(pieces, sample_rate_hz)]
    return [*made, limiter.finish()]
