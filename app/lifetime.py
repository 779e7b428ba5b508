"""Knows when the server began, and when everything has to have ended."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from app.errors import ModelUnavailable
from app.speech_engine import RESTART_SECONDS

_TIDY_SECONDS = 2.0


def shutting_down() -> ModelUnavailable:
    """Make the error for whoever asks for something while the server stops."""
    return ModelUnavailable("the server is shutting down", retry_after_seconds=RESTART_SECONDS)


class Lifetime:
    """Shares one grace time among all that goes on when the server is told to stop.

    Args:
        grace_seconds: how long speech that has begun may go on after that.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._began_seconds = time.monotonic()
        self._stop_by_seconds: float | None = None
        self._told = asyncio.Event()
        self.at_work: set[asyncio.Future[Any]] = set()
        """These are the tasks of requests that have not ended."""

    @property
    def uptime_seconds(self) -> float:
        """Return how long ago the server began."""
        return time.monotonic() - self._began_seconds

    def begin_stop(self) -> None:
        """Begin nothing new, and start the grace time; until this call none of it passes."""
        self._stop_by_seconds = time.monotonic() + self._grace_seconds
        self._told.set()

    @property
    def is_stopping(self) -> bool:
        """Tell whether the server was told to stop."""
        return self._told.is_set()

    def require_running(self) -> None:
        """Refuse what would begin now, if the server was told to stop.

        Raises:
            ModelUnavailable: it was.
        """
        if self.is_stopping:
            raise shutting_down()

    async def stopping(self) -> bool:
        """Wait until the server is told to stop."""
        return await self._told.wait()

    async def drained(self) -> bool:
        """Wait until what was at work has ended, but no longer than the grace time.

        Returns:
            Whether all of it has ended.
        """
        if not self.at_work:
            return True
        _, working = await asyncio.wait(set(self.at_work), timeout=self.grace_left_seconds)
        return not working

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
