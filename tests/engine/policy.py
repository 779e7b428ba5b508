"""Shared by the tests of scheduling: readers that read nothing, and a machine of a known speed."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Mapping
from collections.abc import Sequence as PySequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import cast

from app.engine.pace import MAX_LATENTS_PER_DECODE
from app.engine.scheduler import Batch, DecodeBatch, SampleBatch, Scheduler
from app.engine.sequence import EngineJob, RowSampling, Sequence
from app.engine.stream import EngineStream, ReadingProgress
from app.speech_engine import EngineOptions, SpeechJob, SpokenChunk
from tests.fakes import FakeVoice

FRAME_SECONDS = 0.08
SAMPLING = RowSampling(0.0, 1, 0.0, None, None, None)

# Scheduling never looks at a sequence's row, so there are none here.
Job = EngineJob[None]
Policy = Scheduler[None]


def read_all() -> ReadingProgress:
    """A reader that has read whatever there is."""
    return ReadingProgress(chunk_index=1_000_000, read_seconds=1e9)


def read_nothing(buffered_seconds: float = 0.0) -> ReadingProgress:
    """A reader that reads nothing, though all that waits could be read."""
    return ReadingProgress(buffered_seconds=buffered_seconds, readable_seconds=buffered_seconds)


def hindered(buffered_seconds: float, chunk_index: int = 0) -> ReadingProgress:
    """A reader that would read, but all that waits lies behind a chunk that has not ended."""
    return ReadingProgress(chunk_index, buffered_seconds=buffered_seconds)


def policy(
    *,
    max_running_rows: int = 8,
    max_queued_jobs: int = 4,
    max_queued_seconds: float = 3600.0,
    workers: int = 2,
    buffer_seconds: float = 60.0,
    elsewhere: Mapping[str, int] = MappingProxyType({}),
    max_latents_per_decode: int = MAX_LATENTS_PER_DECODE,
) -> Policy:
    options = EngineOptions(
        language="english",
        config=None,
        models_dir=Path(),
        max_running_rows=max_running_rows,
        max_queued_jobs=max_queued_jobs,
        max_queued_seconds=max_queued_seconds,
        stream_buffer_seconds=buffer_seconds,
        elsewhere=lambda: elsewhere,
    )
    return Scheduler(
        options,
        workers=workers,
        frame_seconds=FRAME_SECONDS,
        max_latents_per_decode=max_latents_per_decode,
    )


def job(
    chunks: int = 1,
    at: float = 0.0,
    progress: ReadingProgress | None = None,
    text: str = "x" * 60,
    caller: str = "",
) -> Job:
    """A job of chunks that are alike, whose stream goes nowhere: no event loop hears of it."""
    return job_of([text] * chunks, at=at, progress=progress, caller=caller)


def job_of(
    texts: PySequence[str],
    at: float = 0.0,
    progress: ReadingProgress | None = None,
    caller: str = "",
) -> Job:
    """A job of a chunk for each text."""
    stream = EngineStream(
        cast("asyncio.AbstractEventLoop", None),
        len(texts),
        24_000,
        buffer_seconds=1.0,
        on_abort=lambda: None,
        on_room=lambda: None,
        on_more=lambda _chunks, _more: None,
    )
    stream.progress = progress or read_all()
    voice = FakeVoice("any")
    order = SpeechJob(tuple(SpokenChunk(text, voice) for text in texts), caller=caller)
    return EngineJob.of(order, stream, SAMPLING, at)


def finish(scheduler: Policy, batch: Batch[None], now: float, *, chunk_frames: int = 50) -> None:
    """What the engine does after a batch; chunks of no length of their own are `chunk_frames`."""
    if isinstance(batch, SampleBatch):
        for sequence in batch.sequences:
            sequence.max_frames = sequence.max_frames or chunk_frames
            sequence.advance(is_eos=False)
        scheduler.sample_done(batch, now)
    else:
        scheduler.decode_done(batch, now)
        for sequence in batch.sequences:
            sequence.closed = sequence.drained
    scheduler.retire()


def sequences_of(batch: Batch[None] | None) -> list[Sequence[None]]:
    return [] if batch is None else list(batch.sequences)


@dataclass
class Machine:
    """Workers that take a known time per batch, and what the listeners hear of it.

    Attributes:
        now: the simulated clock, in seconds.
        heard: per job, when its frames were decoded.
    """

    scheduler: Policy
    workers: int = 1
    step_seconds: float = 0.004
    step_seconds_per_row: float = 0.001
    prefill_seconds: float = 0.010
    decode_seconds: float = 0.0
    decode_seconds_per_frame: float = 0.005
    chunk_frames: int = 50
    now: float = 0.0
    heard: dict[Job, list[float]] = field(default_factory=dict)
    _under_way: list[tuple[float, int, Batch[None]]] = field(default_factory=list)
    _started: int = 0

    def run(self, seconds: float) -> None:
        """Let the workers work for a while."""
        end = self.now + seconds
        while True:
            while len(self._under_way) < self.workers:
                batch = self.scheduler.next_batch(self.now)
                if batch is None:
                    break
                self._started += 1
                due = self.now + self.cost_seconds(batch)
                heapq.heappush(self._under_way, (due, self._started, batch))
            if not self._under_way or self._under_way[0][0] > end:
                self.now = end
                return
            self.now, _, batch = heapq.heappop(self._under_way)
            finish(self.scheduler, batch, self.now, chunk_frames=self.chunk_frames)
            if isinstance(batch, DecodeBatch):
                for sequence in batch.sequences:
                    self.hear(sequence, batch.frames)

    def hear(self, sequence: Sequence[None], frames: int) -> None:
        """Note that frames of a chunk are there."""
        self.heard.setdefault(sequence.job, []).extend([self.now] * frames)

    def first_audio_seconds(self, one: Job) -> float:
        return self.heard[one][0] - one.submitted_at_seconds

    def worst_gap_seconds(self, one: Job) -> float:
        """The longest silence of a listener who plays from the first frame on."""
        times = self.heard[one]
        lateness = (at - times[0] - i * FRAME_SECONDS for i, at in enumerate(times))
        return max(lateness)

    def cost_seconds(self, batch: Batch[None]) -> float:
        """Tell how long a worker takes for a batch."""
        if isinstance(batch, DecodeBatch):
            per_frame = len(batch.sequences) * self.decode_seconds_per_frame
            return batch.frames * (self.decode_seconds + per_frame)
        prefills = sum(sequence.sampled == 0 for sequence in batch.sequences)
        rows = self.step_seconds_per_row * len(batch.sequences)
        return self.step_seconds + rows + self.prefill_seconds * prefills
