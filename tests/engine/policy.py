"""Shared by the tests of scheduling: readers that read nothing, and a machine of a known speed."""

from __future__ import annotations

from dataclasses import dataclass

from app.engine.scheduler import Decode, Limits, Scheduler, Step, Work
from app.engine.sequence import Job, Sequence

FRAME_SECONDS = 0.08


@dataclass
class StillReader:
    buffered_seconds: float = 0.0
    read_seconds: float = 0.0


def limits(
    *,
    max_running_rows: int = 8,
    max_queued_jobs: int = 4,
    workers: int = 2,
    buffer_seconds: float = 60.0,
) -> Limits:
    return Limits(max_running_rows, max_queued_jobs, workers, FRAME_SECONDS, buffer_seconds)


def job(chunks: int = 1, at: float = 0.0, reader: StillReader | None = None) -> Job:
    return Job.of(["x" * 60] * chunks, reader or StillReader(), at)


def finish(scheduler: Scheduler, work: Work, now: float, *, chunk_frames: int = 50) -> None:
    """What the engine does after a piece of work, every chunk being `chunk_frames` long."""
    if isinstance(work, Step):
        for row in work.rows:
            row.max_frames = chunk_frames
            row.advance(is_eos=False)
        scheduler.step_done(work)
    else:
        scheduler.decode_done(work, now)
        for row in work.rows:
            row.closed = row.drained
    scheduler.retire()


def rows_of(work: Work | None) -> list[Sequence]:
    return [] if work is None else list(work.rows)


@dataclass
class Machine:
    """Simulated workers that take a fixed time per piece of work."""

    scheduler: Scheduler
    now: float = 0.0
    step_seconds: float = 0.01
    decode_seconds_per_frame: float = 0.003

    def run(self, seconds: float) -> list[tuple[float, Work]]:
        """One worker for a while; what it did, with the time at which it was done."""
        done: list[tuple[float, Work]] = []
        end = self.now + seconds
        while self.now < end:
            work = self.scheduler.next_work(self.now)
            if work is None:
                return done
            if isinstance(work, Decode):
                self.now += len(work.rows) * work.frames * self.decode_seconds_per_frame
            else:
                self.now += self.step_seconds
            finish(self.scheduler, work, self.now)
            done.append((self.now, work))
        return done
