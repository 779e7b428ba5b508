"""Which rows run, and what a free worker does next: policy only, no tensors, no clock, no lock.

Deadlines of playback decide. A row's deadline is when its listener, who started with the first
PCM and plays without a pause, needs the row's next frame. Rows that are comfortably ahead share
large batches; a row that is not goes first, with few others in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.engine.pace import Pace
from app.engine.sequence import Job, Sequence
from app.errors import Overloaded

COMFORT_SECONDS = 1.0
"""Rows further ahead of their deadline than this are equally (not) urgent."""
URGENT_SECONDS = 0.1
"""With less slack than this a row is served with others of its kind only."""
STEP_LEAD_SECONDS = 0.12
"""How much earlier a latent is due than its PCM, so that the codec rarely waits for one."""
MAX_PENDING_FRAMES = 6
"""Latents of one row that may wait for the codec."""
MAX_FRAMES_PER_DECODE = 4
TARGET_DECODE_SECONDS = 0.04
"""A worker that decodes does not see newcomers until it is done."""
MAX_PREFILLS_PER_STEP = 2
MIN_ROWS_PER_STEP = 8
BATCH_SHARE = 0.6
"""Part of the speaking rows that a step waits for, when nobody is in a hurry."""
MAX_OPENING_JOBS = 6
"""Newcomers between admission and their first audio."""
STRAIN_SECONDS = 0.1
"""No newcomer is admitted while a listener has less than this left to play (see `_strained`),"""
PATIENCE_SECONDS = 10.0
"""unless none has been for so long."""


@dataclass(frozen=True, slots=True)
class Step:
    """One latent for each of these rows; those with nothing sampled yet read their text first."""

    rows: tuple[Sequence, ...]
    started_at: float


@dataclass(frozen=True, slots=True)
class Decode:
    """The next `frames` latents of each of these rows to PCM."""

    rows: tuple[Sequence, ...]
    frames: int
    started_at: float


Work = Step | Decode


@dataclass(frozen=True, slots=True)
class Limits:
    """What the scheduler may use.

    Attributes:
        buffer_seconds: audio a job may be ahead of its reader.
    """

    max_running_rows: int
    max_queued_jobs: int
    workers: int
    frame_seconds: float
    buffer_seconds: float


class Scheduler:
    """All methods are called under the engine's lock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._jobs: list[Job] = []
        self._running: list[Sequence] = []
        self._served = 0
        self._last_newcomer_at = 0.0
        self._pace = Pace(limits.workers, limits.frame_seconds)

    @property
    def running_rows(self) -> int:
        return len(self._running)

    @property
    def queued_jobs(self) -> int:
        return sum(job.queued for job in self._jobs)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Jobs that still have something to compute."""
        return tuple(self._jobs)

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            Overloaded: as many jobs as allowed wait already.
        """
        if self.queued_jobs >= self._limits.max_queued_jobs:
            waiting = sum(job.waiting_seconds for job in self._jobs)
            raise Overloaded(
                f"{self.queued_jobs} requests are waiting already; try again later",
                retry_after_seconds=min(
                    60.0, max(1.0, waiting / self._pace.audio_seconds_per_second)
                ),
            )
        self._jobs.append(job)

    def next_work(self, now: float) -> Work | None:
        """What to compute next, its rows marked as busy; None if there is nothing."""
        self._admit(now)
        steps = self._by_deadline([row for row in self._running if self._can_step(row)], now)
        decodes = self._by_deadline([row for row in self._running if self._can_decode(row)], now)
        if not steps and not decodes:
            return None
        self._served += 1
        if not decodes or (steps and self._step_first(steps, decodes, now)):
            return self._step(steps, now)
        return self._decode(decodes, now)

    def step_done(self, work: Step, now: float) -> None:
        """The rows' progress is recorded; let go of them."""
        self._pace.stepped(now - work.started_at)
        for row in work.rows:
            row.in_step = False
            if row.finished:
                row.job.speaking -= 1
                row.expected_seconds = row.emitted * self._limits.frame_seconds
                row.job.lengths_changed()

    def decode_done(self, work: Decode, now: float) -> None:
        for row in work.rows:
            row.in_codec = False
            row.decoded += work.frames
            if row.job.playing_since is None:
                earlier = row.job.chunks[: row.index]
                row.job.playing_since = now if all(c.closed for c in earlier) else None
        self._pace.decoded(len(work.rows) * work.frames, now - work.started_at)

    def retire(self) -> list[Sequence]:
        """Take the rows that are through out of the batch, and the jobs that are through off."""
        retired = [row for row in self._running if row.retired]
        if retired:
            self._running = [row for row in self._running if not row.retired]
        alive = {row.job for row in self._running}
        self._jobs = [job for job in self._jobs if job.waiting is not None or job in alive]
        return retired

    @property
    def _crowded(self) -> bool:
        full = len(self._running) >= self._limits.max_running_rows
        return full and self.queued_jobs > 0

    def _admit(self, now: float) -> None:
        while len(self._running) < self._limits.max_running_rows:
            row = self._next_admission(now)
            if row is None:
                return
            row.job.admitted += 1
            row.job.speaking += 1
            self._running.append(row)

    def _next_admission(self, now: float) -> Sequence | None:
        """Listeners in the middle of their speech, then newcomers in order, then running ahead.

        Chunks that run ahead take at most half of the rows, so that newcomers find room.
        """
        waiting = [row for row in (job.waiting for job in self._jobs) if row is not None]
        started = [row for row in waiting if not row.job.queued and not self._paused(row)]
        next_up = [row for row in started if not row.job.speaking]
        if next_up:
            return min(next_up, key=lambda row: row.job.due_at(row.index, 0.0))
        newcomers = [row for row in waiting if row.job.queued]
        if newcomers:
            patient = now - self._last_newcomer_at < PATIENCE_SECONDS
            if self._opening >= MAX_OPENING_JOBS or (patient and self._strained(newcomers[0], now)):
                return None
            self._last_newcomer_at = now
            return newcomers[0]
        extra_rows = len(self._running) - len({row.job for row in self._running})
        bound = self._limits.max_running_rows
        room = extra_rows < bound // 2 and len(self._running) < bound - bound // 4
        ahead = [r for r in started if r.job.ahead_seconds <= self._limits.buffer_seconds]
        if not ahead or not room:
            return None
        return min(ahead, key=lambda row: row.job.due_at(row.index, 0.0))

    def _strained(self, newcomer: Sequence, now: float) -> bool:
        """Whether a listener would hear a gap if `newcomer` were admitted now.

        That is so if one has hardly anything left to play, and if more rows speak than the
        machine keeps up with and their slack does not last until they are through.
        """
        active = [row for row in self._running if not self._paused(row)]
        slacks = [self._slack(row, now) for row in active if row.job.playing_since is not None]
        if slacks and min(slacks) < STRAIN_SECONDS:
            return True
        rows = [*active, newcomer]
        lasting = sum(max(0.0, row.expected_seconds - self._seconds(row.decoded)) for row in rows)
        lasting /= len(rows)
        # However slow the machine, one may speak: else nothing would ever wake this again.
        shortfall = len(rows) - max(1.0, self._pace.audio_seconds_per_second)
        return shortfall * lasting > sum(min(slack, lasting) for slack in slacks)

    @property
    def _opening(self) -> int:
        """Running jobs of which nothing has been heard yet."""
        return len({row.job for row in self._running if row.job.playing_since is None})

    def _paused(self, row: Sequence) -> bool:
        """Whether the row's reader has enough to read.

        The chunk that is being read is never held up by what cannot be read before it has ended.
        """
        reader = row.job.reader
        waits = reader.readable_seconds if row.index <= reader.reading else reader.buffered_seconds
        return waits >= self._limits.buffer_seconds

    def _can_step(self, row: Sequence) -> bool:
        if row.in_step or row.finished or row.job.cancelled:
            return False
        if row.pending >= MAX_PENDING_FRAMES:
            return False
        # A row whose reader is slow rests, unless a newcomer needs its place: then it goes on,
        # when nobody else is due, to the end of its chunk.
        return not self._paused(row) or self._crowded

    def _can_decode(self, row: Sequence) -> bool:
        return row.pending > 0 and not row.in_codec and not row.job.cancelled

    def _due(self, row: Sequence, now: float) -> float:
        """Deadline of the row's next PCM; all comfortable rows share one."""
        return now + min(self._slack(row, now), COMFORT_SECONDS)

    def _step_due(self, row: Sequence, now: float) -> float:
        """Deadline of the row's next latent."""
        lead = STEP_LEAD_SECONDS if row.decoded else 0.0
        made_ahead = self._seconds(row.pending)
        return now + min(self._slack(row, now) + made_ahead, COMFORT_SECONDS) - lead

    def _slack(self, row: Sequence, now: float) -> float:
        """Seconds until the row's listener needs its next PCM; negative if it is late."""
        seconds = self._seconds(row.decoded)
        unread = row.job.unread_seconds(row.index, seconds)
        slack = row.job.due_at(row.index, seconds) - now
        # Whatever the clock says, a reader that has yet to read so much is slow itself.
        return max(slack, unread) if unread >= COMFORT_SECONDS else slack

    def _seconds(self, frames: int) -> float:
        return frames * self._limits.frame_seconds

    def _step_first(self, steps: list[Sequence], decodes: list[Sequence], now: float) -> bool:
        """Whether the language model goes before the codec, given the rows by deadline.

        Unless a row is in a hurry, it waits for company: a large batch reads the weights once.
        """
        due = self._due(steps[0], now)
        if due - now >= URGENT_SECONDS:
            speaking = sum(not r.finished and not self._paused(r) for r in self._running)
            if BATCH_SHARE * speaking > len(steps):
                return False
        return self._step_due(steps[0], now) < self._due(decodes[0], now)

    def _by_deadline(self, rows: list[Sequence], now: float) -> list[Sequence]:
        return sorted(rows, key=lambda row: (self._due(row, now), row.served))

    def _companions(self, rows: list[Sequence], now: float) -> list[Sequence]:
        """Of rows by deadline, those to be served with the first."""
        first = self._due(rows[0], now)
        if first - now >= URGENT_SECONDS:
            return rows
        return [row for row in rows if self._due(row, now) < max(first, now) + URGENT_SECONDS]

    def _step(self, rows: list[Sequence], now: float) -> Step:
        chosen: list[Sequence] = []
        prefills = 0
        # One large batch reads the weights once; many workers are fed by more than one.
        share = max(MIN_ROWS_PER_STEP, -(-len(rows) // max(1, self._limits.workers // 2)))
        for row in self._companions(rows, now)[:share]:
            if row.sampled == 0:
                prefills += 1
                if prefills > min(MAX_PREFILLS_PER_STEP, self._limits.workers):
                    continue
            row.in_step = True
            chosen.append(row)
        return Step(tuple(chosen), now)

    def _decode(self, rows: list[Sequence], now: float) -> Decode:
        """A share of the rows, so that all workers have one."""
        latents = self._pace.latents_in(TARGET_DECODE_SECONDS)
        share = min(latents, -(-len(rows) // self._limits.workers))
        chosen = self._companions(rows, now)[:share]
        frames = min(MAX_FRAMES_PER_DECODE, *(row.pending for row in chosen))
        frames = min(frames, max(1, latents // len(chosen)))
        for row in chosen:
            row.in_codec = True
            row.served = self._served
        return Decode(tuple(chosen), frames, now)
