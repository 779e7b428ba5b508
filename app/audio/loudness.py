"""Measures how loud speech is, and how high its peaks are (ITU-R BS.1770, EBU R128)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain

import numpy as np
import scipy
from numpy.typing import NDArray

from app.audio.pcm import samples_in
from app.speech import Pcm

TARGET_LUFS = -16.0
"""Podcasts and voice assistants master mono speech to this loudness."""
CEILING_DBTP = -1.0

HOP_SECONDS = 0.1
HOPS_PER_BLOCK = 4
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OVERSAMPLING = 4
_TAPS_PER_SIDE = 12
# A sine at a quarter of the sample rate may rise by this between its samples, and what speech has
# above that frequency is weak.
OVERSHOOT = math.sqrt(2)
SHARED_SAMPLES = _TAPS_PER_SIDE
"""What lies between two samples depends on this many samples to either side."""


class LoudnessMeter:
    """Measures the K-weighted energy of a stream, hop by hop; see `integrated_lufs`."""

    def __init__(self, sample_rate_hz: int) -> None:
        # One filter of fourth order costs a third of two sections with frames this short.
        self._zeros, self._poles = scipy.signal.sos2tf(_k_weighting(sample_rate_hz))
        self._state = np.zeros(len(self._poles) - 1)
        self._hop_samples = samples_in(HOP_SECONDS, sample_rate_hz)
        self._weighted: NDArray[np.float64] = np.zeros(0)

    def feed(self, pcm: Pcm) -> NDArray[np.float64]:
        """Return the mean squares of the hops of 0.1 s that this PCM completes, shape [hops]."""
        if not len(pcm):
            return np.zeros(0)
        weighted, self._state = scipy.signal.lfilter(self._zeros, self._poles, pcm, zi=self._state)
        self._weighted = np.concatenate([self._weighted, weighted])
        whole = len(self._weighted) // self._hop_samples * self._hop_samples
        hops = self._weighted[:whole].reshape(-1, self._hop_samples)
        self._weighted = self._weighted[whole:]
        return np.asarray(np.square(hops).mean(axis=1))

    def finish(self) -> NDArray[np.float64]:
        """Return the mean square of what there is of a last, unfinished hop, if there is one."""
        rest, self._weighted = self._weighted, self._weighted[:0]
        return np.square(rest).mean(keepdims=True) if len(rest) else np.zeros(0)


def integrated_lufs(hops: NDArray[np.float64]) -> float | None:
    """Compute the gated loudness of a programme; None if it is silent.

    Less than a block counts as one.

    Args:
        hops: mean squares from `LoudnessMeter`, shape [hops].
    """
    if not len(hops):
        return None
    size = min(HOPS_PER_BLOCK, len(hops))
    blocks = np.convolve(hops, np.full(size, 1 / size), mode="valid")
    blocks = blocks[blocks > energy_of(_ABSOLUTE_GATE_LUFS)]
    if not len(blocks):
        return None
    relative_gate = energy_of(_lufs(blocks.mean()) + _RELATIVE_GATE_LU)
    return _lufs(blocks[blocks > relative_gate].mean())


def lufs_of(pieces: Iterable[Pcm], sample_rate_hz: int) -> float | None:
    """Compute the gated loudness of consecutive pieces; None if they are silent."""
    meter = LoudnessMeter(sample_rate_hz)
    hops = [meter.feed(block) for block in in_blocks(pieces, sample_rate_hz)]
    return integrated_lufs(np.concatenate([*hops, meter.finish()]))


def true_peak(pieces: Sequence[Pcm], sample_rate_hz: int) -> float:
    """Return the highest level of consecutive pieces, between samples too (BS.1770, annex 2)."""
    around = np.zeros(SHARED_SAMPLES, dtype=np.float32)
    before = around
    peak = _sample_peak(pieces)
    blocks = in_blocks(pieces, samples_in(HOP_SECONDS, sample_rate_hz))
    for block in chain(blocks, [np.zeros(2 * SHARED_SAMPLES, dtype=np.float32)]):
        pcm = np.concatenate([before, block])
        before = pcm[-2 * SHARED_SAMPLES :]
        # A block much softer than the loudest one so far cannot hold the highest level.
        if _sample_peak([pcm]) * OVERSHOOT > peak:
            peak = max(peak, float(peaks_between_samples(pcm, 1).max(initial=0)))
    return peak


def peaks_between_samples(pcm: Pcm, block_samples: int) -> NDArray[np.float32]:
    """Return the highest level of each block, shape [blocks], at four times the sample rate.

    Args:
        pcm: whole blocks, with `SHARED_SAMPLES` before and after them that belong to none.
    """
    between = scipy.signal.upfirdn(_interpolation(), pcm, _OVERSAMPLING)
    first = (SHARED_SAMPLES + _TAPS_PER_SIDE) * _OVERSAMPLING
    count = (len(pcm) - 2 * SHARED_SAMPLES) * _OVERSAMPLING
    levels = np.abs(between[first : first + count])
    return np.asarray(levels.reshape(-1, block_samples * _OVERSAMPLING).max(axis=1))


@cache
def _interpolation() -> NDArray[np.float32]:
    """Make the filter that finds the levels between samples, `[taps]`."""
    taps = scipy.signal.firwin(
        2 * _TAPS_PER_SIDE * _OVERSAMPLING + 1, 1 / _OVERSAMPLING, window=("kaiser", 5.0)
    )
    return np.asarray(taps * _OVERSAMPLING, dtype=np.float32)


def _sample_peak(pieces: Sequence[Pcm]) -> float:
    return max((float(np.abs(piece).max(initial=0)) for piece in pieces), default=0.0)


def in_blocks(pieces: Iterable[Pcm], samples: int) -> Iterator[Pcm]:
    """Yield the same audio in pieces of at least `samples`; the last one may be shorter."""
    waiting: list[Pcm] = []
    waiting_samples = 0
    for piece in pieces:
        waiting.append(piece)
        waiting_samples += len(piece)
        if waiting_samples >= samples:
            yield np.concatenate(waiting)
            waiting, waiting_samples = [], 0
    if waiting:
        yield np.concatenate(waiting)


def energy_of(lufs: float) -> float:
    """Return the K-weighted mean square of sound that has a loudness."""
    return float(10 ** ((lufs + 0.691) / 10))


def _lufs(energy: float) -> float:
    return 10 * math.log10(energy) - 0.691


def _k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """Compute BS.1770's two filters, which it gives for 48 kHz only, as second-order sections.

    They are the analogue filters behind the standard's numbers (a shelf of +4 dB over 1.7 kHz and a
    high-pass at 38 Hz), brought to any rate by the bilinear transform.
    """
    shelf_hz, shelf_q, shelf_db = 1681.974450955533, 0.7071752369554196, 3.999843853973347
    k = math.tan(math.pi * shelf_hz / sample_rate_hz)
    high = 10 ** (shelf_db / 20)
    band = high**0.4996667741545416
    scale = 1 + k / shelf_q + k * k
    shelf = [high + band * k / shelf_q + k * k, 2 * (k * k - high)]
    shelf += [high - band * k / shelf_q + k * k]
    shelf += [scale, 2 * (k * k - 1), 1 - k / shelf_q + k * k]
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * pass_hz / sample_rate_hz)
    passing = 1 + k / pass_q + k * k
    # The standard leaves the high-pass's gain of a few thousandths in.
    high_pass = [passing, -2 * passing, passing, passing, 2 * (k * k - 1), 1 - k / pass_q + k * k]
    return np.array([np.array(shelf) / scale, np.array(high_pass) / passing])
