"""Follows the attention of a model while it speaks, and tells when each word has sounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment.loudness import STEP_SECONDS, levels_of, silence_below, silences
from app.engine.alignment.path import FixedLagPath, crossing_frames
from app.engine.alignment.words import Word
from app.speech import Pcm, WordTime
from app.speech_engine import Alignment

SURE_GAIN = 0.4
LAG_FRAMES, UNSURE_LAG_FRAMES = 2, 4
"""A word is settled when so many frames more have been heard; heads of little gain need longer."""
SHORTEST_WORD_SECONDS = 0.04
GAP_SECONDS, GAP_AT_MARK_SECONDS = 0.1, 0.05
"""Silences from this length on separate two words; a comma makes shorter ones likely."""
GAP_REACH_SECONDS = 0.1
"""A silence so near to a border is the one that the border means."""


class AttentionAligner:
    """Times the words of one chunk, each a few frames after it has sounded.

    What it says of a word depends on what the model did until those frames, not on how many of
    them arrive together.

    Args:
        words: of the chunk, at least one.
        shares: how much of each token is each word's, `[tokens, words]`.
        frame_seconds: audio of one frame.
    """

    watches = True

    def __init__(
        self,
        words: Sequence[Word],
        shares: NDArray[np.float32],
        alignment: Alignment,
        frame_seconds: float,
        lag_frames: int | None = None,
    ) -> None:
        sure = (alignment.gain or 0.0) >= SURE_GAIN
        self._lag = lag_frames or (LAG_FRAMES if sure else UNSURE_LAG_FRAMES)
        self._words = words
        self._shares = shares
        self._offset_seconds = alignment.offset_seconds
        self._frame_seconds = frame_seconds
        self._path = FixedLagPath(len(words), self._lag)
        self._below: list[NDArray[np.float32]] = []
        self._levels = np.zeros(0, np.float32)
        self._told = 0
        self._free_seconds = 0.0
        self._silent_from: int | None = 0

    def advance(self, attention: NDArray[np.float32], pcm: Pcm) -> tuple[WordTime, ...]:
        """Take the next frames; return the words that are settled with them.

        Args:
            attention: `[heads, frames, tokens]`.
            pcm: the audio of those frames.
        """
        self._levels = np.concatenate((self._levels, levels_of(pcm)))
        told: list[WordTime] = []
        for mass in attention.mean(0) @ self._shares:
            self._path.advance(mass)
            self._below.append(mass.cumsum())
            while len(self._path.firsts) > self._told + 1:
                told.append(self._tell(self._heard_seconds, SHORTEST_WORD_SECONDS))
        return tuple(told)

    def finish(self) -> tuple[WordTime, ...]:
        """Return the words that are left; there is no more audio."""
        self._path.finish()
        left = len(self._words) - self._told
        loud = np.flatnonzero(self._levels >= silence_below(self._levels))
        end_seconds = (loud[-1] + 1) * STEP_SECONDS if len(loud) else 0.0
        end_seconds = max(end_seconds, self._free_seconds + left * SHORTEST_WORD_SECONDS)
        end_seconds = max(self._free_seconds, min(end_seconds, self._heard_seconds))
        shortest = min(SHORTEST_WORD_SECONDS, (end_seconds - self._free_seconds) / left)
        return tuple(
            self._tell(end_seconds - others * shortest, shortest) for others in range(left)[::-1]
        )

    @property
    def _heard_seconds(self) -> float:
        return len(self._below) * self._frame_seconds

    def _tell(self, latest_seconds: float, shortest_seconds: float) -> WordTime:
        """Time the next word, which ends at `latest_seconds` at the latest."""
        word = self._words[self._told]
        levels = self._levels[: round(self._heard_seconds / STEP_SECONDS)]
        quiet = levels < silence_below(levels)
        border = latest_seconds
        if self._told + 1 < len(self._words):
            border = min(border, self._crossing_seconds(self._told + 1))
        start = min(self._start_seconds(quiet), border - shortest_seconds)
        start = max(start, self._free_seconds)
        end = min(max(border, start + shortest_seconds), latest_seconds)
        self._silent_from = _silence_at(end, quiet, word.before_pause)
        if self._silent_from is not None:
            end = min(end, max(start + shortest_seconds, self._silent_from * STEP_SECONDS))
        self._told += 1
        self._free_seconds = end
        return WordTime(word.start, word.end, start, end)

    def _start_seconds(self, quiet: NDArray[np.bool_]) -> float:
        """Tell when the next word begins: where the one before it ends, or a silence after that."""
        if self._silent_from is None:
            return self._free_seconds
        loud = np.flatnonzero(~quiet[self._silent_from :])
        return (self._silent_from + int(loud[0])) * STEP_SECONDS if len(loud) else 0.0

    def _crossing_seconds(self, word: int) -> float:
        """Tell when a word begins to sound, silences aside."""
        crossing = crossing_frames(self._below, self._path.firsts[word], word)
        return crossing * self._frame_seconds + self._offset_seconds


def _silence_at(seconds: float, quiet: NDArray[np.bool_], at_mark: bool) -> int | None:
    """Find the silence that parts two words at a border, and return its first step."""
    shortest = GAP_AT_MARK_SECONDS if at_mark else GAP_SECONDS
    found: tuple[int, int] | None = None
    for first, end in silences(quiet):
        near = first * STEP_SECONDS <= seconds + GAP_REACH_SECONDS and (
            end * STEP_SECONDS >= seconds - GAP_REACH_SECONDS
        )
        long_enough = (end - first) * STEP_SECONDS >= shortest - 1e-9
        if near and long_enough and (found is None or end - first > found[1] - found[0]):
            found = first, end
    return None if found is None else found[0]
