"""Follows how loud a chunk is, in steps of a hundredth of a second, and finds its silences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.speech import SPEECH_RATE_HZ, Pcm

STEP_SECONDS = 0.01
_STEP_SAMPLES = round(SPEECH_RATE_HZ * STEP_SECONDS)
_SILENCE_DB = -30.0
"""What is so much softer than the loud moments of a chunk is silence."""
_LOUD_SHARE = 0.95
_FLOOR = 1e-10

Levels = NDArray[np.float32]
"""Mean power of each step, in dB of full scale."""


def levels_of(pcm: Pcm) -> Levels:
    """Measure the level of each step of `pcm`, `[steps]`; a last step that is not whole is left."""
    whole = len(pcm) // _STEP_SAMPLES * _STEP_SAMPLES
    steps = pcm[:whole].reshape(-1, _STEP_SAMPLES)
    power = np.einsum("ij,ij->i", steps, steps) / _STEP_SAMPLES
    levels: Levels = 10 * np.log10(power + np.float32(_FLOOR))
    return levels


def silence_below(levels: Levels) -> float:
    """Return the level in dB below which a step is silent, given those around it."""
    if not len(levels):
        return 0.0
    rank = min(len(levels) - 1, int(_LOUD_SHARE * len(levels)))
    return float(np.partition(levels, rank)[rank]) + _SILENCE_DB


def silences(quiet: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List the runs of silent steps, as start and end."""
    edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
