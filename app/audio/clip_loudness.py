"""Brings complete clips to one loudness, by one gain and a limiter for the peaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from app.audio.limiter import TruePeakLimiter
from app.audio.loudness import TARGET_LUFS, in_blocks, lufs_of
from app.audio.spool import PcmSpool
from app.speech import Pcm
from app.work import NEVER_CANCELLED, CancelToken

_NEAR_LU = 0.1
# What the limiter takes away is given back by a higher gain, from which it takes a little again.
_MOST_ROUNDS = 5


def normalized_clip(
    pieces: Iterable[Pcm],
    sample_rate_hz: int,
    cancel: CancelToken = NEVER_CANCELLED,
    *,
    target_lufs: float = TARGET_LUFS,
) -> PcmSpool:
    """Bring consecutive pieces to a loudness, with no peak over -1 dBTP; silence stays as it is.

    It blocks for 1 ms per second of audio, four times that where peaks have to be limited.

    Args:
        pieces: can be read several times.
        cancel: ends the work when nobody waits for it.

    Returns:
        The new sound; whoever gets it closes it.

    Raises:
        StorageFailed: the disk refuses the sound, which is long.
    """
    watched = _Watched(pieces, cancel)
    measured = lufs_of(watched, sample_rate_hz)
    if measured is None:
        return PcmSpool(watched)
    gain_db = target_lufs - measured
    for _ in range(_MOST_ROUNDS - 1):
        made = PcmSpool(_limited(watched, gain_db, sample_rate_hz))
        try:
            reached = lufs_of(_Watched(made, cancel), sample_rate_hz)
        except BaseException:
            made.close()
            raise
        if reached is None or abs(target_lufs - reached) <= _NEAR_LU:
            return made
        made.close()
        gain_db += target_lufs - reached
    return PcmSpool(_limited(watched, gain_db, sample_rate_hz))


@dataclass(frozen=True, slots=True)
class _Watched:
    """Reads pieces until the work is cancelled."""

    pieces: Iterable[Pcm]
    cancel: CancelToken

    def __iter__(self) -> Iterator[Pcm]:
        for piece in self.pieces:
            self.cancel.check()
            yield piece


def _limited(pieces: Iterable[Pcm], gain_db: float, sample_rate_hz: int) -> Iterator[Pcm]:
    limiter = TruePeakLimiter(sample_rate_hz)
    gain = np.float32(10 ** (gain_db / 20))
    for block in in_blocks(pieces, sample_rate_hz):
        yield limiter.feed(block * gain)
    yield limiter.finish()
