"""Bounds how often something may happen: so much a second, and a burst of it at once."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable


class Pace:
    """Says for how long whoever uses something has to wait, so as to use no more than its share.

    This is the generic cell rate algorithm of ITU-T I.371. Use it from one thread only.

    Args:
        per_second: how much may be used in a second, in the long run.
        at_once: how much more than that may be used at once.
        now: returns a time in seconds.
    """

    __slots__ = ("_at_once_seconds", "_now", "_paid_seconds", "_per_second")

    def __init__(
        self, per_second: float, at_once: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._at_once_seconds = at_once / per_second
        self._now = now
        self._paid_seconds = -math.inf
        """This is when everything that was counted will have been earned."""

    def count(self, amount: float = 1.0, *, at_most_seconds: float = math.inf) -> float:
        """Count something that is used, and return for how many seconds to wait after it.

        Args:
            at_most_seconds: the longest wait; what would make it longer is not counted.
        """
        now = self._now()
        paid = max(self._paid_seconds, now) + amount / self._per_second
        self._paid_seconds = min(paid, now + self._at_once_seconds + at_most_seconds)
        return max(0.0, self._paid_seconds - self._at_once_seconds - now)

    def allows(self, amount: float = 1.0) -> bool:
        """Count something that would be used, and return True; or False if it has to wait."""
        before = self._paid_seconds
        if self.count(amount) <= 0:
            return True
        self._paid_seconds = before
        return False


class Paces:
    """Keeps one pace for each address, of those that were seen last.

    Args:
        per_second, at_once: as for a `Pace`.
        max_addresses: how many are remembered.
    """

    def __init__(self, per_second: float, at_once: float, *, max_addresses: int) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._max_addresses = max_addresses
        self._paces: OrderedDict[str, Pace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paces)

    def of(self, address: str) -> Pace:
        """Return the pace of an address, a new one if it was not seen lately."""
        pace = self._paces.get(address)
        if pace is None:
            pace = self._paces[address] = Pace(self._per_second, self._at_once)
            if len(self._paces) > self._max_addresses:
                self._paces.popitem(last=False)
        self._paces.move_to_end(address)
        return pace
