"""Follows how loud a chunk is, in steps of a hundredth of a second, and finds its silences."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.speech import SPEECH_RATE_HZ, Pcm

STEP_SECONDS = 0.01
_STEP_SAMPLES = round(SPEECH_RATE_HZ * STEP_SECONDS)
_SILENCE = 1e-3
"""What has less than this share of the power of the loud moments of a chunk is silent: -30 dB."""
_LOUD_SHARE = 0.95

Power: TypeAlias = NDArray[np.float32]
"""Mean power of each step, 1 being that of the loudest square wave."""


def power_of(pcm: Pcm) -> Power:
    """Measure the power of each step of `pcm`, `[steps]`; a last step that is not whole is left."""
    whole = len(pcm) // _STEP_SAMPLES * _STEP_SAMPLES
    steps = pcm[:whole].reshape(-1, _STEP_SAMPLES)
    power: Power = np.einsum("ij,ij->i", steps, steps) / np.float32(_STEP_SAMPLES)
    return power


def silence_below(power: Power) -> float:
    """Return the power below which a step is silent, given those around it."""
    if not len(power):
        return 0.0
    rank = min(len(power) - 1, int(_LOUD_SHARE * len(power)))
    return float(np.partition(power, rank)[rank]) * _SILENCE


def silences(quiet: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List the runs of silent steps, as start and end."""
    padded = np.zeros(len(quiet) + 2, bool)
    padded[1:-1] = quiet
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
