"""Simulates an engine: the real scheduler, batches that take as long as measured, no clock."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.engine.scheduler import Batch, DecodeBatch
from app.engine.sequence import Sequence
from app.engine.stream import ReadingProgress
from benchmarks.listener import BYTES_PER_SECOND, Hearing
from tests.engine.policy import FRAME_SECONDS, Job, Machine, job_of, policy

CHARACTERS_PER_TOKEN = 4.2
SPEECH_CHARACTERS_PER_SECOND = (13.0, 15.0)
"""Voices differ, and so do texts."""
JITTER = 0.2
"""No two batches take the same time: they differ by about so much."""
CHUNKS = {70: (70,), 210: (140, 70), 600: (170, 150, 160, 120)}
"""How long the chunks are that scripts of so many characters are cut into."""


@dataclass(frozen=True)
class Steps:
    """Holds how long batches take on one thread, in milliseconds, as `engine_step` prints it.

    Attributes:
        rows: sizes of batches.
        language_model: one latent for each row.
        codec: one frame for each row.
        token: to read a token of a text.
    """

    rows: tuple[float, ...] = (1, 2, 4, 8, 16, 24, 32)
    language_model: tuple[float, ...] = (9.8, 10.8, 17.2, 22.2, 40.9, 51.9, 68.7)
    codec: tuple[float, ...] = (9.2, 15.1, 22.2, 47.2, 70.2, 114.1, 150.0)
    token: float = 0.75

    @classmethod
    def of_file(cls, path: Path) -> Steps:
        """Read what `python -m benchmarks.engine_step --json` wrote."""
        steps = json.loads(path.read_text("utf-8"))["steps"]
        rows, language_model, codec = (
            tuple(float(step[name]) for step in steps)
            for name in ("rows", "flow_lm", "codec_1_frame")
        )
        token = (steps[0]["prefill_one"] - steps[0]["flow_lm"]) / 40
        return cls(rows, language_model, codec, token)

    def seconds(self, batch: Batch[None]) -> float:
        """Tell how long a batch takes."""
        if isinstance(batch, DecodeBatch):
            return self._at(len(batch.sequences) * batch.frames, self.codec)
        reading = sum(len(each.chunk.text) for each in batch.sequences if each.sampled == 0)
        tokens = reading / CHARACTERS_PER_TOKEN
        return self._at(len(batch.sequences), self.language_model) + self.token * tokens / 1000

    def _at(self, rows: int, milliseconds: tuple[float, ...]) -> float:
        return float(np.interp(rows, self.rows, milliseconds)) / 1000


@dataclass(eq=False)
class Listener:
    """Reads a script's sound as it comes and plays it, from the first sound on.

    Attributes:
        job: what the engine has of it.
        hearing: what was heard when.
        then: is called when all of it has been read.
    """

    job: Job
    hearing: Hearing
    then: Callable[[], None] = lambda: None
    _decoded: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, chars: int, now: float, dice: random.Random) -> Listener:
        """Make one who asks now for a script of so many characters, spoken at any usual pace."""
        progress = ReadingProgress()
        job = job_of(["x" * chunk for chunk in CHUNKS[chars]], at=now, progress=progress)
        pace = dice.uniform(*SPEECH_CHARACTERS_PER_SECOND)
        for sequence in job.sequences:
            sequence.max_frames = round(len(sequence.chunk.text) / pace / FRAME_SECONDS)
        return cls(job, Hearing(now), _decoded=[0] * len(job.sequences))

    @property
    def audio_seconds(self) -> float:
        """Tell how long the whole script sounds."""
        return FRAME_SECONDS * sum(each.max_frames for each in self.job.sequences)

    def hear(self, now: float, index: int, frames: int) -> None:
        """Take frames of a chunk; those of a later one wait until it is its turn."""
        self._decoded[index] += frames
        progress = self.job.stream.progress
        lengths = [each.max_frames for each in self.job.sequences]
        ended = 0
        while ended < len(lengths) and self._decoded[ended] == lengths[ended]:
            ended += 1
        read_seconds = FRAME_SECONDS * sum(self._decoded[: ended + 1])
        fresh_seconds = read_seconds - progress.read_seconds
        progress.read_seconds, progress.chunk_index = read_seconds, ended
        if fresh_seconds > 0:
            self.hearing.hear(now, round(fresh_seconds * BYTES_PER_SECOND))
        if ended == len(lengths):
            self.hearing.complete = True
            self.then()


class SimulatedEngine(Machine):
    """Serves listeners on two cores.

    Args:
        steps: how long batches take on one core alone.
        share: how much of the cores the engine has; the rest of the server takes the others.
        seed: the same gives the same.
    """

    def __init__(self, steps: Steps, *, share: float, seed: int) -> None:
        scheduler = policy(max_running_rows=32, max_queued_jobs=64, buffer_seconds=180.0)
        super().__init__(scheduler, workers=2)
        self.dice = random.Random(seed)
        self.listeners: list[Listener] = []
        self._steps = steps
        self._share = share
        self._of_job: dict[Job, Listener] = {}

    def ask(self, chars: int) -> Listener:
        """Let somebody ask for a script now."""
        listener = Listener.of(chars, self.now, self.dice)
        self.listeners.append(listener)
        self._of_job[listener.job] = listener
        self.scheduler.submit(listener.job)
        return listener

    def cost_seconds(self, batch: Batch[None]) -> float:
        jitter = self.dice.lognormvariate(0, JITTER)
        return jitter * self._steps.seconds(batch) / self._share

    def hear(self, sequence: Sequence[None], frames: int) -> None:
        self._of_job[sequence.job].hear(self.now, sequence.index, frames)
