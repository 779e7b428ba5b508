"""Knows when the server began, and when everything has to have ended."""

from __future__ import annotations

import asyncio
import time
from typing import Any

_TIDY_SECONDS = 2.0


class Lifetime:
    """Shares one grace time among all that goes on when the server is told to stop.

    Args:
        grace_seconds: how long speech that has begun may go on after that.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._began_seconds = time.monotonic()
        self._stop_by_seconds: float | None = None
        self.at_work: set[asyncio.Future[Any]] = set()
        """These are the tasks of requests that have not ended."""

    @property
    def uptime_seconds(self) -> float:
        """Return how long ago the server began."""
        return time.monotonic() - self._began_seconds

    def begin_stop(self) -> None:
        """Start the grace time; until this call none of it passes."""
        self._stop_by_seconds = time.monotonic() + self._grace_seconds

    @property
    def grace_left_seconds(self) -> float:
        """Return how much of the grace time is left."""
        if self._stop_by_seconds is None:
            return self._grace_seconds
        return max(0.0, self._stop_by_seconds - time.monotonic())

    async def requests_ended(self) -> None:
        """Give requests that were cancelled a moment to say so and tidy up.

        Uvicorn cancels them at the end of the grace time and would not wait.
        """
        if self.at_work:
            await asyncio.wait(self.at_work, timeout=_TIDY_SECONDS)
