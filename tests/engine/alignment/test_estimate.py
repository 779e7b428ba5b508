"""Estimated times follow syllables and silences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.alignment.estimate import EstimatingAligner, spread, syllables
from app.engine.alignment.words import spoken_words
from app.speech import WordTime
from tests.engine.alignment.made_up import FRAME_SAMPLES, sound


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("cat", 1), ("banana,", 3), ("Äpfel", 2), ("être", 2), ("молоко", 3), ("BBC", 1),
        ("2024", 2), ("&", 1), ("rhythms", 1),
    ],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


def estimated(text: str, frames: int, *silent: tuple[float, float]) -> list[WordTime]:
    """Times of the words of a tone with silences, which comes in pieces."""
    aligner = EstimatingAligner(text, spoken_words(text))
    pcm = sound(frames, silent=silent)
    for begin in range(0, len(pcm), FRAME_SAMPLES):
        assert aligner.advance(pcm[begin : begin + FRAME_SAMPLES]) == ()
    return list(aligner.finish())


def test_words_are_spread_between_the_ends_of_the_sound() -> None:
    """The longer a word, the longer it lasts."""
    one, two, three = estimated("a banana tree", 25, (0.0, 0.2), (1.7, 2.0))
    assert one.start_seconds == pytest.approx(0.2, abs=0.011)
    assert three.end_seconds == pytest.approx(1.7, abs=0.011)
    assert one.end_seconds == two.start_seconds
    lengths = [each.end_seconds - each.start_seconds for each in (one, two, three)]
    assert lengths[0] < lengths[2] < lengths[1]


def test_a_pause_is_put_at_the_silence_near_its_mark() -> None:
    """Not at the first silence that comes, and no word runs through it."""
    times = estimated("Yes, I think they came, at last", 40, (0.5, 0.62), (2.0, 2.4))
    assert times[4].end_seconds == pytest.approx(2.0, abs=0.011)
    assert times[5].start_seconds == pytest.approx(2.4, abs=0.011)
    assert times[0].end_seconds == pytest.approx(0.5, abs=0.011)


@given(
    weights=st.lists(st.integers(1, 20), min_size=1, max_size=12),
    pauses=st.lists(st.booleans(), min_size=12, max_size=12),
    quiet=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 25)), max_size=5),
    steps=st.integers(0, 60),
)
def test_words_are_in_order_within_the_audio(
    weights: list[int], pauses: list[bool], quiet: list[tuple[int, int]], steps: int
) -> None:
    """Whatever the sound: one word after the other, from its beginning to its end at most."""
    power = np.full(steps, 0.1, np.float32)
    for first, length in quiet:
        power[first : first + length] = 0
    times = spread(weights, pauses[: len(weights)], power)
    assert len(times) == len(weights)
    assert all(start <= end for start, end in times)
    assert all(one[1] <= other[0] + 1e-9 for one, other in pairwise(times))
    assert times[0][0] >= 0
    assert times[-1][1] <= steps * 0.01 + 1e-9
