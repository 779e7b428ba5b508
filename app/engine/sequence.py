"""One chunk's progress through the engine, and the job it belongs to. No tensors here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

MIN_FRAMES_BEFORE_EOS = 6
_CHARACTERS_PER_SECOND = 15.0


@dataclass(slots=True, eq=False)
class Sequence:
    """A chunk on its way: waiting, then a row of the batch, then drained by the codec.

    Attributes:
        sampled: latents sampled, the language model's step number.
        emitted: latents handed to the codec.
        decoded: latents decoded to PCM.
        finished: the language model is done with it.
        in_step, in_codec: a worker is computing it right now.
        closed: its last piece has been delivered.
        served: when the codec last took it, for fairness among equals.
    """

    job: Job
    index: int
    expected_seconds: float
    max_frames: int = 0
    frames_after_eos: int = 0
    sampled: int = 0
    emitted: int = 0
    decoded: int = 0
    eos_step: int | None = None
    finished: bool = False
    reached_maximum: bool = False
    in_step: bool = False
    in_codec: bool = False
    closed: bool = False
    served: int = 0

    @property
    def pending(self) -> int:
        """Latents that wait for the codec."""
        return self.emitted - self.decoded

    @property
    def drained(self) -> bool:
        """Both halves of the model are through with it."""
        return self.finished and self.pending == 0 and not self.busy

    @property
    def busy(self) -> bool:
        return self.in_step or self.in_codec

    @property
    def retired(self) -> bool:
        """Nothing is left to compute, or nobody wants it any more."""
        return self.drained or (self.job.cancelled and not self.busy)

    def advance(self, *, is_eos: bool) -> bool:
        """Account for one sampled latent; whether it is to be heard.

        Upstream's rule: EOS counts from the seventh latent on, then `frames_after_eos` latents
        follow, the one that fired included; without EOS the chunk ends at its maximum.
        """
        step = self.sampled
        self.sampled += 1
        if is_eos and self.eos_step is None and step >= MIN_FRAMES_BEFORE_EOS:
            self.eos_step = step
        heard = self.eos_step is None or step < self.eos_step + self.frames_after_eos
        if heard:
            self.emitted += 1
        if self.eos_step is not None and self.sampled >= self.eos_step + self.frames_after_eos:
            self.finished = True
        elif self.sampled >= self.max_frames:
            self.finished = self.reached_maximum = True
        return heard


class Reader(Protocol):
    """The consumer's side of a job, as far as scheduling goes. Read without a lock."""

    @property
    def reading(self) -> int:
        """Index of the chunk that is being read; later ones cannot be read yet."""
        ...

    @property
    def buffered_seconds(self) -> float:
        """Audio made and not yet read, of all chunks."""
        ...

    @property
    def readable_seconds(self) -> float:
        """Audio made and not yet read of the chunk that is being read."""
        ...

    @property
    def read_seconds(self) -> float:
        """Audio read so far."""
        ...


@dataclass(slots=True, eq=False)
class Job:
    """The chunks of one request.

    Attributes:
        submitted_at: seconds, on the engine's clock.
        playing_since: when its first PCM was delivered, or None.
        admitted: how many chunks have been admitted to the batch.
        speaking: how many of those the language model is still at work on.
    """

    reader: Reader
    submitted_at: float
    chunks: list[Sequence] = field(default_factory=list)
    playing_since: float | None = None
    admitted: int = 0
    speaking: int = 0
    cancelled: bool = False
    _starts: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, texts: Iterable[str], reader: Reader, submitted_at: float) -> Job:
        job = cls(reader, submitted_at)
        for index, text in enumerate(texts):
            job.chunks.append(Sequence(job, index, len(text) / _CHARACTERS_PER_SECOND))
        job.lengths_changed()
        return job

    @property
    def waiting(self) -> Sequence | None:
        """The next chunk to admit."""
        if self.cancelled or self.admitted == len(self.chunks):
            return None
        return self.chunks[self.admitted]

    @property
    def queued(self) -> bool:
        """No chunk of it has been admitted yet."""
        return self.admitted == 0

    def lengths_changed(self) -> None:
        """Recompute when each chunk starts, after a better estimate of one."""
        self._starts = list(accumulate((c.expected_seconds for c in self.chunks), initial=0.0))

    def due_at(self, index: int, seconds: float) -> float:
        """When a listener who plays without a pause needs what is `seconds` into a chunk."""
        since = self.submitted_at if self.playing_since is None else self.playing_since
        return since + self._starts[index] + seconds

    def unread_seconds(self, index: int, seconds: float) -> float:
        """Audio before a moment of a chunk that the reader has yet to read."""
        return self._starts[index] + seconds - self.reader.read_seconds

    @property
    def ahead_seconds(self) -> float:
        """How far the admitted chunks and the next one would run ahead of the reader."""
        return self._starts[min(self.admitted + 1, len(self.chunks))] - self.reader.read_seconds

    @property
    def waiting_seconds(self) -> float:
        """Expected audio of the chunks that wait."""
        return self._starts[-1] - self._starts[self.admitted]
