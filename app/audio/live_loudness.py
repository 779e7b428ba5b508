"""Brings live streams to one loudness, by a gain that it finds while the speech is heard.

A stream cannot wait for its own end. So the gain is the one that the speech so far calls for,
which soon is the one that a complete clip would get: first known after 0.4 s of speech, for which
the start is held back, then moving as slowly as a hand on a knob. What was heard too softly
or too loudly until then is made up for, and peaks are limited as in a complete clip.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable

import numpy as np
from numpy.typing import NDArray

from app.audio.child import closed_at_the_end
from app.audio.limiter import TruePeakLimiter
from app.audio.loudness import (
    HOP_SECONDS,
    HOPS_PER_BLOCK,
    TARGET_LUFS,
    LoudnessMeter,
    energy_of,
    integrated_lufs,
)
from app.audio.pcm import samples_in
from app.speech import Pcm

_RISE_DB_PER_SECOND = 6.0
_FALL_DB_PER_SECOND = 8.0
_BLOCK_SECONDS = 0.02
# Speech below this is breath and noise, from which no gain can be told.
_ONSET_LUFS = -50.0
_ONSET_UNDER_TARGET_LU = 34.0
_SILENCE_LUFS = -70.0
# The gain is looked at with every hop at first, then twice a second.
_EARLY_HOPS = 30
_LATER_HOPS = 5
# What the stream was too loud or too soft by is made up for within this time, and so is what the
# limiter took away.
_MAKE_UP_SECONDS = 1.0
_MOST_TIMES = 5.0
_MOST_MAKE_UP_DB = 4.0


class LiveLoudness:
    """Brings one stream to a loudness; it gives as many samples as it gets."""

    def __init__(self, sample_rate_hz: int, *, target_lufs: float = TARGET_LUFS) -> None:
        self._target_lufs = target_lufs
        onset_lufs = min(_ONSET_LUFS, target_lufs - _ONSET_UNDER_TARGET_LU)
        self._onset_energy = energy_of(max(_SILENCE_LUFS, onset_lufs))
        self._meter = LoudnessMeter(sample_rate_hz)
        self._heard_meter = LoudnessMeter(sample_rate_hz)
        self._limiter = TruePeakLimiter(sample_rate_hz)
        self._block_samples = samples_in(_BLOCK_SECONDS, sample_rate_hz)
        self._held_samples = samples_in(HOP_SECONDS * HOPS_PER_BLOCK, sample_rate_hz)
        self._waiting: Pcm = np.zeros(0, dtype=np.float32)
        self._hops: list[float] = []
        """These are mean squares of the speech as it comes, from its onset on."""
        self._heard_hops: list[float] = []
        """These are mean squares of what `feed` returned."""
        self._wanted_db: float | None = None
        self._gain_db: float | None = None
        """The gain stands here at the end of what was turned up or down."""

    def feed(self, pcm: Pcm) -> Pcm:
        """Take PCM and return what can be played now, shape [samples], possibly empty."""
        self._measure(self._meter.feed(pcm))
        self._waiting = np.concatenate([self._waiting, pcm], dtype=np.float32)
        if self._wanted_db is not None:
            return self._given(self._limiter.feed(self._turned(len(self._waiting))))
        before_speech = 0 if self._hops else max(0, len(self._waiting) - self._held_samples)
        return self._given(self._limiter.feed(self._turned(before_speech)))

    def finish(self) -> Pcm:
        """Return what is still held back, shape [samples]."""
        self._measure(self._meter.finish())
        if self._wanted_db is None:
            self._set_gain()
        blocks = -(-len(self._waiting) // self._block_samples)
        missing = blocks * self._block_samples - len(self._waiting)
        self._waiting = np.concatenate([self._waiting, np.zeros(missing, dtype=np.float32)])
        turned = self._turned(len(self._waiting))
        rest = np.concatenate([self._limiter.feed(turned), self._limiter.finish()])
        return rest[: len(rest) - missing]

    def _measure(self, hops: NDArray[np.float64]) -> None:
        for hop in hops:
            if self._hops or hop > self._onset_energy:
                self._hops.append(float(hop))
                count = len(self._hops)
                often = HOPS_PER_BLOCK <= count <= _EARLY_HOPS
                if often or (count > _EARLY_HOPS and count % _LATER_HOPS == 0):
                    self._set_gain()

    def _given(self, pcm: Pcm) -> Pcm:
        self._heard_hops += self._heard_meter.feed(pcm).tolist()
        return pcm

    def _set_gain(self) -> None:
        measured = integrated_lufs(np.array(self._hops))
        if measured is None:
            return
        heard = integrated_lufs(np.array(self._heard_hops))
        times = min(_MOST_TIMES, len(self._hops) * HOP_SECONDS / _MAKE_UP_SECONDS)
        make_up_db = 0.0 if heard is None else times * (self._target_lufs - heard)
        make_up_db = max(-_MOST_MAKE_UP_DB, min(_MOST_MAKE_UP_DB, make_up_db))
        self._wanted_db = self._target_lufs - measured + make_up_db

    def _turned(self, samples: int) -> Pcm:
        """Apply a gain without steps to the whole blocks in the first waiting `samples`."""
        blocks = samples // self._block_samples
        pcm = self._waiting[: blocks * self._block_samples]
        self._waiting = self._waiting[blocks * self._block_samples :]
        if self._wanted_db is None or not blocks:
            return pcm
        if self._gain_db is None:
            self._gain_db = self._wanted_db
        step_db = _RISE_DB_PER_SECOND * _BLOCK_SECONDS
        if self._wanted_db < self._gain_db:
            step_db = -_FALL_DB_PER_SECOND * _BLOCK_SECONDS
        moved_db = step_db * np.arange(blocks + 1)
        way_db = self._wanted_db - self._gain_db
        moved_db = np.clip(moved_db, min(0.0, way_db), max(0.0, way_db))
        edges = 10 ** ((self._gain_db + moved_db) / 20)
        self._gain_db += float(moved_db[-1])
        ramp = np.arange(self._block_samples) / self._block_samples
        gain = edges[:-1, None] + np.diff(edges)[:, None] * ramp
        return np.asarray(pcm * gain.reshape(-1), dtype=np.float32)


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
