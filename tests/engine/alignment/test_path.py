"""The way through the words is the best there is, and known a few frames later while it grows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.engine.alignment.path import FixedLagPath, best_path, crossing_frames
from tests.engine.alignment.made_up import mass_at


def firsts_of(path: NDArray[np.intp], words: int) -> list[int]:
    return [int(np.searchsorted(path, word)) for word in range(words)]


def followed(mass: NDArray[np.float32], lag: int) -> list[int]:
    path = FixedLagPath(mass.shape[1], lag)
    path.advance(mass.tolist())
    path.finish()
    return path.firsts


masses = st.tuples(st.integers(1, 5), st.integers(0, 5)).flatmap(
    lambda size: arrays(
        np.float32, (size[0] + size[1], size[0]), elements=st.floats(0, 1, width=16)
    )
)


@given(masses)
def test_the_best_path_is_the_best_of_all(mass: NDArray[np.float32]) -> None:
    """No choice of the frames at which words begin gives a better score."""
    frames, words = mass.shape
    score = np.log(mass.astype(float) + 1e-3)

    def score_of(path: NDArray[np.intp]) -> float:
        return float(score[np.arange(frames), path].sum())

    ways = [
        np.searchsorted(np.array(begins), np.arange(frames), side="right")
        for begins in combinations(range(1, frames), words - 1)
    ]
    assert score_of(best_path(mass)) == pytest.approx(max(map(score_of, ways)), abs=1e-3)


@given(masses)
def test_a_lag_as_long_as_the_chunk_loses_nothing(mass: NDArray[np.float32]) -> None:
    """Followed to the end, the words begin where they do on a path that is just as good."""
    frames = len(mass)
    firsts = followed(mass, lag=frames)
    assert sorted(set(firsts)) == firsts
    path = np.searchsorted(np.array(firsts), np.arange(frames), side="right") - 1
    score = np.log(mass.astype(float) + 1e-3)
    best = best_path(mass)
    rows = np.arange(frames)
    assert score[rows, path].sum() == pytest.approx(score[rows, best].sum(), abs=1e-3)


@given(masses, st.integers(1, 3), st.integers(1, 9))
def test_what_is_settled_stays(mass: NDArray[np.float32], lag: int, more: int) -> None:
    """Words begin in order, all of them in the end, and none before it was announced."""
    path = FixedLagPath(mass.shape[1], lag)
    for begin in range(0, len(mass), more):
        settled = list(path.firsts)
        path.advance(mass[begin : begin + more].tolist())
        assert path.firsts[: len(settled)] == settled
    settled = list(path.firsts)
    path.finish()
    assert path.firsts[: len(settled)] == settled
    assert len(path.firsts) == mass.shape[1]
    assert sorted(path.firsts) == path.firsts


def test_clear_looks_are_settled_after_the_lag() -> None:
    """With two frames of lag a word is known two frames after its first."""
    mass = mass_at([5.0, 12.0], 20).tolist()
    path = FixedLagPath(3, 2)
    path.advance(mass[:7])
    assert path.firsts == [0]
    path.advance(mass[7:8])
    assert path.firsts == [0, 5]
    path.advance(mass[8:])
    assert path.firsts == [0, 5, 12]


def test_more_words_than_frames() -> None:
    """Words for which there is no frame begin with the last one."""
    assert followed(np.full((2, 4), 0.25, np.float32), 2) == [0, 1, 1, 1]
    assert followed(np.zeros((0, 3), np.float32), 2) == [0, 0, 0]


@pytest.mark.parametrize("border", [6.0, 6.3, 6.5, 6.9])
def test_the_crossing_is_finer_than_frames(border: float) -> None:
    """The look passes gradually, which tells when it passes to a tenth of a frame."""
    mass = mass_at([border], 14)
    path = FixedLagPath(2, 2)
    path.advance(mass.tolist())
    path.finish()
    assert crossing_frames(mass.tolist(), path.firsts[1], 1) == pytest.approx(border, abs=0.1)
