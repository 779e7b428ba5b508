"""Counts the bytes that each owner's saved audio takes, without looking through it each time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Lock

from app.stores.files import StoredFile

COUNTED_SECONDS = 10.0
"""What other servers have saved or removed is known after so long: a store is slow to list."""


class BytesByOwner:
    """Counts bytes by owner; what this server saves and removes counts at once. Any thread may ask.

    Args:
        look: lists all files, which may take long.
        owner_of: returns whose a file is by its name; None for the operator's.
    """

    def __init__(
        self,
        look: Callable[[], Iterable[StoredFile]],
        owner_of: Callable[[str], str | None],
    ) -> None:
        self._look = look
        self._owner_of = owner_of
        self._lock = Lock()
        self._looking = Lock()
        self._looked_seconds: float | None = None
        self._counted: Counter[str | None] = Counter()
        self._recent: dict[str, int] = {}
        """Files that were saved since the last look began, of which it may have seen some."""

    def of(self, owner: str) -> int:
        """Return how many bytes the audio of an owner has. May block."""
        with self._looking:
            if self._is_old:
                self._count()
        with self._lock:
            recent = sum(size for name, size in self._recent.items() if self._is(name, owner))
            return max(0, self._counted[owner] + recent)

    def saved(self, name: str, size_bytes: int) -> None:
        """Count a file that was saved here."""
        with self._lock:
            self._recent[name] = size_bytes

    def removed(self, name: str, size_bytes: int) -> None:
        """Count a file no longer."""
        with self._lock:
            if self._recent.pop(name, None) is None:
                self._counted[self._owner_of(name)] -= size_bytes

    @property
    def _is_old(self) -> bool:
        looked_seconds = self._looked_seconds
        return looked_seconds is None or time.monotonic() - looked_seconds > COUNTED_SECONDS

    def _count(self) -> None:
        began_seconds = time.monotonic()
        with self._lock:
            before = set(self._recent)
        counted: Counter[str | None] = Counter()
        for each in self._look():
            if each.name in before or each.name not in self._recent:
                counted[self._owner_of(each.name)] += each.size_bytes
        with self._lock:
            for name in before:
                self._recent.pop(name, None)
            self._counted, self._looked_seconds = counted, began_seconds

    def _is(self, name: str, owner: str) -> bool:
        return self._owner_of(name) == owner
