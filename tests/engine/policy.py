"""Shared by the tests of scheduling: readers that read nothing, and a machine of a known speed."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from app.engine.scheduler import Decode, Limits, Scheduler, Step, Work
from app.engine.sequence import Job, Reader, Sequence

FRAME_SECONDS = 0.08


@dataclass
class FastReader:
    """Has read whatever there is."""

    buffered_seconds: float = 0.0
    readable_seconds: float = 0.0
    read_seconds: float = 1e9
    reading: int = 1_000_000


@dataclass
class StillReader:
    """Reads nothing, though all that waits could be read."""

    buffered_seconds: float = 0.0
    read_seconds: float = 0.0
    reading: int = 0

    @property
    def readable_seconds(self) -> float:
        return self.buffered_seconds


@dataclass
class HinderedReader:
    """Would read, but all that waits lies behind a chunk that has not ended."""

    buffered_seconds: float
    readable_seconds: float = 0.0
    read_seconds: float = 0.0
    reading: int = 0


def limits(
    *,
    max_running_rows: int = 8,
    max_queued_jobs: int = 4,
    workers: int = 2,
    buffer_seconds: float = 60.0,
) -> Limits:
    return Limits(max_running_rows, max_queued_jobs, workers, FRAME_SECONDS, buffer_seconds)


def job(chunks: int = 1, at: float = 0.0, reader: Reader | None = None) -> Job:
    return Job.of(["x" * 60] * chunks, reader or FastReader(), at)


def finish(scheduler: Scheduler, work: Work, now: float, *, chunk_frames: int = 50) -> None:
    """What the engine does after a piece of work, every chunk being `chunk_frames` long."""
    if isinstance(work, Step):
        for row in work.rows:
            row.max_frames = chunk_frames
            row.advance(is_eos=False)
        scheduler.step_done(work, now)
    else:
        scheduler.decode_done(work, now)
        for row in work.rows:
            row.closed = row.drained
    scheduler.retire()


def rows_of(work: Work | None) -> list[Sequence]:
    return [] if work is None else list(work.rows)


@dataclass
class Machine:
    """Workers that take a known time per piece of work, and what the listeners hear of it.

    Attributes:
        now: the simulated clock, in seconds.
        heard: per job, when its frames were decoded.
    """

    scheduler: Scheduler
    workers: int = 1
    step_seconds: float = 0.004
    step_seconds_per_row: float = 0.001
    prefill_seconds: float = 0.010
    decode_seconds_per_frame: float = 0.005
    chunk_frames: int = 50
    now: float = 0.0
    heard: dict[Job, list[float]] = field(default_factory=dict)
    _under_way: list[tuple[float, int, Work]] = field(default_factory=list)
    _started: int = 0

    def run(self, seconds: float) -> None:
        """Let the workers work for a while."""
        end = self.now + seconds
        while True:
            while len(self._under_way) < self.workers:
                work = self.scheduler.next_work(self.now)
                if work is None:
                    break
                self._started += 1
                due = self.now + self._cost_seconds(work)
                heapq.heappush(self._under_way, (due, self._started, work))
            if not self._under_way or self._under_way[0][0] > end:
                self.now = end
                return
            self.now, _, work = heapq.heappop(self._under_way)
            finish(self.scheduler, work, self.now, chunk_frames=self.chunk_frames)
            if isinstance(work, Decode):
                for row in work.rows:
                    self.heard.setdefault(row.job, []).extend([self.now] * work.frames)

    def first_audio_seconds(self, one: Job) -> float:
        return self.heard[one][0] - one.submitted_at

    def worst_gap_seconds(self, one: Job) -> float:
        """The longest silence of a listener who plays from the first frame on."""
        times = self.heard[one]
        lateness = (at - times[0] - i * FRAME_SECONDS for i, at in enumerate(times))
        return max(lateness)

    def _cost_seconds(self, work: Work) -> float:
        if isinstance(work, Decode):
            return len(work.rows) * work.frames * self.decode_seconds_per_frame
        prefills = sum(row.sampled == 0 for row in work.rows)
        batch = self.step_seconds_per_row * len(work.rows)
        return self.step_seconds + batch + self.prefill_seconds * prefills
