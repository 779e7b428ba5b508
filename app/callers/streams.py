"""Counts the speech that goes on for each caller, and tells when the next of it has ended."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.callers.caller import Caller
from app.callers.elsewhere import Elsewhere
from app.errors import LimitReached, Overloaded
from app.returning import ReturnTimes

_SHORTEST_SECONDS = 0.1
_FEW_CHARACTERS = 30
"""Whatever comes before the first word takes about as long as so many characters."""
_FIRST_SECONDS_PER_CHARACTER = 0.01
_FIRST_TALK_SECONDS = 10.0
_MEMORY = 0.9
_LATER_SHARE = 0.25
"""What goes on for longer than expected is expected to do so for this part of its age."""
_TOLD_AT_ONCE = 1000


@dataclass(slots=True, eq=False)
class _Stream:
    """Is speech that goes on; `characters` is 0 while nobody knows how much it will be."""

    characters: int
    began_seconds: float


class _Pace:
    """Averages how long a unit of work takes, the last ones most of all."""

    def __init__(self, first_seconds: float) -> None:
        self._seconds = first_seconds
        self._work = 1.0

    @property
    def seconds(self) -> float:
        return self._seconds / self._work

    def took(self, work: float, seconds: float) -> None:
        self._work = _MEMORY * self._work + work
        self._seconds = _MEMORY * self._seconds + seconds


class Streams:
    """Counts requests for speech while they are answered. Use from the event loop.

    Args:
        elsewhere: knows what other servers answer.
    """

    def __init__(self, elsewhere: Elsewhere | None = None) -> None:
        self._elsewhere = elsewhere or Elsewhere(None)
        self._running: defaultdict[str, list[_Stream]] = defaultdict(list)
        self._returning = ReturnTimes(_TOLD_AT_ONCE)
        self._per_character = _Pace(_FIRST_SECONDS_PER_CHARACTER)
        self._per_talk = _Pace(_FIRST_TALK_SECONDS)

    @contextmanager
    def running(self, caller: Caller, characters: int = 0) -> Iterator[None]:
        """Count speech as long as the block runs.

        Args:
            characters: how much text it is; 0 where that is still being written.

        Raises:
            Overloaded: as many as allowed go on already.
            LimitReached: none is allowed.
        """
        limit = caller.limits.concurrent_streams
        if limit == 0:
            raise LimitReached("concurrent_streams: this key allows no speech at all")
        running = self._running[caller.name]
        now = time.monotonic()
        if limit is not None and len(running) + self._elsewhere.streams_of(caller) >= limit:
            raise Overloaded(
                f"{limit} requests of this key are being answered already, which is what it allows",
                retry_after_seconds=self._ends_in_seconds(caller.name, now),
            )
        stream = _Stream(characters, now)
        running.append(stream)
        end = self._elsewhere.begin(caller)
        try:
            yield
        finally:
            end()
            running.remove(stream)
            if not running:
                del self._running[caller.name]
            self._ended(stream)

    def _ended(self, stream: _Stream) -> None:
        took_seconds = time.monotonic() - stream.began_seconds
        if stream.characters:
            self._per_character.took(stream.characters + _FEW_CHARACTERS, took_seconds)
        else:
            self._per_talk.took(1, took_seconds)

    def _lasts_seconds(self, stream: _Stream) -> float:
        if not stream.characters:
            return self._per_talk.seconds
        return (stream.characters + _FEW_CHARACTERS) * self._per_character.seconds

    def _ends_in_seconds(self, name: str, now: float) -> float:
        """Tell who is refused when there will be room, for each another stream that ends."""
        # Of those that others answer nobody here knows more than that they are there.
        running = self._running[name] or [_Stream(0, now)]
        lasts = [self._lasts_seconds(each) for each in running]
        ages = [now - each.began_seconds for each in running]
        left = [
            max(expected - age, _LATER_SHARE * age)
            for expected, age in zip(lasts, ages, strict=True)
        ]
        mean_seconds = sum(lasts) / len(lasts)
        heapq.heapify(left)

        def until_ended(streams: int) -> float:
            ends = list(left)
            for _ in range(streams - 1):
                heapq.heapreplace(ends, ends[0] + mean_seconds)
            return ends[0]

        seconds = self._returning.tell(name, now, until_ended, own=True)
        return max(_SHORTEST_SECONDS, seconds)
