"""Continuous batching for Pocket TTS: worker threads around one visible step.

Each worker repeats `step()`: take the most urgent piece of work from the scheduler, run it, hand
on what it gave. A piece is either one latent for a batch of rows or PCM for a batch of rows, so
that both halves of the model use every core.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pocket_tts import TTSModel

from app.engine.interface import EngineStatus, SpeechJob, SpeechStream
from app.engine.precision import choose_precision
from app.engine.prompt import count_tokens, make_prompt
from app.engine.runner import Row, Runner
from app.engine.sampling import RowSampling, resolve
from app.engine.scheduler import Decode, Limits, Scheduler, Step, Work
from app.engine.sequence import Job, Sequence
from app.engine.stream import EngineStream
from app.engine.voice_state import KvPrefix, VoiceMaker
from app.errors import ModelUnavailable, SynthesisFailed
from app.speech import Frames, Pcm, Sampling

logger = logging.getLogger(__name__)

_SILENCE = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Order:
    """What a job asked for."""

    stream: EngineStream
    texts: tuple[str, ...]
    voice: KvPrefix
    sampling: RowSampling


class BatchedEngine:
    """`SpeechEngine` over one model.

    Args:
        model: loaded weights. Never changed on a CPU; moved to `device` otherwise.
        precision: see `choose_precision`.
        worker_threads: None for one per core. Each computes with one thread of its own: two
            threads inside one operation wait for each other whenever another process wants a core.
        max_running_rows: chunks computed at the same time.
        max_queued_jobs: jobs that may wait for their first row.
        defaults: sampling where a job leaves it open.
        stream_buffer_seconds: audio a job may be ahead of its reader.
    """

    def __init__(
        self,
        model: TTSModel,
        *,
        precision: str = "float32",
        worker_threads: int | None = None,
        max_running_rows: int = 32,
        max_queued_jobs: int = 64,
        defaults: Sampling = Sampling(),  # noqa: B008 - frozen
        device: str = "cpu",
        stream_buffer_seconds: float = 180.0,
    ) -> None:
        where = torch.device(device)
        self._model = model if where.type == "cpu" else model.to(where)
        self._precision = choose_precision(precision, where)
        self._device = device
        self._defaults = defaults
        self._runner = Runner(self._model, self._precision, where, max_rows=max_running_rows)
        self._voices = VoiceMaker(self._model, self._runner.cache_shape, where)
        workers = worker_threads or os.cpu_count() or 1
        self._limits = Limits(
            max_running_rows=max_running_rows,
            max_queued_jobs=max_queued_jobs,
            workers=workers,
            frame_seconds=self._runner.frame_samples / self._model.sample_rate,
            buffer_seconds=stream_buffer_seconds,
        )
        self._scheduler = Scheduler(self._limits)
        self._orders: dict[Job, _Order] = {}
        self._rows: dict[Sequence, Row] = {}
        # Guards everything above that changes; never held while computing.
        self._changed = threading.Condition()
        self._closed_because: str | None = "the engine has not been started"
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"engine-{i}", daemon=True)
            for i in range(workers)
        ]

    def start(self) -> None:
        """Speak a little for warmth and start the worker threads; once.

        Raises:
            Exception: whatever keeps this model from speaking at all.
        """
        self._runner.warm_up()
        self._closed_because = None
        for thread in self._threads:
            thread.start()

    @property
    def sample_rate_hz(self) -> int:
        return int(self._model.sample_rate)

    @property
    def frame_samples(self) -> int:
        return self._runner.frame_samples

    def count_tokens(self, text: str) -> int:
        return count_tokens(self._model, text)

    def encode_voice(self, pcm: Pcm) -> KvPrefix:
        return self._voices.encode(pcm)

    def load_voice(self, path: Path) -> KvPrefix:
        return self._voices.load(path)

    def predefined_voice(self, name: str) -> KvPrefix:
        return self._voices.predefined_state(name)

    @property
    def predefined_voices(self) -> tuple[str, ...]:
        return self._voices.predefined

    def status(self) -> EngineStatus:
        with self._changed:
            return EngineStatus(
                running_rows=self._scheduler.running_rows,
                queued_jobs=self._scheduler.queued_jobs,
                max_running_rows=self._limits.max_running_rows,
                max_queued_jobs=self._limits.max_queued_jobs,
                precision=str(self._precision),
                device=self._device,
                alive=self._closed_because is None,
            )

    def submit(self, job: SpeechJob) -> SpeechStream:
        if not isinstance(job.voice, KvPrefix):
            raise TypeError("the voice state was not made by this engine")
        stream = EngineStream(
            asyncio.get_running_loop(),
            len(job.chunks),
            self.sample_rate_hz,
            buffer_seconds=self._limits.buffer_seconds,
            on_abort=lambda: self._cancel(tracked),
            on_room=self._notify,
        )
        tracked = Job.of(job.chunks, stream, time.monotonic())
        sampling = resolve(job.sampling, self._defaults, self._model)
        with self._changed:
            if self._closed_because is not None:
                raise ModelUnavailable(self._closed_because)
            if job.chunks:
                self._scheduler.submit(tracked)
                self._orders[tracked] = _Order(stream, job.chunks, job.voice, sampling)
                self._changed.notify()
        return stream

    async def drain(self, timeout_seconds: float) -> None:
        with self._changed:
            self._closed_because = self._closed_because or "the engine is shutting down"
        await asyncio.to_thread(self._wait_until_idle, timeout_seconds)
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Stop at once and wait for the threads; streams that are not complete end."""
        self._stop("the engine was shut down")
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _wait_until_idle(self, timeout_seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or not self._orders, timeout_seconds)

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
                self._changed.wait()
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
                self._scheduler.step_done(work)
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
        prompt = make_prompt(self._model, order.texts[sequence.index])
        if prompt.tokens is None:
            sequence.finished = True
            return None
        asked = order.sampling.frames_after_eos
        sequence.max_frames = prompt.max_frames
        sequence.frames_after_eos = prompt.frames_after_eos if asked is None else asked
        try:
            row = self._runner.open(
                order.voice, prompt.tokens, prompt.max_frames, order.sampling, sequence.index
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

    def _cancel(self, job: Job) -> None:
        with self._changed:
            job.cancelled = True
            self._retire()
            self._changed.notify_all()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

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
                order.stream.fail(ModelUnavailable(reason))
            self._changed.notify_all()
