"""The voices to be learned: the teacher's own, and deeper ones that are made of it.

A longer vocal tract has all its resonances lower by one factor, and goes with a lower pitch. Voices
between the two ends teach the model that a prompt may be anything on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.preview.vocoder import BINS


@dataclass(frozen=True)
class Voice:
    """`tract` and `pitch` are ratios to the teacher's length of vocal tract and its pitch."""

    name: str
    tract: float = 1.0
    pitch: float = 1.0

    def log_power(self, teacher: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log power envelopes [steps, BINS] of this voice where the teacher has `teacher`."""
        return np.asarray(teacher @ _stretch(self.tract))


TEACHER = Voice("slt")
DEEP = Voice("slt-deep", tract=1.18, pitch=0.55)
BETWEEN = (Voice("slt-lower", tract=1.06, pitch=0.85), Voice("slt-low", tract=1.12, pitch=0.7))
SHIPPED = {TEACHER: "female", DEEP: "male"}


def voices_of(index: int) -> list[Voice]:
    """Who says sentence `index`: the teacher each, the deep voice half, others a sixth each."""
    if index % 2 == 0:
        return [TEACHER, DEEP]
    return [TEACHER, *BETWEEN[index % 6 // 2 :][:1]]


def _stretch(factor: float) -> NDArray[np.float64]:
    """[BINS, BINS]: spectra @ it have at f what they had at f * factor, interpolated."""
    last = BINS - 1
    source = np.minimum(np.arange(BINS) * factor, last)
    lower = np.minimum(source.astype(np.int64), last - 1)
    share = source - lower
    matrix = np.zeros((BINS, BINS))
    matrix[lower, np.arange(BINS)] = 1 - share
    matrix[lower + 1, np.arange(BINS)] += share
    return matrix
