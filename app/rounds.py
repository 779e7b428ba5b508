"""Lets several parties take turns: many things of one do not hold up the first of another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator
from itertools import chain
from typing import Any, Generic, TypeVar

PartyT = TypeVar("PartyT", bound=Hashable)
T = TypeVar("T")


class Rounds(Generic[PartyT, T]):
    """Queues things of several parties, whose turns come round.

    What one party waits for stays in order. A party that comes is behind those that are there, and
    after its turn it is behind all: before its first thing each other party has at most one turn.
    """

    def __init__(self) -> None:
        self._lines: dict[PartyT, deque[T]] = {}  # in the order of their turns

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._lines.values())

    @property
    def parties(self) -> Collection[PartyT]:
        """List who waits, the next one first."""
        return self._lines.keys()

    def line(self, party: PartyT) -> Collection[T]:
        """List what a party waits for, in order; nothing for one that does not wait."""
        return self._lines.get(party, ())

    def join(self, party: PartyT, thing: T) -> None:
        """Queue a thing."""
        self._lines.setdefault(party, deque()).append(thing)

    def next(self, rank: Callable[[PartyT], Any] = lambda _: 0) -> T | None:
        """Return the thing whose turn it is; None if there is none.

        Args:
            rank: the party for which this is least goes first; those for which it is equal take
                turns.
        """
        if not self._lines:
            return None
        return self._lines[min(self._lines, key=rank)][0]

    def take(self, party: PartyT | None = None) -> T | None:
        """Take the first thing of a party, which is then behind all others; None if there is none.

        Args:
            party: None takes the one whose turn it is.
        """
        if not self._lines:
            return None
        party = next(iter(self._lines)) if party is None else party
        line = self._lines.pop(party)
        thing = line.popleft()
        if line:
            self._lines[party] = line
        return thing

    def leave(self, party: PartyT, thing: T) -> None:
        """Take out a thing whose turn has not come."""
        line = self._lines[party]
        line.remove(thing)
        if not line:
            del self._lines[party]
