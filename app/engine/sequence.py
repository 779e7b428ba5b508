"""Follows one chunk through the engine, and the job it belongs to. There are no tensors here.

What it takes to compute a chunk hangs on its sequence as `row`. Its type, `RowT`, is the runner's
business: scheduling neither looks at it nor imports torch.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment.words import Reading
from app.engine.stream import EngineStream
from app.engine.takes.faults import Fault
from app.engine.takes.hearing import Hearing
from app.speech import SPEECH_CHARACTERS_PER_SECOND, Pcm, WordTime
from app.speech_engine import SpeechJob, SpokenChunk

MIN_FRAMES_BEFORE_EOS = 6

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class RowSampling:
    """Says how a row is sampled; nothing is left open but the seed and the frames after EOS.

    Attributes:
        temperature: variance of the noise; 0 always gives the same speech.
        decode_steps: evaluations of the flow head per latent, at least 1.
        eos_threshold: the chunk ends when the EOS logit exceeds this.
        noise_clamp: largest absolute value of the noise, or None for no bound.
        frames_after_eos: latents spoken from the one that fired on; None for upstream's guess.
        seed: None for another speech each time.
    """

    temperature: float
    decode_steps: int
    eos_threshold: float
    noise_clamp: float | None
    frames_after_eos: int | None
    seed: int | None


class Aligner(Protocol):
    """Times the words of one chunk while its audio is made."""

    def advance(self, pcm: Pcm) -> tuple[WordTime, ...]:
        """Take the audio of the next frames; return the words whose times are certain now."""
        ...

    def finish(self) -> tuple[WordTime, ...]:
        """Return the words that are left; there is no more audio."""
        ...


Look: TypeAlias = Callable[[int], NDArray[np.float32]]
"""This tells what the next so many heard frames attended to, `[heads, frames, text tokens]`."""


class Part(NamedTuple):
    """Holds text that is spoken in one go, all of a chunk or part of it, and where it begins."""

    text: str
    start: int


MakeAligner: TypeAlias = Callable[[Reading, Look], Aligner | None]
"""This makes what times the words of a chunk; None where there are none."""


@dataclass(slots=True, eq=False)
class Sequence(Generic[RowT]):
    """Follows a chunk: it waits, then is a row of the batch, then is drained by the codec.

    Attributes:
        job: the job that the chunk belongs to.
        index: the chunk's place in the job.
        chunk: text and voice.
        expected_seconds: how long its audio is likely to be; exact once it is finished.
        row: its tensors while it is in the batch; None before and after.
        aligner: times its words; None if nobody wants that.
        max_frames: latents after which it ends without EOS.
        frames_after_eos: latents spoken from the one on at which EOS fired.
        sampled: latents that the language model has sampled.
        emitted: those of them that are to be heard, and were handed to the codec.
        decoded: those of them that the codec has made PCM of.
        eos_step: number of the latent at which EOS fired, or None.
        finished: whether the language model is done with it.
        reached_maximum: whether it ended without EOS.
        being_sampled: whether a worker computes its next latent right now.
        being_decoded: whether a worker computes its next PCM right now.
        closed: whether its last piece of PCM has been delivered.
        parts: of its text, that which is being spoken first; there are two once it was parted.
        parted: whether its text was parted in two.
        part_takes: how many takes of that one have come out badly.
        takes: how many takes of the chunk have been begun before this one.
        hearing: hears this take.
        look: tells how much so many frames of it have looked at its last words; None if nobody
            follows that.
        before_seconds: how long the parts sound that are over.
        fault: why this take is no good; None while that is not known.
        part_over: whether this take is good, and another part follows.
        served: when the codec last took it, as a count of batches; for fairness among equals.
    """

    job: EngineJob[RowT]
    index: int
    chunk: SpokenChunk
    expected_seconds: float
    row: RowT | None = None
    aligner: Aligner | None = None
    max_frames: int = 0
    frames_after_eos: int = 0
    sampled: int = 0
    emitted: int = 0
    decoded: int = 0
    eos_step: int | None = None
    finished: bool = False
    reached_maximum: bool = False
    being_sampled: bool = False
    being_decoded: bool = False
    closed: bool = False
    served: int = 0
    parts: deque[Part] = field(default_factory=deque)
    parted: bool = False
    part_takes: int = 0
    takes: int = 0
    hearing: Hearing = field(default_factory=Hearing)
    look: Callable[[int], float] | None = None
    before_seconds: float = 0.0
    fault: Fault | None = None
    part_over: bool = False

    def __post_init__(self) -> None:
        self.parts.append(Part(self.chunk.text, 0))

    def restart(self) -> None:
        """Begin another take, of the part that is first now."""
        self.takes += 1
        self.sampled = self.emitted = self.decoded = 0
        self.eos_step = self.fault = self.aligner = self.look = None
        self.finished = self.reached_maximum = self.part_over = False
        self.hearing = Hearing()
        left = sum(len(part.text) for part in self.parts)
        self.expected_seconds = self.before_seconds + left / SPEECH_CHARACTERS_PER_SECOND

    def let_go(self) -> None:
        """Drop what was only needed to speak it: its job may go on for hours, or await garbage."""
        self.hearing = Hearing()
        self.aligner = self.look = None

    def part(self, border: int) -> None:
        """Part the text that is being spoken in two."""
        text, start = self.parts.popleft()
        halves = Part(text[:border].rstrip(), start), Part(text[border:], start + border)
        self.parts.extendleft(reversed(halves))
        self.part_takes = 0
        self.parted = True

    @property
    def turning(self) -> bool:
        """Tell whether another take of the chunk has to be begun."""
        return self.fault is not None or self.part_over

    @property
    def pending(self) -> int:
        """Tell how many latents wait for the codec."""
        return self.emitted - self.decoded

    @property
    def busy(self) -> bool:
        """Tell whether a worker computes the chunk right now."""
        return self.being_sampled or self.being_decoded

    @property
    def drained(self) -> bool:
        """Tell whether both halves of the model are through with the chunk."""
        return self.finished and self.pending == 0 and not self.busy and not self.turning

    @property
    def retired(self) -> bool:
        """Tell whether the chunk may leave the batch: it is drained, or nobody wants it now."""
        return self.drained or (self.job.cancelled and not self.busy)

    def advance(self, *, is_eos: bool) -> bool:
        """Count one sampled latent, and say whether it is to be heard.

        Upstream's rule: EOS counts from the seventh latent on, then `frames_after_eos` latents
        follow, the one that fired included; without EOS the chunk ends at its maximum.

        Args:
            is_eos: whether the EOS head fired at this latent.
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


