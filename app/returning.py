"""Tells those who are refused when to come back, each to a place of its own: no clock, no lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence


class ReturnTimes:
    """Remembers who was told to come back when, so that not all are told the same moment.

    Args:
        places: how many there are at most for those who come back.
    """

    def __init__(self, places: int) -> None:
        self._told: deque[tuple[float, str]] = deque(maxlen=max(1, places))

    def tell(
        self, caller: str, now: float, seconds_until: Callable[[int], float], *, own: bool
    ) -> float:
        """Return after how many seconds a caller may come back, and remember it.

        Args:
            seconds_until: tells how long it takes until so many places are free.
            own: whether only the caller's own places become free for it, and not everybody's.
        """
        expected = sum(at > now and (each == caller or not own) for at, each in self._told)
        places = min(expected + 1, self._told.maxlen or 1)
        seconds = seconds_until(places)
        self._told.append((now + seconds, caller))
        return seconds


def seconds_until_free(
    rows: int, *, left_seconds: Sequence[float], mean_seconds: float, rate: float
) -> float:
    """Estimate how long it takes until so many jobs that run have ended, and others have begun.

    The jobs that run share the machine evenly, and the place of one that has ended is taken at
    once by one of those that wait.

    Args:
        left_seconds: how much audio is left to be made of each job that runs.
        mean_seconds: how much audio the jobs are that wait.
        rate: how many seconds of audio the machine makes in a second.
    """
    left = sorted(left_seconds)
    if rows <= len(left):
        return left[rows - 1] * len(left) / rate
    return (sum(left) + (rows - len(left)) * mean_seconds) / rate
