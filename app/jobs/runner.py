"""Works on the jobs that are to be spoken, many segments at once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial

from pydantic import ValidationError

from app.errors import (
    InvalidRequest,
    JobNotFound,
    SpeechError,
    StorageFailed,
    SynthesisFailed,
)
from app.jobs.board import Board
from app.jobs.job import GOING_ON, Job, JobState, Segment
from app.jobs.leases import Claims
from app.jobs.leasing import LeaseLost, Leasing
from app.jobs.mastering import Mastering
from app.jobs.reasons import reason_to_fail, reason_to_wait
from app.jobs.run import Run
from app.jobs.speaking import SegmentSpeaker, Take
from app.jobs.sql import Database
from app.jobs.store import JobStore
from app.jobs.takes import JobFiles
from app.jobs.wish import JobControls
from app.lifetime import Lifetime
from app.network.connections import ended
from app.speech import SPEECH_RATE_HZ
from app.work import ThreadPool

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""What somebody else has changed is seen after so long."""
TIDY_SECONDS = 600.0
"""What a crash left, and files of jobs that others have removed, are looked for so often."""
WAIT_SECONDS = 5.0
"""What cannot go on is tried again after so long."""
TRIES = 3
"""What breaks is tried so often."""


class JobRunner:
    """Works on jobs. Use from the event loop.

    Args:
        room: lets whose job it is keep so many bytes more in a block; raises LimitReached.
        leasing: asks for jobs and keeps them, which must not wait for anything else.
        at_once: how many segments are spoken at once.
    """

    def __init__(
        self,
        database: Database,
        store: JobStore,
        files: JobFiles,
        speaker: SegmentSpeaker,
        mastering: Mastering,
        board: Board,
        lifetime: Lifetime,
        claims: Claims,
        *,
        room: Callable[[Job, int], AbstractContextManager[None]],
        pool: ThreadPool,
        leasing: ThreadPool,
        at_once: int,
    ) -> None:
        self._room = room
        self._database = database
        self._store = store
        self._files = files
        self._speaker = speaker
        self._mastering = mastering
        self._board = board
        self._lifetime = lifetime
        self._leasing = Leasing(store, claims, leasing)
        self._pool = pool
        self._at_once = at_once
        self._runs: dict[str, Run] = {}
        self._wake = asyncio.Event()

    def open(self) -> None:
        """Open the database; call it before anything else.

        Raises:
            SchemaError, OSError: it cannot be used.
        """
        self._database.open()
        self._files.folder.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work on jobs while the block runs; what is not finished then goes on the next time."""
        working = asyncio.create_task(self._work())
        try:
            async with self._leasing.kept(lambda: [*self._runs]):
                try:
                    yield
                finally:
                    await ended(working)
                    await self.park()
        finally:
            self._database.close()

    async def park(self) -> None:
        """Give up what goes on; finished segments stay."""
        runs, self._runs = list(self._runs.values()), {}
        await ended(*(task for run in runs for task in run.tasks))

    async def drop(self, job_id: str) -> None:
        """Give up what goes on for one job."""
        run = self._runs.pop(job_id, None)
        if run is not None:
            await ended(*run.tasks)

    async def forget(self, job_id: str, number: int) -> None:
        """Give up what goes on for one segment, which is other by now; all others go on."""
        run = self._runs.get(job_id)
        if run is None:
            return
        run.pending.clear()
        run.failures.pop(number, None)
        going_on = (run.speaking.get(number), run.mastering)
        await ended(*(task for task in going_on if task is not None))

    def look(self) -> None:
        """Look for work at once."""
        self._wake.set()

    def as_it_is(self, job: Job) -> Job:
        """Return a job with what could not be kept of its state, for want of room."""
        run = self._runs.get(job.id)
        if run is None or run.job.state != "waiting" or job.state not in GOING_ON:
            return job
        return replace(job, state=run.job.state, reason=run.job.reason)

    def characters_per_second(self, job_id: str) -> float | None:
        """Tell how fast a job is spoken lately; None while that is not known."""
        run = self._runs.get(job_id)
        return None if run is None else run.characters_per_second

    async def _work(self) -> None:
        while True:
            try:
                with self._leasing.alone():
                    await self._work_alone()
            except BlockingIOError:
                await asyncio.sleep(LOOK_SECONDS)  # another process works on the jobs

    async def _work_alone(self) -> None:
        stopping = asyncio.create_task(self._lifetime.stopping())
        tidying = asyncio.create_task(self._tidy())
        try:
            while not self._lifetime.is_stopping:
                self._wake.clear()
                try:
                    if self._leasing.lost:
                        await self.park()
                    await self._look_for_jobs()
                    await self._go_on()
                except SpeechError as error:
                    logger.warning("the jobs cannot be looked at: %s", error.message)
                waking = asyncio.create_task(self._wake.wait())
                await asyncio.wait(
                    {waking, stopping},
                    timeout=LOOK_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                await ended(waking)
        finally:
            await ended(stopping, tidying)
            await self.park()
        await asyncio.Event().wait()

    async def _tidy(self) -> None:
        while True:
            try:
                # At the end of the server nobody waits for a store that hangs.
                await self._pool.run_cancellable(lambda _: self._files.tidy(self._store.ids))
            except (SpeechError, OSError) as error:
                logger.warning("files of jobs are not looked through: %s", error)
            await asyncio.sleep(TIDY_SECONDS)

    async def _look_for_jobs(self) -> None:
        runs = self._runs.values()
        speaking = sum(len(run.speaking) for run in runs)
        has_room = speaking < self._at_once and not any(run.pending for run in runs)
        ours = await self._leasing.ours([*self._runs], has_room=has_room)
        found = {job.id: job for job in ours}
        for job_id in [each for each in self._runs if each not in found]:
            await self.drop(job_id)
        for job in found.values():
            if job.id not in self._runs:
                await self._begin(job)
            else:
                self._runs[job.id].job = job

    async def _begin(self, job: Job) -> None:
        try:
            controls = JobControls.model_validate(job.asked)
        except ValidationError as error:
            reason = f"this version of the server does not understand it: {error.errors()[0]}"
            await self._pool.run(lambda: self._store.set_state(job.id, "failed", reason[:300]))
            self._board.changed(job.id)
            return
        chapters = await self._pool.run(lambda: self._store.chapters(job.id))
        self._runs[job.id] = Run(job, controls, {each.number: each for each in chapters})

    async def _go_on(self) -> None:
        """Give each job its share of what may be spoken at once."""
        now_seconds = time.monotonic()
        for run in list(self._runs.values()):
            if now_seconds >= run.held_until_seconds:
                await self._fill(run)
        if self._leasing.lost:  # the store may have hung since this server asked
            return
        while sum(len(run.speaking) for run in self._runs.values()) < self._at_once:
            ready = [run for run in self._runs.values() if run.may_speak]
            if not ready:
                return
            by_owner: Counter[str | None] = Counter()
            for run in self._runs.values():
                by_owner[run.job.owner] += len(run.speaking)
            run = min(ready, key=lambda each: (by_owner[each.job.owner], len(each.speaking)))
            segment = run.pending.popleft()
            task = asyncio.create_task(self._speak(run, segment))
            run.speaking[segment.number] = task

    async def _fill(self, run: Run) -> None:
        """Look which segments come next; make the file when there are none."""
        if run.pending or run.mastering is not None:
            return
        job_id = run.job.id
        most = 4 * self._at_once
        unspoken = await self._pool.run(lambda: self._store.unspoken(job_id, most=most))
        run.pending.extend(each for each in unspoken if each.number not in run.speaking)
        if not unspoken and not run.speaking:
            run.mastering = asyncio.create_task(self._master(run))

    async def _speak(self, run: Run, segment: Segment) -> None:
        job = run.job
        try:
            if job.state == "queued":
                # Not from "waiting": another segment may have found out meanwhile that it has to.
                await self._enter(run, "speaking", only_from=("queued",))
            chapter = run.chapters[segment.chapter]
            take = await self._speaker.take(job, run.controls, chapter, segment)
            await self._keep(run, segment, take)
            run.is_held = False
            run.spoke(len(segment.text))
            if run.job.state != "speaking":
                await self._enter(run, "speaking")
        except LeaseLost:  # who has it by now goes on
            run.pending.clear()
        except SpeechError as error:
            await self._broke(run, segment.number, error)
        except Exception:  # one segment must not end the work on all others
            logger.exception("segment %d of a job broke", segment.number)
            await self._broke(run, segment.number, SynthesisFailed("the segment broke"))
        finally:
            run.speaking.pop(segment.number, None)
            self._board.changed(job.id)
            self._wake.set()

    async def _keep(self, run: Run, segment: Segment, take: Take) -> None:
        job_id = run.job.id

        worker, samples = self._leasing.worker, len(take.samples)

        def keep() -> None:
            self._leasing.require(job_id)
            if run.job.fingerprint is None:
                self._store.set_model(job_id, take.model, take.fingerprint)
            size_bytes = self._files.take_bytes(samples)
            with self._room(run.job, size_bytes):
                self._files.write_take(job_id, segment, take.samples)
                try:
                    self._store.spoken(
                        job_id, segment, samples, take.marks, size_bytes, worker=worker
                    )
                except JobNotFound:  # it was removed on another server
                    self._files.remove(job_id)
                    raise

        await self._pool.run(keep)

    async def _master(self, run: Run) -> None:
        job = run.job
        try:
            await self._pool.run(lambda: self._require_room(run))
            name, size_bytes = await self._mastering.make(job, run.controls)
            worker = self._leasing.worker
            finished = partial(self._store.finished, job.id, name, size_bytes, worker=worker)
            if await self._pool.run(finished):
                await self._pool.run(lambda: self._files.remove_outputs(job.id, but=name))
                logger.info("the job %s is done", job.id[:8])
            else:
                await self._pool.run(lambda: self._files.remove_output(job.id, name))
        except SpeechError as error:
            await self._broke(run, None, error)
        except Exception:  # it must not end the work on all other jobs
            logger.exception("the file of a job broke")
            await self._broke(run, None, SynthesisFailed("the finished file could not be made"))
        finally:
            run.mastering = None
            self._board.changed(job.id)
            self._wake.set()

    def _require_room(self, run: Run) -> None:
        """Refuse a finished file that could not be kept, before it is made."""
        seconds = self._store.progress(run.job.id).samples / SPEECH_RATE_HZ
        rate = run.controls.book_format().bytes_per_second(SPEECH_RATE_HZ)
        # The file that was finished before goes.
        size_bytes = max(0, int(seconds * rate) - (run.job.output_bytes or 0))
        with self._room(run.job, size_bytes):
            pass

    async def _broke(self, run: Run, number: int | None, error: SpeechError) -> None:
        """Hold the job for a while, or let it fail.

        Args:
            number: of the segment that broke; None if the finished file did.
        """
        run.pending.clear()
        run.is_held = True
        seconds = min(WAIT_SECONDS, getattr(error, "retry_after_seconds", None) or WAIT_SECONDS)
        run.held_until_seconds = time.monotonic() + seconds
        reason = reason_to_wait(error)
        if reason is not None:
            await self._enter(run, "waiting", reason)
            return
        run.failures[number] += 1
        if isinstance(error, InvalidRequest) or run.failures[number] >= TRIES:
            await self._enter(run, "failed", reason_to_fail(error, number))

    async def _enter(
        self,
        run: Run,
        state: JobState,
        reason: str | None = None,
        *,
        only_from: Sequence[JobState] = GOING_ON,
    ) -> None:
        change = partial(
            self._store.change_state,
            run.job.id,
            state,
            only_from=only_from,
            reason=reason,
            worker=self._leasing.worker,
        )
        try:
            await self._pool.run(change)
            run.job = await self._pool.run(lambda: self._store.get(run.job.id))
        except JobNotFound:
            return
        except StorageFailed:
            # A disk that is full keeps not even the reason why a job waits.
            run.job = replace(run.job, state=state, reason=reason)
        self._board.changed(run.job.id)