@dataclass(slots=True, eq=False)
class EngineJob(Generic[RowT]):
    """Holds a job inside the engine: its sequences, and the stream that its audio goes to.

    Moments are seconds on the engine's clock.

    Attributes:
        caller: who asks for it; only told apart from others.
        stream: takes its audio, and knows how much of it has been read.
        sampling: how all of its chunks are sampled.
        make_aligner: times the words of a chunk; None if the job does not ask for that.
        watched: whether what its frames attend to is kept for its aligners.
        followed: whether what they attend to tells if the model gets to the end of its text.
        unhurried: whether nobody listens, so that it goes on when nobody else is in a hurry.
        sequences: one for each chunk, in order.
        playing_since_seconds: when its first PCM was delivered, or None.
        admitted: how many sequences have been admitted to the batch.
        speaking: how many of those the language model is not done with.
        decoded: how many of the job's latents the codec has made PCM of.
        cancelled: whether its audio is no longer wanted.
        more: whether more chunks will be added.
    """

    stream: EngineStream
    sampling: RowSampling
    submitted_at_seconds: float
    caller: str = ""
    make_aligner: MakeAligner | None = None
    watched: bool = False
    followed: bool = False
    unhurried: bool = False
    sequences: list[Sequence[RowT]] = field(default_factory=list)
    playing_since_seconds: float | None = None
    admitted: int = 0
    speaking: int = 0
    decoded: int = 0
    cancelled: bool = False
    more: bool = False
    _estimated_seconds: float = 0.0
    _starts_seconds: list[float] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        job: SpeechJob,
        stream: EngineStream,
        sampling: RowSampling,
        now_seconds: float,
        *,
        make_aligner: MakeAligner | None = None,
        watched: bool = False,
        followed: bool = False,
    ) -> EngineJob[RowT]:
        """Make the engine's side of a job that is submitted now."""
        made = cls(
            stream,
            sampling,
            now_seconds,
            job.caller,
            make_aligner,
            watched,
            followed,
            job.unhurried,
        )
        made._estimated_seconds = job.expected_seconds
        made.extend(job.chunks, more=job.more)
        return made

    def extend(self, chunks: Iterable[SpokenChunk], *, more: bool) -> None:
        """Add chunks after those that are there."""
        for chunk in chunks:
            expected_seconds = len(chunk.text) / SPEECH_CHARACTERS_PER_SECOND
            self.sequences.append(Sequence(self, len(self.sequences), chunk, expected_seconds))
        self.more = more
        self.lengths_changed()

    @property
    def exhausted(self) -> bool:
        """Tell whether no chunk waits and none will come."""
        return self.waiting is None and (self.cancelled or not self.more)

    @property
    def waiting(self) -> Sequence[RowT] | None:
        """Return the next sequence to admit; None if there is none or the job is cancelled."""
        if self.cancelled or self.admitted == len(self.sequences):
            return None
        return self.sequences[self.admitted]

    @property
    def queued(self) -> bool:
        """Tell whether none of the job's sequences has been admitted yet."""
        return self.admitted == 0

    def lengths_changed(self) -> None:
        """Compute anew when each chunk starts, after a better estimate of one."""
        lengths = (sequence.expected_seconds for sequence in self.sequences)
        self._starts_seconds = list(accumulate(lengths, initial=0.0))

    def due_at_seconds(self, index: int, offset_seconds: float) -> float:
        """Return when a listener who never pauses needs what is at an offset into a chunk."""
        if self.unhurried:
            return math.inf
        since = self.playing_since_seconds
        since = self.submitted_at_seconds if since is None else since
        return since + self._starts_seconds[index] + offset_seconds

    def unread_seconds(self, index: int, offset_seconds: float) -> float:
        """Tell how much audio before an offset into a chunk the reader has yet to read."""
        return self._starts_seconds[index] + offset_seconds - self.stream.progress.read_seconds

    @property
    def ahead_seconds(self) -> float:
        """Tell how far the admitted chunks and the next one would run ahead of the reader."""
        end = min(self.admitted + 1, len(self.sequences))
        return self._starts_seconds[end] - self.stream.progress.read_seconds

    @property
    def expected_seconds(self) -> float:
        """Tell how much audio all of the job is likely to be, with what will be added."""
        known_seconds = self._starts_seconds[-1]
        return max(known_seconds, self._estimated_seconds) if self.more else known_seconds

    def left_seconds(self, frame_seconds: float) -> float:
        """Tell how much audio of the job is likely to be left to make.

        Args:
            frame_seconds: audio of one latent.
        """
        return max(0.0, self.expected_seconds - self.decoded * frame_seconds)
