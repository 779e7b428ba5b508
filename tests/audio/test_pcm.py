"""Samples become 16-bit integers by clipping, and what is no number never gets through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from app.audio.pcm import samples_in, to_s16
from app.errors import SynthesisFailed
from app.speech import Pcm

finite = arrays.arrays(
    np.float32, st.integers(0, 300), elements=st.floats(-(2.0**100), 2.0**100, width=32)
)


@given(finite)
@settings(max_examples=100, deadline=None)
def test_samples_are_clipped_not_wrapped(pcm: Pcm) -> None:
    expected = np.rint(np.clip(pcm.astype(np.float64), -1, 1) * 32767)
    assert np.abs(to_s16(pcm) - expected).max(initial=0) <= 1


def test_pieces_are_joined_across_blocks() -> None:
    pcm = np.linspace(-1, 1, 200_000, dtype=np.float32)
    joined = to_s16([pcm[:70_001], pcm[70_001:70_001], pcm[70_001:]])
    assert joined.dtype == np.dtype("<i2")
    assert np.array_equal(joined, to_s16(pcm))
    assert (joined[0], joined[-1]) == (-32767, 32767)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_an_error(broken: float) -> None:
    pcm = np.zeros(100_000, dtype=np.float32)
    pcm[99_999] = broken
    with pytest.raises(SynthesisFailed, match="not numbers"):
        to_s16(pcm)


def test_seconds_are_so_many_samples() -> None:
    assert samples_in(1.5, 24_000) == 36_000
