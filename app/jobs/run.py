"""Follows one job while it is worked on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from app.jobs.job import Chapter, Job, Segment
from app.jobs.wish import JobControls

MEASURED_SECONDS = 60.0
"""How fast a job is spoken is measured over so long."""


@dataclass(slots=True)
class Run:
    """Follows one job that is worked on.

    Attributes:
        pending: segments that are to be spoken next.
        speaking: the tasks that speak, by the number of the segment.
        held_until_seconds: nothing more is tried before, as `time.monotonic` has it.
        failures: how often each segment broke; that of the finished file is None.
    """

    job: Job
    controls: JobControls
    chapters: dict[int, Chapter]
    pending: deque[Segment] = field(default_factory=deque)
    speaking: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    mastering: asyncio.Task[None] | None = None
    held_until_seconds: float = 0.0
    is_held: bool = False
    failures: Counter[int | None] = field(default_factory=Counter)
    pace: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """List all that goes on for the job."""
        return [*self.speaking.values(), *([self.mastering] if self.mastering else [])]

    @property
    def may_speak(self) -> bool:
        """Tell whether the next segment may be begun now."""
        if not self.pending or time.monotonic() < self.held_until_seconds:
            return False
        # What did not go on is tried with one segment first.
        return not self.is_held or not self.speaking

    def spoke(self, characters: int) -> None:
        """Take note of a segment that has been spoken now."""
        now_seconds = time.monotonic()
        self.pace.append((now_seconds, characters))
        while self.pace[0][0] < now_seconds - MEASURED_SECONDS:
            self.pace.popleft()

    @property
    def characters_per_second(self) -> float | None:
        """Tell how fast the job is spoken lately; None while that is not known."""
        if len(self.pace) < 2:
            return None
        seconds = time.monotonic() - self.pace[0][0]
        return sum(count for _, count in list(self.pace)[1:]) / max(seconds, 0.01)
