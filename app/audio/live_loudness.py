"""Brings live streams to one loudness, by a gain that it finds while the speech is heard.

A stream cannot wait for its own end. So the gain is the one that the speech so far calls for,
which soon is the one that a complete clip would get: first known after 0.4 s of speech, for which
the start is held back, then moving so slowly that nobody hears it move. Peaks are caught by a
limiter that looks one block ahead.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterable

import numpy as np
from numpy.typing import NDArray

from app.audio.child import closed_at_the_end
from app.audio.loudness import (
    HOP_SECONDS,
    HOPS_PER_BLOCK,
    TARGET_LUFS,
    LoudnessMeter,
    integrated_lufs,
)
from app.audio.pcm import samples_in
from app.speech import Pcm

# Samples stay under this, so that what lies between them stays under -1 dBTP.
_CEILING_DB = -2.0
_MAX_GAIN_DB = 30.0
_SLEW_DB_PER_SECOND = 3.0
_RELEASE_DB_PER_SECOND = 20.0
_BLOCK_SECONDS = 0.02
# What is softer is breath and noise, from which no gain can be told.
_ONSET_LUFS = -50.0
_ONSET_ENERGY = 10 ** ((_ONSET_LUFS + 0.691) / 10)
# The gain is looked at with every hop at first, then every second.
_EARLY_HOPS = 30
_LATER_HOPS = 10


class LiveLoudness:
    """Brings one stream to a loudness; it gives as many samples as it gets."""

    def __init__(self, sample_rate_hz: int, *, target_lufs: float = TARGET_LUFS) -> None:
        self._target_lufs = target_lufs
        self._meter = LoudnessMeter(sample_rate_hz)
        self._hops: list[float] = []
        self._block_samples = samples_in(_BLOCK_SECONDS, sample_rate_hz)
        self._held_samples = samples_in(HOP_SECONDS * HOPS_PER_BLOCK, sample_rate_hz)
        self._waiting: Pcm = np.zeros(0, dtype=np.float32)
        self._wanted_db: float | None = None
        self._slow_db: float | None = None
        self._limited_db = 0.0
        self._last_gain: float | None = None
        self._gains: list[float] = []
        """These are the gains of the first blocks that wait, as far as they were looked at."""

    def feed(self, pcm: Pcm) -> Pcm:
        """Take PCM and return what can be played now, shape [samples], possibly empty."""
        self._measure(self._meter.feed(pcm))
        self._waiting = np.concatenate([self._waiting, pcm], dtype=np.float32)
        held = self._block_samples if self._wanted_db is not None else self._held_samples
        speech_waits = self._wanted_db is None and bool(self._hops)
        ready = 0 if speech_waits else max(0, len(self._waiting) - held) // self._block_samples
        return self._play(ready)

    def finish(self) -> Pcm:
        """Return what is still held back, shape [samples]."""
        self._measure(self._meter.finish())
        if self._wanted_db is None:
            self._set_gain()
        samples = len(self._waiting)
        padding = -samples % self._block_samples + self._block_samples
        self._waiting = np.concatenate([self._waiting, np.zeros(padding, dtype=np.float32)])
        return self._play(len(self._waiting) // self._block_samples - 1)[:samples]

    def _measure(self, hops: NDArray[np.float64]) -> None:
        for hop in hops:
            if self._hops or hop > _ONSET_ENERGY:
                self._hops.append(float(hop))
                count = len(self._hops)
                often = HOPS_PER_BLOCK <= count <= _EARLY_HOPS
                if often or (count > _EARLY_HOPS and count % _LATER_HOPS == 0):
                    self._set_gain()

    def _set_gain(self) -> None:
        measured = integrated_lufs(np.array(self._hops))
        if measured is not None:
            wanted_db = self._target_lufs - measured
            self._wanted_db = max(-_MAX_GAIN_DB, min(_MAX_GAIN_DB, wanted_db))

    def _play(self, blocks: int) -> Pcm:
        """Return the first `blocks` that wait, at a gain without steps; one more must have come."""
        if blocks == 0:
            return np.zeros(0, dtype=np.float32)
        size = self._block_samples
        seen = self._waiting[: (blocks + 1) * size].reshape(blocks + 1, size)
        peaks = np.abs(seen).max(axis=1)
        self._gains += [self._next_gain(float(peak)) for peak in peaks[len(self._gains) :]]
        gains = np.array(self._gains)
        # Between two blocks the gain is the lower one of both, so that neither is exceeded inside.
        ends = np.minimum(gains[:-1], gains[1:])
        first = gains[0] if self._last_gain is None else self._last_gain
        starts = np.concatenate([[first], ends[:-1]])
        self._last_gain = float(ends[-1])
        self._gains = self._gains[-1:]
        self._waiting = self._waiting[blocks * size :]
        ramp = np.arange(size) / size
        gain = starts[:, None] + (ends - starts)[:, None] * ramp
        return np.asarray(seen[:blocks] * gain, dtype=np.float32).reshape(-1)

    def _next_gain(self, peak: float) -> float:
        """Return the gain of a block with that sample peak, given the blocks before."""
        if self._slow_db is None:
            self._slow_db = self._wanted_db
        elif self._wanted_db is not None:
            step_db = _SLEW_DB_PER_SECOND * _BLOCK_SECONDS
            self._slow_db += max(-step_db, min(step_db, self._wanted_db - self._slow_db))
        slow_db = self._slow_db or 0.0
        room_db = _CEILING_DB - 20 * math.log10(max(peak, 1e-9)) - slow_db
        recovered_db = self._limited_db + _RELEASE_DB_PER_SECOND * _BLOCK_SECONDS
        self._limited_db = min(0.0, recovered_db, room_db)
        return float(10 ** ((slow_db + self._limited_db) / 20))


async def normalized_live(
    pieces: AsyncIterable[Pcm], sample_rate_hz: int, *, target_lufs: float = TARGET_LUFS
) -> AsyncGenerator[Pcm, None]:
    """Yield a stream at a loudness; if `pieces` is a generator, it is closed at the end."""
    loudness = LiveLoudness(sample_rate_hz, target_lufs=target_lufs)
    async with closed_at_the_end(pieces):
        async for pcm in pieces:
            ready = loudness.feed(pcm)
            if len(ready):
                yield ready
    rest = loudness.finish()
    if len(rest):
        yield rest
