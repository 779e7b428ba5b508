"""Brings live streams to one loudness, by a gain that it finds while the speech is heard.

A stream cannot wait for its own end. So its last 0.4 s are held back, and get the gain that brings
what was heard and them together to the target: wherever the stream ends, it has the loudness asked
for. The gain moves as slowly as a hand on a knob, and peaks are limited as in a complete clip.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterable

import numpy as np
from numpy.typing import NDArray

from app.audio.child import closed_at_the_end
from app.audio.filters import filters_ready
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

_RISE_DB_PER_SECOND = 12.0
_FALL_DB_PER_SECOND = 14.0
_BLOCK_SECONDS = 0.02
# Speech below this is breath and noise, from which no gain can be told.
_ONSET_LUFS = -50.0
_ONSET_UNDER_TARGET_LU = 34.0
_SILENCE_LUFS = -70.0
# The gain is looked at whenever this share of all speech so far has come, but at least that often.
_LOOK_AFTER = 1 / 60
_LONGEST_HOPS = 20
# What was heard too softly or too loudly is made up for by no more than this.
_MOST_MAKE_UP_DB = 4.0
_STEPS = 7
# What the limiter takes away is looked at over this time.
_LIMITED_HOPS = 10
# The gain rests while all there is will be as near to the target as this.
_TOLERANCE_LU = 0.2


class LiveLoudness:
    """Brings one stream to a loudness; it gives as many samples as it gets."""

    def __init__(self, sample_rate_hz: int, *, target_lufs: float = TARGET_LUFS) -> None:
        self._target_lufs = target_lufs
        onset_lufs = min(_ONSET_LUFS, target_lufs - _ONSET_UNDER_TARGET_LU)
        self._onset_energy = energy_of(max(_SILENCE_LUFS, onset_lufs))
        self._meter = LoudnessMeter(sample_rate_hz)
        self._turned_meter = LoudnessMeter(sample_rate_hz)
        self._heard_meter = LoudnessMeter(sample_rate_hz)
        self._limiter = TruePeakLimiter(sample_rate_hz)
        self._block_samples = samples_in(_BLOCK_SECONDS, sample_rate_hz)
        self._hop_samples = samples_in(HOP_SECONDS, sample_rate_hz)
        self._held_samples = HOPS_PER_BLOCK * self._hop_samples
        self._waiting: Pcm = np.zeros(0, dtype=np.float32)
        self._hops: list[float] = []
        """These are mean squares of the speech as it comes, from its onset on."""
        self._turned_hops: list[float] = []
        """These are mean squares of what the limiter was given."""
        self._heard_hops: list[float] = []
        """These are mean squares of what `feed` returned."""
        self._next_look_hops = HOPS_PER_BLOCK
        self._wanted_db: float | None = None
        self._gain_db: float | None = None
        """The gain stands here at the end of what was turned up or down."""

    def feed(self, pcm: Pcm) -> Pcm:
        """Take PCM and return what can be played now, shape [samples], possibly empty."""
        hops = self._meter.feed(pcm)
        self._waiting = np.concatenate([self._waiting, pcm], dtype=np.float32)
        self._measure(hops)
        if self._hops and self._wanted_db is None:
            return np.zeros(0, dtype=np.float32)
        return self._given(max(0, len(self._waiting) - self._held_samples))

    def finish(self) -> Pcm:
        """Return what is still held back, shape [samples]."""
        self._measure(self._meter.finish())
        rest = []
        while len(self._waiting) > self._hop_samples:
            self._set_gain()
            rest.append(self._given(self._hop_samples))
        self._set_gain()
        blocks = -(-len(self._waiting) // self._block_samples)
        missing = blocks * self._block_samples - len(self._waiting)
        self._waiting = np.concatenate([self._waiting, np.zeros(missing, dtype=np.float32)])
        rest += [self._given(len(self._waiting)), self._limiter.finish()]
        whole = np.concatenate(rest)
        return whole[: len(whole) - missing]

    def _measure(self, hops: NDArray[np.float64]) -> None:
        for hop in hops:
            if self._hops or hop > self._onset_energy:
                self._hops.append(float(hop))
        count = len(self._hops)
        if count >= self._next_look_hops:
            self._set_gain()
            self._next_look_hops = count + min(_LONGEST_HOPS, max(1, round(count * _LOOK_AFTER)))

    def _given(self, samples: int) -> Pcm:
        """Turn the first of the waiting samples, and return what the limiter gives."""
        turned = self._turned(samples)
        self._turned_hops += self._turned_meter.feed(turned).tolist()
        pcm = self._limiter.feed(turned)
        self._heard_hops += self._heard_meter.feed(pcm).tolist()
        return pcm

    def _set_gain(self) -> None:
        """Look for the gain of what waits that brings all there is to the target."""
        measured = integrated_lufs(np.array(self._hops))
        if measured is None:
            return
        plain_db = self._target_lufs - measured
        if self._gain_db is None:
            self._wanted_db = plain_db
            return
        waiting_hops = round(len(self._waiting) / self._hop_samples)
        ahead = np.array(self._hops[max(0, len(self._hops) - waiting_hops) :])
        ahead *= self._share_let_through()
        heard = np.array(self._heard_hops)

        def off_lu(gain_db: float) -> float:
            together = integrated_lufs(np.concatenate([heard, ahead * 10 ** (gain_db / 10)]))
            return -math.inf if together is None else together - self._target_lufs

        if abs(off_lu(self._gain_db)) <= _TOLERANCE_LU:
            self._wanted_db = self._gain_db
            return
        low, high = plain_db - _MOST_MAKE_UP_DB, plain_db + _MOST_MAKE_UP_DB
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if off_lu(middle) < 0 else (low, middle)
        self._wanted_db = (low + high) / 2

    def _share_let_through(self) -> float:
        """Return how much of the energy it was given lately the limiter has let through."""
        # The limiter keeps a little back, so not all that it was given has been heard.
        end = len(self._heard_hops)
        lately = slice(max(0, end - _LIMITED_HOPS), end)
        given = sum(self._turned_hops[lately])
        return sum(self._heard_hops[lately]) / given if given > 0 else 1.0

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
    async with closed_at_the_end(pieces):
        await filters_ready()
        loudness = LiveLoudness(sample_rate_hz, target_lufs=target_lufs)
        async for pcm in pieces:
            ready = loudness.feed(pcm)
            if len(ready):
                yield ready
    rest = loudness.finish()
    if len(rest):
        yield rest
