"""Knows how much a listener has heard who plays speech as it comes."""

from __future__ import annotations

import time


class Playhead:
    """Follows a player that plays at once what it is sent, and waits where nothing is there."""

    def __init__(self) -> None:
        self.sent_seconds = 0.0
        self._played_until_seconds = 0.0

    def sent(self, until_seconds: float) -> None:
        """Take note that the sound up to here, from its beginning, has just been sent."""
        fresh_seconds = max(0.0, until_seconds - self.sent_seconds)
        begins_seconds = max(time.monotonic(), self._played_until_seconds)
        self._played_until_seconds = begins_seconds + fresh_seconds
        self.sent_seconds += fresh_seconds

    @property
    def heard_seconds(self) -> float:
        """Return how much of the sound has been heard by now."""
        ahead_seconds = max(0.0, self._played_until_seconds - time.monotonic())
        return max(0.0, self.sent_seconds - ahead_seconds)
