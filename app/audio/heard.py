"""Says when words are heard, whatever shaping does to the sound."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from app.speech import Frames, WordTime

STRETCH_WINDOW_SECONDS = 1 / 24
"""FFmpeg's `atempo` works on windows of this length. Slowing down, it plays what comes next before
its time, by this much for a speed of nothing and less for others: measured on speech at speeds
from 0.5 to 0.85 (`benchmarks.timing_served`). Faster speech shows no such shift."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """Says when a word is heard, in seconds from the beginning of the whole utterance.

    Attributes:
        start, end: the place of the word in its chunk's text.
    """

    chunk_index: int
    start: int
    end: int
    start_seconds: float
    end_seconds: float


class MovedMoments:
    """Maps moments of a sound to moments of what was made of it, part after part.

    Both are counted in samples from the beginning.
    """

    def __init__(self) -> None:
        # Between two of these pairs both sounds go on evenly.
        self._before = [0]
        self._after = [0]

    def keep(self, samples: int) -> None:
        """Let the next part be as long as it was."""
        self.resize(samples, samples)

    def resize(self, samples: int, new_samples: int) -> None:
        """Let the next part, `samples` long, be `new_samples` long."""
        if samples == new_samples and self._ends_evenly():
            self._before[-1] += samples
            self._after[-1] += samples
            return
        self._before.append(self._before[-1] + samples)
        self._after.append(self._after[-1] + new_samples)

    @property
    def known_samples(self) -> int:
        """Return how much of the first sound is mapped so far."""
        return self._before[-1]

    def moved(self, sample: float) -> float:
        """Return where a moment has gone; one that is not mapped yet counts as the last that is."""
        return float(np.interp(sample, self._before, self._after))

    def _ends_evenly(self) -> bool:
        if len(self._before) == 1:
            return False
        return self._before[-1] - self._before[-2] == self._after[-1] - self._after[-2]


class HeardTimes:
    """Follows the sound of an utterance through its shaping, chunk by chunk.

    Attributes:
        words: wait here, in order, from the moment when their times are settled.

    Args:
        lead_samples: how much silence comes before the first chunk.
    """

    def __init__(self, lead_samples: int, sample_rate_hz: int) -> None:
        self.words: deque[HeardWord] = deque()
        self._rate_hz = sample_rate_hz
        self._run_start_samples = lead_samples
        self._speed = 1.0
        # These two count what is still to be stretched.
        self._fed_samples = 0
        self._chunk_start_samples = 0
        self._moments = MovedMoments()
        self._unsettled: deque[WordTime] = deque()

    def begin_run(self, speed: float) -> None:
        """Let chunks of another speed follow."""
        self._run_start_samples += round(self._fed_samples / self._speed)
        self._fed_samples = 0
        self._speed = speed

    def begin_chunk(self) -> MovedMoments:
        """Let another chunk follow; return the map that says how its silences move its moments."""
        self._chunk_start_samples = self._fed_samples
        self._moments = MovedMoments()
        return self._moments

    def feed(self, frames: Frames, samples: int) -> None:
        """Take what became of some frames, before it is stretched.

        Args:
            frames: as the engine delivered them.
            samples: how many samples come out for them now, pauses included.
        """
        self._fed_samples += samples
        self._unsettled += frames.words
        known_seconds = self._moments.known_samples / self._rate_hz
        while self._unsettled:
            word = self._unsettled[0]
            if word.end_seconds > known_seconds and not frames.chunk_last:
                return
            self._unsettled.popleft()
            times = map(self._word_seconds, (word.start_seconds, word.end_seconds))
            self.words.append(HeardWord(frames.chunk_index, word.start, word.end, *times))

    def _word_seconds(self, chunk_seconds: float) -> float:
        early_seconds = STRETCH_WINDOW_SECONDS * max(0.0, 1 - self._speed)
        run_start_seconds = self._run_start_samples / self._rate_hz
        return max(run_start_seconds, self._heard_seconds(chunk_seconds) - early_seconds)

    def _heard_seconds(self, chunk_seconds: float) -> float:
        moved = self._moments.moved(chunk_seconds * self._rate_hz)
        stretched = (self._chunk_start_samples + moved) / self._speed
        return (self._run_start_samples + stretched) / self._rate_hz
