"""Tells who watches a job that something has happened to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Board:
    """Wakes those who watch a job. Use from one event loop."""

    def __init__(self) -> None:
        self._watching: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def changed(self, job_id: str) -> None:
        """Say that something has happened to a job."""
        for event in self._watching.get(job_id, ()):
            event.set()

    @contextmanager
    def watching(self, job_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something happens, until the end of the block."""
        event = asyncio.Event()
        self._watching[job_id].add(event)
        try:
            yield event
        finally:
            self._watching[job_id].discard(event)
            if not self._watching[job_id]:
                del self._watching[job_id]
