"""Watches whether the model gets to the last words of its text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment.words import Reading, spoken_words, token_shares
from app.engine.sequence import Look
from app.engine.takes.faults import look_at_last


class LastWords:
    """Keeps how much a take has looked at its last words; others may look through it.

    Args:
        look: tells what the next so many frames attended to, each once.
    """

    def __init__(self, reading: Reading, look: Look) -> None:
        words = spoken_words(reading.text)
        self._shares = token_shares(reading, words) if words else None
        self._ask = look
        self._frames = 0
        self._most = 0.0

    def look(self, frames: int) -> NDArray[np.float32]:
        """Tell what the next frames attended to, and take note of it."""
        attention = self._ask(frames)
        self._frames += frames
        if self._shares is not None and frames:
            self._most = max(self._most, look_at_last(attention.mean(0) @ self._shares))
        return attention

    def most(self, frames: int) -> float:
        """Return the most there was in so many frames, which are all there are."""
        if frames > self._frames:
            self.look(frames - self._frames)
        return self._most
