"""Runs worker threads around one visible step: schedule, run, hand on."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

from app.engine.runner import BaseRunner, Row
from app.engine.sampling import of_take
from app.engine.scheduler import Batch, DecodeBatch, SampleBatch, Scheduler
from app.engine.sequence import EngineJob, Look, MakeAligner, RowSampling, Sequence
from app.engine.stream import EngineStream
from app.engine.takes.policy import TakeJudge
from app.engine.takes.takes import Takes
from app.engine.takes.watching import LastWords
from app.engine.voice_state import KvPrefix
from app.engine.waiting import Asker
from app.errors import ModelUnavailable, SynthesisFailed, in_one_line
from app.speech import NO_PCM
from app.speech_engine import (
    RESTART_SECONDS,
    EngineOptions,
    EngineStatus,
    SpeechJob,
    SpokenChunk,
    VoiceState,
)

logger = logging.getLogger(__name__)

_RECHECK_SECONDS = 0.1


class BatchLoop:
    """Takes jobs, computes them on its threads and delivers to their streams.

    Each worker repeats `step()`. A batch is either one latent for each of some sequences or PCM
    of some sequences, so that both halves of the model can use every core. Each worker computes
    with one thread of its own: two threads inside one operation wait for each other whenever
    another process wants a core.

    Args:
        runner: computes; called without the lock, by several workers at once.
    """

    def __init__(self, runner: BaseRunner, options: EngineOptions) -> None:
        self._runner = runner
        self._options = options
        self._takes: Takes[Row] = Takes(
            TakeJudge(options.takes, proven=options.proven),
            eos_threshold=runner.eos_threshold,
            faded_out=runner.faded_out,
            kept_of=_cache_of,
        )
        workers = options.worker_threads or _default_workers(options.device)
        self._scheduler: Scheduler[Row] = Scheduler(
            options,
            workers=workers,
            frame_seconds=runner.frame_seconds,
            max_latents_per_decode=runner.max_latents_per_decode,
        )
        # Guards the scheduler with its jobs and sequences; never held while computing.
        self._changed = threading.Condition()
        self._closed_because: str | None = "the engine has not been started"
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"engine-{i}", daemon=True)
            for i in range(workers)
        ]

    def start(self) -> None:
        """Start the threads; call it once."""
        self._closed_because = None
        for thread in self._threads:
            thread.start()

    def status(self) -> EngineStatus:
        """Return a snapshot of how busy the engine is, and its bounds."""
        with self._changed:
            return EngineStatus(
                running_rows=self._scheduler.running_rows,
                queued_jobs=self._scheduler.queued_jobs,
                queued_seconds=self._scheduler.queued_seconds,
                audio_rate=self._scheduler.audio_rate,
                max_running_rows=self._options.max_running_rows,
                max_queued_jobs=self._options.max_queued_jobs,
                precision=str(self._runner.precision),
                float32_layers=self._runner.float32_layers,
                device=self._options.device,
                alive=self._closed_because is None,
                takes=self._takes.judge.counts(),
            )

    def require_room(self, caller: str) -> None:
        """Raise Overloaded or QueueFull if a job of this caller would find no place now."""
        with self._changed:
            self._scheduler.require_room(Asker(caller), time.monotonic())

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Let what nobody hears give way in the block to somebody who will submit a job."""
        with self._changed:
            self._scheduler.expected += 1
        try:
            yield
        finally:
            with self._changed:
                self._scheduler.expected -= 1
                self._changed.notify_all()

    def submit(
        self,
        job: SpeechJob,
        sampling: RowSampling,
        make_aligner: MakeAligner | None = None,
        *,
        watched: bool = False,
        followed: bool = False,
    ) -> EngineStream:
        """Queue a job whose voices are `KvPrefix`; called on the consumer's event loop.

        Args:
            make_aligner: times the words of a chunk; None if the job does not ask for that.
            watched: whether they want to know what the frames attend to.
            followed: whether that tells if the model gets to the end of its text.

        Raises:
            Overloaded, QueueFull: too many wait already.
            ModelUnavailable: the loop does not run.
        """
        stream = EngineStream(
            asyncio.get_running_loop(),
            len(job.chunks),
            self._runner.sample_rate_hz,
            buffer_seconds=self._options.stream_buffer_seconds,
            on_abort=lambda: self._cancel(queued),
            on_room=self._wake,
            on_more=lambda chunks, more: self._extend(queued, chunks, more=more),
            more=job.more,
        )
        queued: EngineJob[Row] = EngineJob.of(
            job,
            stream,
            sampling,
            time.monotonic(),
            make_aligner=make_aligner,
            watched=watched,
            followed=followed,
        )
        with self._changed:
            if self._closed_because is not None:
                raise ModelUnavailable(self._closed_because, retry_after_seconds=RESTART_SECONDS)
            if queued.sequences:
                given_way = self._scheduler.submit(queued)
                if given_way is not None:
                    given_way.job.stream.fail(given_way.error)
                self._changed.notify()
        return stream

    def _extend(self, job: EngineJob[Row], chunks: Iterable[SpokenChunk], *, more: bool) -> None:
        """Add chunks to a job; one that has ended meanwhile does not come back."""
        with self._changed:
            job.extend(chunks, more=more)
            self._retire()  # without more of them, the job may be through
            self._changed.notify_all()

    def refuse(self, reason: str) -> None:
        """Take no more jobs; those that somebody listens to go on."""
        with self._changed:
            self._closed_because = self._closed_because or reason
            for job in self._scheduler.jobs:
                if job.unhurried:
                    job.cancelled = True
                    job.stream.fail(ModelUnavailable(reason, retry_after_seconds=RESTART_SECONDS))
            self._retire()
            self._changed.notify_all()

    def wait_until_idle(self, timeout_seconds: float) -> None:
        """Wait until no job is left, the loop stops, or the time is over. Blocks."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or not self._scheduler.jobs, timeout_seconds
            )

    def close(self, reason: str) -> None:
        """Stop at once and wait for the threads; streams that are not complete end."""
        self._stop(reason)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def step(self) -> bool:
        """Schedule a batch, run it, hand on what it gave; False when the engine stops.

        Waits until there is work.
        """
        batch = self._schedule()
        if batch is None:
            return False
        if isinstance(batch, SampleBatch):
            self._sample(batch)
        else:
            self._decode(batch)
        self._settle(batch)
        return True

    def _work(self) -> None:
        """Repeat `step` until the engine stops; the body of each thread."""
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                while self.step():
                    pass
        except BaseException as error:
            # For the operator one line is enough; whoever looks for the mistake sets LOG_LEVEL.
            logger.error("the engine broke down: %s", in_one_line(error))  # noqa: TRY400
            logger.debug("how it came to that", exc_info=error)
            self._stop("the engine broke down")

    def _schedule(self) -> Batch[Row] | None:
        """Wait for the scheduler's next batch; None when the engine stops."""
        with self._changed:
            while not self._stopping:
                batch = self._scheduler.next_batch(time.monotonic())
                if batch is not None:
                    return batch
                # A newcomer may be admitted because time has passed, which nobody notifies.
                self._changed.wait(_RECHECK_SECONDS if self._scheduler.queued_jobs else None)
        return None

    def _sample(self, batch: SampleBatch[Row]) -> None:
        """Give each sequence one more latent; those that are new get their row first."""
        for sequence in batch.sequences:
            if sequence.row is None:
                self._open(sequence)
        opened = [(each, each.row) for each in batch.sequences if each.row is not None]
        if not opened:
            return
        verdicts = self._runner.sample([row for _, row in opened])
        self._options.on_batch(len(opened))
        with self._changed:
            for (sequence, row), verdict in zip(opened, verdicts, strict=True):
                if isinstance(verdict, FloatingPointError):
                    sequence.fault = "not finite"
                    continue
                if isinstance(verdict, Exception):
                    self._fail(sequence.job, verdict)
                    continue
                if sequence.advance(is_eos=verdict):
                    row.keep()
                timings = sequence.job.stream.timings
                if timings.prefill_seconds is None:
                    timings.prefill_seconds = _age_seconds(sequence.job)
                if sequence.reached_maximum:
                    logger.warning("a chunk reached its maximum length without EOS")

    def _decode(self, batch: DecodeBatch[Row]) -> None:
        """Make each sequence's next latents into PCM and deliver it."""
        rows = [each.row for each in batch.sequences if each.row is not None]
        pcms = self._runner.decode(rows, batch.frames)
        for sequence, pcm in zip(batch.sequences, pcms, strict=True):
            if isinstance(pcm, Exception):
                with self._changed:
                    self._fail(sequence.job, pcm)
                continue
            stream = sequence.job.stream
            if stream.timings.first_audio_seconds is None:
                stream.timings.first_audio_seconds = _age_seconds(sequence.job)
            last = sequence.finished and sequence.pending == batch.frames
            self._takes.hand_on(sequence, pcm, last=last)

    def _settle(self, batch: Batch[Row]) -> None:
        """Record a batch as done, end chunks that ended in silence, free what is free."""
        with self._changed:
            if isinstance(batch, SampleBatch):
                self._scheduler.sample_done(batch, time.monotonic())
            else:
                self._scheduler.decode_done(batch, time.monotonic())
            ended_in_silence = [
                each
                for each in batch.sequences
                if each.drained and not each.closed and not each.job.cancelled
            ]
            for sequence in ended_in_silence:
                sequence.being_decoded = True  # judging takes too long to hold the lock
        for sequence in ended_in_silence:
            self._takes.hand_on(sequence, NO_PCM, last=True)
        with self._changed:
            for sequence in ended_in_silence:
                sequence.being_decoded = False
            for sequence in batch.sequences:
                if sequence.turning and not sequence.busy and not sequence.job.cancelled:
                    self._turn(sequence)
            self._retire()
            self._changed.notify_all()

    def _turn(self, sequence: Sequence[Row]) -> None:
        """Begin the next take of a chunk, or end its job; called with the lock held."""
        if sequence.fault is not None:
            refusal = self._takes.answer(sequence, sequence.fault)
            if refusal is not None:
                sequence.job.cancelled = True
                sequence.job.stream.fail(refusal)
                return
        if sequence.row is not None:
            self._runner.close(sequence.row)
            sequence.row = None
        if sequence.part_over:
            sequence.parts.popleft()
            sequence.part_takes = 0
        self._scheduler.turned(sequence)

    def _open(self, sequence: Sequence[Row]) -> None:
        """Give a new sequence its row; end it if there is nothing to say or no room for one."""
        job, chunk = sequence.job, sequence.chunk
        timings = job.stream.timings
        if timings.queued_seconds is None:
            timings.queued_seconds = _age_seconds(job)
        timings.takes += 1
        timings.takes_planned += sequence.takes == 0
        prompt = self._runner.prompt(sequence.parts[0].text)
        if prompt is None:
            sequence.finished = True
            return
        asked = job.sampling.frames_after_eos
        sequence.max_frames = prompt.max_frames
        sequence.frames_after_eos = prompt.frames_after_eos if asked is None else asked
        assert isinstance(chunk.voice, KvPrefix)
        try:
            sampling = of_take(job.sampling, sequence.takes)
            row = self._runner.open(
                chunk.voice, prompt, sampling, sequence.index, watched=job.watched
            )
        except (RuntimeError, MemoryError) as error:
            with self._changed:
                self._fail(job, error)
            return
        sequence.row = row
        look: Look = partial(self._runner.attention, row)
        if job.followed:
            watching = LastWords(prompt.reading, look)
            look, sequence.look = watching.look, watching.most
        if job.make_aligner is not None:
            sequence.aligner = job.make_aligner(prompt.reading, look)

    def _cancel(self, job: EngineJob[Row]) -> None:
        """Drop a job that nobody wants; its busy rows leave when their batch is done."""
        with self._changed:
            job.cancelled = True
            self._retire()
            self._changed.notify_all()

    def _wake(self) -> None:
        """Have idle workers ask for work again, after a reader made room in its stream."""
        with self._changed:
            self._changed.notify_all()

    def _fail(self, job: EngineJob[Row], error: Exception) -> None:
        """End one job; called with the lock held."""
        job.cancelled = True
        logger.error("a job failed: %s", in_one_line(error))
        job.stream.fail(SynthesisFailed(f"the speech could not be made: {error}"))

    def _retire(self) -> None:
        """Free the rows of sequences that are through; called with the lock held."""
        for sequence in self._scheduler.retire():
            if sequence.row is not None:
                self._runner.close(sequence.row)
                sequence.row = None
            sequence.let_go()

    def _stop(self, reason: str) -> None:
        """Stop the threads and end every stream that is not complete; called from any thread."""
        with self._changed:
            self._stopping = True
            self._closed_because = reason
            for job in self._scheduler.jobs:
                job.stream.fail(ModelUnavailable(reason, retry_after_seconds=RESTART_SECONDS))
            self._changed.notify_all()


def _cache_of(voice: VoiceState) -> object:
    assert isinstance(voice, KvPrefix)
    return voice.cache


def _age_seconds(job: EngineJob[Row]) -> float:
    """Tell how long ago a job was submitted."""
    return time.monotonic() - job.submitted_at_seconds


def _default_workers(device: str) -> int:
    """Choose the number of threads: one for each core this process may use; two beside a GPU."""
    if device != "cpu":
        return 2
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
