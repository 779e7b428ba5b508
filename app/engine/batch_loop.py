"""Worker threads around one visible step: schedule, run, hand on, settle."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from app.engine.prompt import Prompt
from app.engine.runner import Row, Runner
from app.engine.sampling import RowSampling
from app.engine.scheduler import Decode, Scheduler, Step, Work
from app.engine.sequence import Job, Sequence
from app.engine.stream import EngineStream
from app.engine.supervisor import RESTART_SECONDS
from app.engine.voice_state import KvPrefix
from app.errors import ModelUnavailable, SynthesisFailed
from app.speech import Frames

logger = logging.getLogger(__name__)

_RECHECK_SECONDS = 0.1
_SILENCE = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Order:
    """What a job asked for, and where its audio goes."""

    stream: EngineStream
    texts: tuple[str, ...]
    voices: tuple[KvPrefix, ...]
    sampling: RowSampling


@dataclass(frozen=True, slots=True)
class Load:
    """A snapshot of how busy the loop is."""

    running_rows: int
    queued_jobs: int
    alive: bool


class BatchLoop:
    """Takes jobs, computes them on its threads and delivers to their streams.

    Each worker repeats `step()`: it takes the most urgent piece of work from the scheduler, runs
    it and hands on what it gave. A piece is either one latent for a batch of rows or PCM for a
    batch of rows, so that both halves of the model can use every core.

    Args:
        runner: computes; called without the lock.
        scheduler: decides; called under the lock.
        prompt: what the model reads for a chunk of text.
        workers: threads. Each computes with one thread of its own: two threads inside one
            operation wait for each other whenever another process wants a core.
    """

    def __init__(
        self, runner: Runner, scheduler: Scheduler, prompt: Callable[[str], Prompt], workers: int
    ) -> None:
        self._runner = runner
        self._scheduler = scheduler
        self._prompt = prompt
        self._orders: dict[Job, Order] = {}
        self._rows: dict[Sequence, Row] = {}
        # Guards the scheduler and all of the above; never held while computing.
        self._changed = threading.Condition()
        self._closed_because: str | None = "the engine has not been started"
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"engine-{i}", daemon=True)
            for i in range(workers)
        ]

    def start(self) -> None:
        """Start the threads; once."""
        self._closed_because = None
        for thread in self._threads:
            thread.start()

    def load(self) -> Load:
        with self._changed:
            return Load(
                running_rows=self._scheduler.running_rows,
                queued_jobs=self._scheduler.queued_jobs,
                alive=self._closed_because is None,
            )

    def submit(self, job: Job, order: Order) -> None:
        """Queue a job.

        Raises:
            Overloaded: too many wait already.
            ModelUnavailable: the loop does not run.
        """
        with self._changed:
            if self._closed_because is not None:
                raise ModelUnavailable(self._closed_because, retry_after_seconds=RESTART_SECONDS)
            if order.texts:
                self._scheduler.submit(job)
                self._orders[job] = order
                self._changed.notify()

    def cancel(self, job: Job) -> None:
        """Nobody wants the job any more: its rows leave when their piece of work is done."""
        with self._changed:
            job.cancelled = True
            self._retire()
            self._changed.notify_all()

    def wake(self) -> None:
        """Something outside changed: look for work again."""
        with self._changed:
            self._changed.notify_all()

    def refuse(self, reason: str) -> None:
        """Take no more jobs; those that are here go on."""
        with self._changed:
            self._closed_because = self._closed_because or reason

    def wait_until_idle(self, timeout_seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or not self._orders, timeout_seconds)

    def close(self, reason: str) -> None:
        """Stop at once and wait for the threads; streams that are not complete end."""
        self._stop(reason)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def step(self) -> bool:
        """Schedule, run, hand on. Waits until there is work; False when the engine stops."""
        work = self._schedule()
        if work is None:
            return False
        if isinstance(work, Step):
            self._sample(work)
        else:
            self._decode(work)
        self._settle(work)
        return True

    def _work(self) -> None:
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                while self.step():
                    pass
        except BaseException:
            logger.exception("an engine thread died")
            self._stop("the engine broke down")

    def _schedule(self) -> Work | None:
        with self._changed:
            while not self._stopping:
                work = self._scheduler.next_work(time.monotonic())
                if work is not None:
                    return work
                # Time passing can admit a newcomer too, not only what other workers do.
                self._changed.wait(_RECHECK_SECONDS if self._scheduler.queued_jobs else None)
        return None

    def _sample(self, work: Step) -> None:
        """One latent for each row of the batch; rows that are new are opened first."""
        opened = [(sequence, row) for sequence in work.rows if (row := self._row_of(sequence))]
        if not opened:
            return
        verdicts = self._runner.sample([row for _, row in opened])
        with self._changed:
            for (sequence, row), verdict in zip(opened, verdicts, strict=True):
                if isinstance(verdict, Exception):
                    self._fail(sequence.job, verdict)
                elif sequence.advance(is_eos=verdict):
                    row.pending.append(row.latent)
                if sequence.sampled == 1:
                    self._mark(sequence, "prefill_seconds")
                if sequence.reached_maximum:
                    logger.warning("a chunk reached its maximum length without EOS")

    def _decode(self, work: Decode) -> None:
        """PCM of each row of the batch, handed to the consumers."""
        pcms = self._runner.decode([self._rows[row] for row in work.rows], work.frames)
        for sequence, pcm in zip(work.rows, pcms, strict=True):
            if isinstance(pcm, Exception):
                with self._changed:
                    self._fail(sequence.job, pcm)
                continue
            self._mark(sequence, "first_audio_seconds")
            sequence.closed = sequence.finished and sequence.pending == work.frames
            frames = Frames(sequence.index, pcm, chunk_last=sequence.closed)
            self._orders[sequence.job].stream.deliver(frames)

    def _settle(self, work: Work) -> None:
        """Record the work as done, end chunks that ended in silence, free what is free."""
        with self._changed:
            if isinstance(work, Step):
                self._scheduler.step_done(work, time.monotonic())
            else:
                self._scheduler.decode_done(work, time.monotonic())
            for sequence in work.rows:
                if sequence.drained and not sequence.closed and not sequence.job.cancelled:
                    sequence.closed = True
                    last = Frames(sequence.index, _SILENCE, chunk_last=True)
                    self._orders[sequence.job].stream.deliver(last)
            self._retire()
            self._changed.notify_all()

    def _row_of(self, sequence: Sequence) -> Row | None:
        """The sequence's row, opened if it is new; None if it has nothing to say or fails."""
        row = self._rows.get(sequence)
        if row is not None:
            return row
        order = self._orders[sequence.job]
        self._mark(sequence, "queued_seconds")
        prompt = self._prompt(order.texts[sequence.index])
        if prompt.tokens is None:
            sequence.finished = True
            return None
        asked = order.sampling.frames_after_eos
        sequence.max_frames = prompt.max_frames
        sequence.frames_after_eos = prompt.frames_after_eos if asked is None else asked
        try:
            row = self._runner.open(
                order.voices[sequence.index],
                prompt.tokens,
                prompt.max_frames,
                order.sampling,
                sequence.index,
            )
        except (RuntimeError, MemoryError) as error:
            with self._changed:
                self._fail(sequence.job, error)
            return None
        self._rows[sequence] = row
        return row

    def _mark(self, sequence: Sequence, event: str) -> None:
        """Note when something first happened to a job."""
        timings = self._orders[sequence.job].stream.timings
        if getattr(timings, event) is None:
            setattr(timings, event, time.monotonic() - sequence.job.submitted_at)

    def _fail(self, job: Job, error: Exception) -> None:
        """End one job; called with the lock held."""
        job.cancelled = True
        logger.error("a job failed: %s", error)
        self._orders[job].stream.fail(SynthesisFailed(f"the speech could not be made: {error}"))

    def _retire(self) -> None:
        """Free the rows and jobs that are through; called with the lock held."""
        for sequence in self._scheduler.retire():
            row = self._rows.pop(sequence, None)
            if row is not None:
                self._runner.close(row)
        live = set(self._scheduler.jobs)
        self._orders = {job: order for job, order in self._orders.items() if job in live}

    def _stop(self, reason: str) -> None:
        """Stop the threads and end every stream that is not complete; from any thread."""
        with self._changed:
            self._stopping = True
            self._closed_because = reason
            for order in self._orders.values():
                order.stream.fail(ModelUnavailable(reason, retry_after_seconds=RESTART_SECONDS))
            self._changed.notify_all()
