"""Heads that follow the words are told from those that do not, without a reference."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from app.engine.alignment.heads import LATE_SECONDS, Recording, choose, deepest_dip, gains_of
from app.speech_engine import ESTIMATED, Alignment, Head
from tests.engine.alignment.made_up import FRAME_SECONDS, mass_at, sound, words_of

NAMES = [Head(layer, head) for layer in range(3) for head in range(2)]
BEHIND_SECONDS = 0.04
RANDOM = np.random.default_rng(1)


def noise(frames: int, tokens: int) -> NDArray[np.float32]:
    """Looks that mean nothing."""
    return _whole(RANDOM.random((frames, tokens)) ** 4)


def looks_along(places: NDArray[np.float64], tokens: int) -> NDArray[np.float32]:
    """Looks at the tokens around a place for each frame."""
    return _whole(np.exp(-((np.arange(tokens) + 0.5 - places[:, None]) ** 2)))


def _whole(looks: NDArray[np.float64]) -> NDArray[np.float32]:
    whole: NDArray[np.float32] = (looks / looks.sum(1, keepdims=True)).astype(np.float32)
    return whole


def recordings(*kinds: str) -> list[Recording]:
    """Sixteen chunks of seven words of uneven lengths, softer at borders, seen by six heads."""
    return [_recording(kinds) for _ in range(16)]


def _recording(kinds: tuple[str, ...]) -> Recording:
    shares = np.repeat(np.eye(7, dtype=np.float32), 4, axis=0)
    tokens = len(shares)
    borders = np.cumsum(RANDOM.integers(2, 14, 7))
    frames = int(borders[-1])
    middles = np.arange(frames) + 0.5
    along = looks_along(np.interp(middles, [0, *borders], np.arange(0, tokens + 1, 4)), tokens)
    heads = {
        "real": along,
        "dim": 0.8 * along + 0.2 / tokens,
        "even": looks_along(middles * tokens / frames, tokens),
    }
    attention = np.stack([heads[k] if k in heads else noise(frames, tokens) for k in kinds])
    dips = [border * FRAME_SECONDS + BEHIND_SECONDS for border in borders[:-1]]
    softest = [dip + LATE_SECONDS for dip in dips]
    pcm = sound(frames, silent=[(at - 0.01, at + 0.01) for at in softest])
    return Recording(words_of(7), shares, attention.astype(np.float32), pcm)


def test_gain() -> None:
    """It is 1 for a head that looks at the right word only, and about 0 for one that knows none."""
    mass = np.stack([mass_at([10.0, 25.0, 31.0], 40, 50.0), noise(40, 4)])
    sharp, random = gains_of(mass)
    assert sharp == pytest.approx(1, abs=0.01)
    assert abs(random) < 0.25


def test_the_heads_that_follow_the_words_are_chosen_the_best_first() -> None:
    found = choose(
        recordings("noise", "dim", "noise", "real", "noise", "noise"), NAMES, FRAME_SECONDS
    )
    assert found.method == "attention"
    assert found.heads == (NAMES[3], NAMES[1])
    assert found.gain is not None
    assert found.gain > 0.6


def test_borders_are_found_late_by_what_the_sound_says() -> None:
    found = choose(
        recordings("real", "real", "noise", "noise", "noise", "noise"), NAMES, FRAME_SECONDS
    )
    assert found.offset_seconds == pytest.approx(BEHIND_SECONDS, abs=0.016)


def test_a_model_without_such_heads_is_recognised() -> None:
    assert choose(recordings(*["noise"] * 6), NAMES, FRAME_SECONDS) == ESTIMATED


def test_heads_that_only_count_frames_are_not_chosen() -> None:
    """They move on evenly whatever is said, which fits even words well enough to look good."""
    counting = recordings("even", "even", "noise", "noise", "noise", "noise")
    assert choose(counting, NAMES, FRAME_SECONDS) == ESTIMATED
    mixed = recordings("even", "real", "dim", "noise", "noise", "noise")
    assert choose(mixed, NAMES, FRAME_SECONDS).heads == (NAMES[1], NAMES[2])


def test_a_head_alone_is_believed_only_if_it_is_very_good() -> None:
    alone = choose(recordings("real", *["noise"] * 5), NAMES, FRAME_SECONDS)
    assert alone.heads == (NAMES[0],)
    assert choose(recordings("dim", *["noise"] * 5), NAMES, FRAME_SECONDS) == ESTIMATED


def test_nothing_that_could_be_used() -> None:
    """Chunks of one word, or with fewer frames than words, tell nothing."""
    short = Recording(
        words_of(4), np.eye(4, dtype=np.float32), np.full((6, 2, 4), 0.25, np.float32), sound(2)
    )
    assert choose([short], NAMES, FRAME_SECONDS) == ESTIMATED
    assert isinstance(ESTIMATED, Alignment)


def test_the_deepest_dip() -> None:
    """It is the dip to which scipy gives the greatest prominence, flat ones and none included."""
    found = 0
    for _ in range(500):
        levels = RANDOM.integers(-6, 0, RANDOM.integers(1, 41)).astype(float)
        dips, told = scipy.signal.find_peaks(-levels, prominence=0.0)
        expected = int(dips[told["prominences"].argmax()]) if len(dips) else None
        assert deepest_dip(levels) == expected, levels
        found += len(dips) > 0
    assert 300 < found < 500
