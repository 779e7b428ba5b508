"""Finds the most likely way from the first word to the last, one frame at a time (Viterbi)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LEAST_MASS = 1e-3
"""A frame that does not look at a word at all may still speak it, now and then."""
_CROSSING_FRAMES = 2
"""The look passes from a word to the next within so many frames on both sides of the border."""


def best_path(mass: NDArray[np.float32]) -> NDArray[np.intp]:
    """Find the word of each frame: from the first to the last, staying or going on by one.

    Args:
        mass: how much a frame looks at a word, `[..., frames, words]`; no fewer frames than words.

    Returns:
        `[..., frames]`.
    """
    log_mass = np.log(mass + np.float32(_LEAST_MASS))
    frames, words = log_mass.shape[-2:]
    scores = np.full((*log_mass.shape[:-2], words), -np.inf, np.float32)
    scores[..., 0] = log_mass[..., 0, 0]
    moved = np.zeros((*log_mass.shape[:-1], words), bool)
    for frame in range(1, frames):
        from_before = np.pad(
            scores[..., :-1], [(0, 0)] * (scores.ndim - 1) + [(1, 0)], constant_values=-np.inf
        )
        moved[..., frame, :] = from_before > scores
        scores = np.maximum(scores, from_before) + log_mass[..., frame, :]
    path = np.full(log_mass.shape[:-1], words - 1)
    for frame in range(frames - 1, 0, -1):
        here = path[..., frame]
        back = np.take_along_axis(moved[..., frame, :], here[..., None], -1)[..., 0]
        path[..., frame - 1] = here - back
    return path


def crossing_frames(mass: Sequence[Sequence[float]], first: int, word: int) -> float:
    """Tell when the look passes to a word, in frames and parts of them.

    It passes gradually: what is still at the words before, added up around the border, is the time
    until then.

    Args:
        mass: per frame, how much it looks at each word.
        first: the word's first frame on the path.
    """
    begin = max(0, first - _CROSSING_FRAMES)
    return begin + sum(sum(looks[:word]) for looks in mass[begin : first + _CROSSING_FRAMES])


class FixedLagPath:
    """Finds the same way while the frames arrive, each frame's word a few frames later.

    There is one frame at a time and a dozen words, for which numpy would take several times as long
    as plain Python.

    Attributes:
        firsts: the first frame of each word, as far as they are settled; 0 for the first word.

    Args:
        words: how many there are, at least one.
        lag: after so many more frames the word of a frame is settled.
    """

    def __init__(self, words: int, lag: int) -> None:
        self.firsts = [0]
        self._lag = lag
        self._scores = [0.0] + [-math.inf] * (words - 1)
        self._moved: list[list[bool]] = []

    def advance(self, mass: Sequence[Sequence[float]]) -> None:
        """Take more frames: how much they look at each word, `[frames, words]`."""
        for looks in mass:
            self._moved.append(self._step(looks))
            settled = len(self._moved) - 1 - self._lag
            if settled >= 0:
                self._settle(settled)

    def finish(self) -> None:
        """Settle the rest: the last frame speaks the last word.

        Where there are fewer frames than words left, the words have the last frame together.
        """
        word, firsts = len(self._scores) - 1, []
        for frame in range(len(self._moved) - 1, -1, -1):
            if word == len(self.firsts) - 1:
                break
            if self._moved[frame][word]:
                firsts.append(frame)
                word -= 1
        missing = len(self._scores) - len(self.firsts) - len(firsts)
        earliest = firsts[-1] if firsts else max(0, len(self._moved) - 1)
        self.firsts += [max(self.firsts[-1], earliest)] * missing
        for frame in reversed(firsts):
            self.firsts.append(max(self.firsts[-1], frame))

    def _step(self, looks: Sequence[float]) -> list[bool]:
        """Extend the best ways to each word by a frame; tell which come from the word before."""
        scores, earliest = self._scores, len(self.firsts) - 1
        moved = [False] * len(scores)
        reached = len(self._moved)
        for word in range(min(reached, len(scores) - 1), earliest, -1):
            moved[word] = scores[word - 1] > scores[word]
            scores[word] = max(scores[word - 1 : word + 1]) + math.log(looks[word] + _LEAST_MASS)
        scores[earliest] += math.log(looks[earliest] + _LEAST_MASS)
        return moved

    def _settle(self, frame: int) -> None:
        """Decide on the word of a frame, and so on that of those before it."""
        word = self._scores.index(max(self._scores))
        for moved in self._moved[:frame:-1]:
            word -= moved[word]
        settled = len(self.firsts) - 1
        if word > settled:
            self.firsts += [frame] * (word - settled)
            self._scores[:word] = [-math.inf] * word
