"""Resampled speech is the same speech at another rate, however it was cut into pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.output import COMMON_RATES_HZ
from app.audio.resample import Resampler, resampled, resampled_clip
from tests.audio.probe import RATE_HZ, in_pieces, voice_like

SOURCE = voice_like(0.5)


def sine(hz: float, rate_hz: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz).astype("f4")


@pytest.mark.parametrize("rate_hz", COMMON_RATES_HZ)
def test_a_tone_stays_the_same_tone_in_place_and_level(rate_hz: int) -> None:
    (*pieces,) = resampled_clip([sine(1000, RATE_HZ)], RATE_HZ, rate_hz)
    made, expected = np.concatenate(pieces), sine(1000, rate_hz)
    assert abs(len(made) - len(expected)) <= 1
    middle = slice(len(expected) // 4, len(expected) * 3 // 4)
    assert np.abs(made[middle] - expected[middle]).max() < 2e-3


@pytest.mark.parametrize(("from_hz", "to_hz", "hz"), [(24000, 8000, 4450), (24000, 16000, 8900)])
def test_what_the_new_rate_cannot_hold_is_gone(from_hz: int, to_hz: int, hz: float) -> None:
    made = np.concatenate(list(resampled_clip([sine(hz, from_hz)], from_hz, to_hz)))
    middle = made[len(made) // 4 : len(made) * 3 // 4]
    assert np.abs(middle).max() < 10 ** (-60 / 20)


@given(
    st.lists(st.integers(0, 3000), max_size=12),
    st.sampled_from([each for each in COMMON_RATES_HZ if each != RATE_HZ]),
)
@settings(max_examples=40, deadline=None)
def test_how_it_is_cut_makes_no_difference(sizes: list[int], rate_hz: int) -> None:
    pieces = np.split(SOURCE, np.minimum(np.cumsum(sizes, dtype=int), len(SOURCE)))
    made = np.concatenate(list(resampled_clip(pieces, RATE_HZ, rate_hz)))
    whole = np.concatenate(list(resampled_clip([SOURCE], RATE_HZ, rate_hz)))
    assert len(made) == -(-len(SOURCE) * rate_hz // RATE_HZ)
    assert np.allclose(made, whole, atol=1e-6)
    assert made.dtype == np.float32


async def test_a_stream_is_resampled_without_delay() -> None:
    first = Resampler(RATE_HZ, 16000).feed(SOURCE[:1920])
    assert len(first) > 0.97 * 1920 * 16000 / RATE_HZ
    pieces = [pcm async for pcm in resampled(in_pieces(SOURCE), RATE_HZ, 16000)]
    clip = np.concatenate(list(resampled_clip([SOURCE], RATE_HZ, 16000)))
    assert np.allclose(np.concatenate(pieces), clip, atol=1e-6)


def test_nothing_becomes_nothing() -> None:
    assert sum(map(len, resampled_clip([], RATE_HZ, 8000))) == 0
