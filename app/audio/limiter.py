"""Keeps peaks under a ceiling, between samples too, while sound flows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.audio.loudness import CEILING_DBTP, OVERSHOOT, SHARED_SAMPLES, peaks_between_samples
from app.audio.pcm import samples_in
from app.speech import Pcm

# The turning of the gain itself, and rounding to 16 bits, may add this to a peak.
_MARGIN_DB = 0.2
_BLOCK_SECONDS = 0.001
# The gain begins to go down this long before a peak; going down at once would crackle.
_ATTACK_BLOCKS = 5
# This is too slow to follow the periods of a deep voice, but spares the next syllable.
_RELEASE_DB_PER_SECOND = 60.0


class TruePeakLimiter:
    """Turns one stream down where it would pass the ceiling; it gives as many samples as it gets.

    How the stream is cut into pieces makes no difference. It is 8 ms behind its input.
    """

    def __init__(self, sample_rate_hz: int, *, ceiling_dbtp: float = CEILING_DBTP) -> None:
        self._ceiling_db = ceiling_dbtp - _MARGIN_DB
        self._size = samples_in(_BLOCK_SECONDS, sample_rate_hz)
        self._release_db = _RELEASE_DB_PER_SECOND * _BLOCK_SECONDS
        self._input: Pcm = np.zeros(SHARED_SAMPLES, dtype=np.float32)
        """No peaks were looked for in this yet, but in the first `SHARED_SAMPLES` of it."""
        self._waiting: Pcm = np.zeros(0, dtype=np.float32)
        self._rooms_db: NDArray[np.float64] = np.zeros(0)
        """These gains, at most 0, bring each of the first waiting blocks under the ceiling."""
        self._released_db: NDArray[np.float64] = np.zeros(_ATTACK_BLOCKS)
        """The last blocks before those that wait had these gains, whose release is slow."""
        self._smooth_db = 0.0

    def feed(self, pcm: Pcm) -> Pcm:
        """Take PCM and return what can be played now, shape [samples], possibly empty."""
        self._input = np.concatenate([self._input, pcm], dtype=np.float32)
        self._waiting = np.concatenate([self._waiting, pcm], dtype=np.float32)
        self._look()
        # The gain at the end of a block depends on the block after it, too.
        ready = len(self._rooms_db) - _ATTACK_BLOCKS - 1
        return self._play(ready) if ready > 0 else np.zeros(0, dtype=np.float32)

    def finish(self) -> Pcm:
        """Return what is still held back, shape [samples]."""
        samples = len(self._waiting)
        silence = (_ATTACK_BLOCKS + 3) * self._size + SHARED_SAMPLES
        return self.feed(np.zeros(silence, dtype=np.float32))[:samples]

    def _look(self) -> None:
        """Find how much room there is in the blocks that have come with all their neighbours."""
        blocks = (len(self._input) - 2 * SHARED_SAMPLES) // self._size
        if blocks <= 0:
            return
        samples = blocks * self._size
        seen = self._input[: samples + 2 * SHARED_SAMPLES]
        self._input = self._input[samples:]
        own = np.abs(seen[SHARED_SAMPLES:-SHARED_SAMPLES])
        rooms_db = np.zeros(blocks)
        # Looking between the samples costs most, and most speech stays far below the ceiling.
        if float(own.max()) * OVERSHOOT > 10 ** (self._ceiling_db / 20):
            peaks = peaks_between_samples(seen, self._size)
            rooms_db = np.minimum(0, self._ceiling_db - 20 * np.log10(np.maximum(peaks, 1e-9)))
        self._rooms_db = np.concatenate([self._rooms_db, rooms_db])

    def _play(self, blocks: int) -> Pcm:
        """Return the first `blocks` that wait, turned down without steps, every peak far enough."""
        samples = blocks * self._size
        pcm, self._waiting = self._waiting[:samples], self._waiting[samples:]
        gains_db = self._gains_db(blocks)
        if not gains_db.any():
            return pcm
        edges = 10 ** (gains_db / 20)
        ramp = np.arange(self._size) / self._size
        gain = edges[:-1, None] + np.diff(edges)[:, None] * ramp
        return np.asarray(pcm * gain.reshape(-1), dtype=np.float32)

    def _gains_db(self, blocks: int) -> NDArray[np.float64]:
        """Return the gains at the edges of the first `blocks`, shape [blocks + 1], and move on."""
        count = blocks + 1
        ahead = np.lib.stride_tricks.sliding_window_view(self._rooms_db, _ATTACK_BLOCKS + 1)
        lowest = ahead[:count].min(axis=1)
        steps = self._release_db * np.arange(1, count + 1)
        # This computes min(lowest, last + release) for each block from the one before it.
        released = steps + np.minimum(np.minimum.accumulate(lowest - steps), self._released_db[-1])
        around = np.concatenate([self._released_db, released])
        # Each of the blocks in this mean has looked as far ahead as here.
        width = _ATTACK_BLOCKS + 1
        smooth = np.lib.stride_tricks.sliding_window_view(around, width).mean(axis=1)
        edges = np.minimum(np.concatenate([[self._smooth_db], smooth[:-1]]), smooth)
        self._rooms_db = self._rooms_db[blocks:]
        self._released_db = around[blocks : blocks + _ATTACK_BLOCKS]
        self._smooth_db = float(smooth[blocks - 1])
        return np.asarray(edges)
