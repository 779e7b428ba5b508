"""Bounds what each caller keeps on the disk: voices, and the bytes of them and of saved audio."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from app.callers.caller import Caller
from app.errors import LimitReached


class Stored(NamedTuple):
    """Says how much a caller keeps."""

    voices: int
    size_bytes: int


class StoredLimits:
    """Refuses what goes beyond a caller's limits. Blocks; safe to use from any thread.

    Args:
        stored_by: counts what the caller of a name keeps.
    """

    def __init__(self, stored_by: Callable[[str], Stored]) -> None:
        self._stored_by = stored_by
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def room(self, caller: Caller | None, *, voices: int, size_bytes: int) -> Iterator[None]:
        """Let a caller keep so much more in the block; who is limited does so one after the other.

        Raises:
            LimitReached: it is more than the caller may keep.
        """
        limits = None if caller is None else caller.limits
        if limits is None or (limits.stored_voices is None and limits.stored_bytes is None):
            yield
            return
        assert caller is not None
        with self._locks[caller.name]:
            stored = self._stored_by(caller.name)
            most_voices, most_bytes = limits.stored_voices, limits.stored_bytes
            if most_voices is not None and voices > 0 and stored.voices + voices > most_voices:
                raise LimitReached(
                    f"stored_voices: this key may keep {most_voices} voices and has "
                    f"{stored.voices}; delete one before you make another"
                )
            if most_bytes is not None and size_bytes > max(0, most_bytes - stored.size_bytes):
                raise LimitReached(
                    f"stored_bytes: this key may keep {most_bytes} bytes of voices and audio and "
                    f"has {stored.size_bytes}; this would be {size_bytes} more"
                )
            yield
