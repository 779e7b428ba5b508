"""What the tiny model says, and what is usual about that."""

from __future__ import annotations

import numpy as np

USUAL = "a chunk reached its maximum length"
"""The tiny model, which has learned nothing, rarely ends by itself, and the log says so."""

_MOST = 400
"""Of 32,768: the company in which a chunk is computed changes how it is rounded."""


def assert_same_sound(one: bytes, other: bytes) -> None:
    """Two WAV files sound alike, sample by sample."""
    assert len(one) == len(other)
    first, second = (np.frombuffer(each[44:], "<i2").astype(int) for each in (one, other))
    assert np.abs(first - second).max() < _MOST
