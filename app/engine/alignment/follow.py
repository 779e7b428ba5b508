"""Follows the attention of a model while it speaks, and tells when each word has sounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment.loudness import STEP_SECONDS, power_of, silence_below, silences
from app.engine.alignment.path import FixedLagPath, crossing_frames
from app.engine.alignment.words import Word
from app.speech import SPEECH_RATE_HZ, Pcm, WordTime
from app.speech_engine import Alignment

SURE_GAIN = 0.4
LAG_FRAMES, UNSURE_LAG_FRAMES = 2, 4
"""A word is settled when so many frames more have been heard; heads of little gain need longer."""
FRAMES_AT_ONCE = 8
"""Frames are followed when so many wait: one at a time would cost several times as much."""
FIRST_FRAMES_AT_ONCE = 4
"""So many for the first of them, which a listener may hear as they are made."""
SHORTEST_WORD_SECONDS = 0.04
GAP_SECONDS, GAP_AT_MARK_SECONDS = 0.1, 0.05
"""Silences from this length on separate two words; a comma makes shorter ones likely."""
GAP_REACH_SECONDS = 0.1
"""A silence so near to a border is the one that the border means."""


class AttentionAligner:
    """Times the words of one chunk, each a few frames after it has sounded.

    What it says of a word depends on what the model did until so many frames after it, not on how
    many frames arrive together.

    Args:
        words: of the chunk, at least one.
        shares: how much of each token is each word's, `[tokens, words]`.
        look: tells what the next so many frames attended to, `[heads, frames, tokens]`.
        lag_frames: a word is settled when so many frames more have been heard; None for what the
            heads need.
    """

    def __init__(
        self,
        words: Sequence[Word],
        shares: NDArray[np.float32],
        look: Callable[[int], NDArray[np.float32]],
        alignment: Alignment,
        *,
        frame_samples: int,
        lag_frames: int | None = None,
    ) -> None:
        sure = (alignment.gain or 0.0) >= SURE_GAIN
        self._lag_frames = lag_frames or (LAG_FRAMES if sure else UNSURE_LAG_FRAMES)
        self._words = words
        self._shares = shares
        self._look = look
        self._offset_seconds = alignment.offset_seconds
        self._frame_samples = frame_samples
        self._frame_seconds = frame_samples / SPEECH_RATE_HZ
        self._path = FixedLagPath(len(words), self._lag_frames)
        self._mass: list[list[float]] = []
        self._waiting: list[Pcm] = []
        self._waiting_samples = 0
        self._power = np.zeros(0, np.float32)
        self._told = 0
        self._free_seconds = 0.0
        self._silent_from: int | None = 0

    def advance(self, pcm: Pcm) -> tuple[WordTime, ...]:
        """Take the audio of the next frames; return the words that are settled with them."""
        self._waiting.append(pcm)
        self._waiting_samples += len(pcm)
        frames = FRAMES_AT_ONCE if len(self._mass) >= FRAMES_AT_ONCE else FIRST_FRAMES_AT_ONCE
        if self._waiting_samples < frames * self._frame_samples:
            return ()
        self._follow()
        return self._settled()

    def finish(self) -> tuple[WordTime, ...]:
        """Return the words that are left; there is no more audio."""
        if self._waiting:
            self._follow()
        settled = self._settled()
        self._path.finish()
        left = len(self._words) - self._told
        heard_seconds = len(self._mass) * self._frame_seconds
        loud = np.flatnonzero(self._power >= silence_below(self._power))
        end_seconds = (int(loud[-1]) + 1) * STEP_SECONDS if len(loud) else 0.0
        end_seconds = max(end_seconds, self._free_seconds + left * SHORTEST_WORD_SECONDS)
        end_seconds = max(self._free_seconds, min(end_seconds, heard_seconds))
        shortest = min(SHORTEST_WORD_SECONDS, (end_seconds - self._free_seconds) / left)
        return settled + tuple(
            self._tell(heard_seconds, end_seconds - others * shortest, shortest)
            for others in range(left)[::-1]
        )

    def _settled(self) -> tuple[WordTime, ...]:
        """Time the words whose ends are settled."""
        told: list[WordTime] = []
        while len(self._path.firsts) > self._told + 1:
            heard_frames = self._path.firsts[self._told + 1] + self._lag_frames + 1
            heard_seconds = heard_frames * self._frame_seconds
            told.append(self._tell(heard_seconds, heard_seconds, SHORTEST_WORD_SECONDS))
        return tuple(told)

    def _follow(self) -> None:
        """Go on along the frames that wait."""
        attention = self._look(self._waiting_samples // self._frame_samples)
        mass = (np.add.reduce(attention) / len(attention)).dot(self._shares).tolist()
        self._path.advance(mass)
        self._mass += mass
        self._power = np.concatenate((self._power, power_of(np.concatenate(self._waiting))))
        self._waiting.clear()
        self._waiting_samples = 0

    def _tell(
        self, heard_seconds: float, latest_seconds: float, shortest_seconds: float
    ) -> WordTime:
        """Time the next word.

        Args:
            heard_seconds: how much audio counts.
            latest_seconds: the word ends then at the latest.
            shortest_seconds: it lasts so long at least, if there is room.
        """
        word = self._words[self._told]
        power = self._power[: round(heard_seconds / STEP_SECONDS)]
        quiet = power < silence_below(power)
        border = latest_seconds
        if self._told + 1 < len(self._words):
            border = min(border, self._crossing_seconds(self._told + 1))
        start = min(self._start_seconds(quiet), border - shortest_seconds)
        start = max(start, self._free_seconds)
        end = min(max(border, start + shortest_seconds), latest_seconds)
        self._silent_from = _silence_at(end, quiet, at_mark=word.before_pause)
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
        crossing = crossing_frames(self._mass, self._path.firsts[word], word)
        return crossing * self._frame_seconds + self._offset_seconds


def _silence_at(seconds: float, quiet: NDArray[np.bool_], *, at_mark: bool) -> int | None:
    """Find the silence that parts two words at a border, and return its first step."""
    needed = round((GAP_AT_MARK_SECONDS if at_mark else GAP_SECONDS) / STEP_SECONDS)
    border, reach = seconds / STEP_SECONDS, GAP_REACH_SECONDS / STEP_SECONDS
    near = [
        (end - first, first)
        for first, end in silences(quiet)
        if first - reach <= border <= end + reach and end - first >= needed
    ]
    return max(near)[1] if near else None
