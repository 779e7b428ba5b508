"""Defines all that the rest of the server may know of the engine: its interface and its types.

There is no torch here, so that every part may import it, and a fake engine fits the same seam.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from app.speech import Frames, Pcm, Sampling, TokenCounter
from app.work import NEVER_CANCELLED, CancelToken

VOICE_MODEL_KEY = "model"
"""A voice state's file names the fingerprint of its model under this key of its metadata."""

RESTART_SECONDS = 5.0
"""A caller is told to wait this long while the engine, or the whole server, is being started."""


class VoiceState(Protocol):
    """Holds a voice that is ready to speak. Only the engine that made it looks inside."""

    @property
    def nbytes(self) -> int:
        """Return how many bytes of memory the state takes."""
        ...


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """Says what the model speaks in one go, and in which voice."""

    text: str
    voice: VoiceState


@dataclass(frozen=True, slots=True)
class SpeechJob:
    """Holds the chunks of one request, to be delivered in order, and how they are sampled."""

    chunks: tuple[SpokenChunk, ...]
    sampling: Sampling = field(default_factory=Sampling)
    more: bool = False
    """More chunks will be added to its stream."""
    timed: bool = False
    """The frames tell when the words sound. Call `SpeechEngine.calibrate` before."""
    caller: str = ""
    """Callers of different names take turns."""
    expected_seconds: float = 0.0
    """All of it, with the chunks that will be added, is likely to sound so long."""
    unhurried: bool = False
    """Nobody listens: it goes on when nobody who does is in a hurry, and ends with
    ModelUnavailable as soon as the engine is to stop. Whoever submits such jobs bounds them, for
    the queue does not."""


class Head(NamedTuple):
    """Names an attention head of the language model; both numbers count from 0."""

    layer: int
    head: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Says how an engine finds out when words sound.

    Attributes:
        method: `attention`, measured on what the model looks at in its text while it speaks, or
            `estimated`, from syllables and silences, for a model whose attention does not tell.
        heads: the attention heads that tell, the best first; none where times are estimated.
        gain: how much better than by chance they tell which word is being spoken: 0 is chance,
            1 certainty. None where times are estimated.
        offset_seconds: how much later the words sound than the heads look at them.
    """

    method: Literal["attention", "estimated"]
    heads: tuple[Head, ...] = ()
    gain: float | None = None
    offset_seconds: float = 0.0


ESTIMATED = Alignment("estimated")


@dataclass(slots=True)
class JobTimings:
    """Says how long after its submission things first happened to a job; None until they have.

    Attributes:
        queued_seconds: until its first chunk was admitted to the batch.
        prefill_seconds: until its first text was read and its first latent sampled.
        first_audio_seconds: until its first PCM was decoded.
        takes: how many takes were spoken, and how many would have done had all been good.
    """

    queued_seconds: float | None = None
    prefill_seconds: float | None = None
    first_audio_seconds: float | None = None
    takes: int = 0
    takes_planned: int = 0


class SpeechStream(Protocol):
    """Gives out the audio of one job as it is made."""

    @property
    def timings(self) -> JobTimings:
        """Return when things first happened to the job, so far."""
        ...

    @property
    def alignment(self) -> Alignment | None:
        """Return how the times of its words are found; None if the job did not ask for them."""
        ...

    def hold_back(self, needed_at_seconds: Callable[[], float]) -> None:
        """Give a chunk out once all of it is known to be good, or a second before it is needed.

        Call it before anything is read; a later call takes the place of an earlier one. What has
        been read of a chunk cannot be taken back.

        Args:
            needed_at_seconds: tells until when, as `time.monotonic` has it, whoever listens has
                something left to play; infinite if nobody listens before all is there.
        """
        ...

    def __aiter__(self) -> AsyncIterator[Frames]:
        """Iterate over the audio in order. A reader that stops pauses the rows of this job only.

        Raises:
            TakesRefused: a chunk came out badly each time, or too late to be spoken again.
            SynthesisFailed: the job broke; what was delivered so far is not the whole speech.
            Overloaded: the job waited, and gave way to one of a caller with less; nothing came.
            ModelUnavailable: the engine stopped underneath the job.
        """
        ...

    def extend(self, chunks: Sequence[SpokenChunk], *, more: bool) -> None:
        """Add chunks to a job that was submitted with `more`; call it on the event loop.

        Args:
            more: whether still more will be added.
        """
        ...

    def abort(self) -> None:
        """Stop the work within a frame or two; iteration, if it goes on, raises SynthesisFailed.

        Any task of the event loop may call it, also twice, and after the end.
        """
        ...


@dataclass(slots=True)
class TakeCounts:
    """Counts the takes of an engine.

    Attributes:
        spoken: takes that were spoken to their end.
        redone: those of them that were spoken again with another seed.
        parted: those whose text was parted in two then.
        refused: those that ended the speech.
        by_fault: how many had each fault.
        judged: whether the model is held to what good speech is, having been heard to speak well.
    """

    spoken: int = 0
    redone: int = 0
    parted: int = 0
    refused: int = 0
    by_fault: dict[str, int] = field(default_factory=dict)
    judged: bool = False


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Describes an engine at one moment, for /health.

    Attributes:
        running_rows: how many chunks are computed now.
        queued_jobs: how many jobs wait for their first row.
        queued_seconds: how much audio they are likely to be.
        audio_rate: how many seconds of audio the engine made lately in each second that it worked.
        precision: the arithmetic in use, such as `int8+bfloat16 codec`.
        float32_layers: names of the layers that are computed in float32 all the same, because this
            machine gives wrong results for them otherwise.
        alive: whether it takes jobs.
        alignment: how it finds out when words sound; None before it is known, see
            `SpeechEngine.calibrate`.
        takes: what became of what was spoken.
    """

    running_rows: int
    queued_jobs: int
    max_running_rows: int
    max_queued_jobs: int
    precision: str
    device: str
    alive: bool
    float32_layers: tuple[str, ...] = ()
    queued_seconds: float = 0.0
    audio_rate: float = 1.0
    alignment: Alignment | None = None
    takes: TakeCounts = field(default_factory=TakeCounts)

    @property
    def clears_seconds(self) -> float:
        """Return how long it takes until what waits now has been made; a second at least."""
        return max(1.0, self.queued_seconds / self.audio_rate)


class SpeechEngine(Protocol):
    """Turns chunks into PCM and recordings into voices.

    Any thread may call it, but for `submit` and `drain`, which belong to the event loop.
    """

    @property
    def sample_rate_hz(self) -> int:
        """Return the rate of the PCM that the engine makes, and of the recordings it takes."""
        ...

    def count_tokens(self, text: str) -> int:
        """Count the tokens of `text` as the model reads it, upstream's preparation included."""
        ...

    def token_counter(self, text: str) -> TokenCounter:
        """Make a function that counts tokens of pieces of `text`, about as `count_tokens` does.

        Blocks for as long as it takes to read the text once.
        """
        ...

    def require_room(self, caller: str) -> None:
        """Refuse now what `submit` would refuse, before anybody takes the trouble to make a job.

        Args:
            caller: as in `SpeechJob`.

        Raises:
            Overloaded, QueueFull: as `submit`.
        """
        ...

    def expecting(self) -> AbstractContextManager[None]:
        """Let jobs that nobody hears rest in the block: somebody who listens will submit one."""
        ...

    @property
    def letters(self) -> frozenset[str]:
        """Return the letters that the model was taught, by the pieces of its tokenizer.

        Others may be read if they are these with an accent. Where it knows none, nothing can be
        told. Blocks for some hundredths of a second when it is first asked for.
        """
        ...

    def submit(self, job: SpeechJob) -> SpeechStream:
        """Queue a job; returns at once.

        Raises:
            Overloaded: the bounded queue is full, and the caller has its share of it.
            QueueFull: it is full, but not of this caller's jobs.
            ModelUnavailable: the engine is not running.
        """
        ...

    def rest(self) -> None:
        """Give back memory that was kept for the next speech; called while there is none."""
        ...

    def calibrate(self, voice: VoiceState) -> Alignment:
        """Find out how this model's attention tells when words sound, unless that is known.

        A job that asks for times before that has estimated ones. Blocks: the first time that a
        model is met here it speaks some sentences for it, when it has nothing better to do; the
        outcome is kept on disk. Not for the event loop.

        Raises:
            ModelUnavailable: the engine stopped meanwhile.
            SynthesisFailed: the model does not speak in this voice.
        """
        ...

    def encode_voice(self, pcm: Pcm, cancel: CancelToken = NEVER_CANCELLED) -> VoiceState:
        """Make a voice state of speech, `[samples]` at `sample_rate_hz`. Blocks for seconds.

        Args:
            cancel: ends the work when nobody waits for it.

        Raises:
            InvalidClip: there are no samples, or some are not finite.
            ModelUnavailable: the weights cannot clone voices.
        """
        ...

    def load_voice(self, path: Path) -> VoiceState:
        """Read a voice state from a `.safetensors` file. Blocks.

        Raises:
            InvalidRequest: it is no voice state, or one of another model.
        """
        ...

    def save_voice(self, state: VoiceState, path: Path) -> None:
        """Write a `.safetensors` file that `load_voice` and pocket-tts read. Blocks.

        Its metadata names the model under `VOICE_MODEL_KEY`, so that another one can refuse it.

        Raises:
            OSError: the disk refuses.
        """
        ...

    @property
    def model_fingerprint(self) -> str:
        """Return hex digits that differ between models whose voice states differ.

        Blocks for about a second when it is first asked for.
        """
        ...

    @property
    def voice_precision(self) -> str:
        """Return the element type of its voice states, `float32` or `bfloat16`."""
        ...

    def predefined_voice(self, name: str) -> VoiceState:
        """Get the state of a voice that ships with the released weights. May download; blocks.

        Raises:
            VoiceNotFound: the model has no such voice.
            ModelUnavailable: the state cannot be fetched.
        """
        ...

    @property
    def predefined_voices(self) -> tuple[str, ...]:
        """List the voices that ship with the model; the operator's own models have none."""
        ...

    def status(self) -> EngineStatus:
        """Tell how busy the engine is."""
        ...

    async def drain(self, timeout_seconds: float) -> None:
        """Refuse new jobs, let running ones finish for at most `timeout_seconds`, stop."""
        ...


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Says what an engine is built from; `app/assembly/models.py` fills it from the settings.

    Attributes:
        language: which of upstream's models to load, such as `english`; see `config`.
        config: path or address of a model's YAML, in the place of `language`'s.
        models_dir: where downloads are kept.
        voice_prompts: recordings behind the predefined voices, by name, for a model whose voices
            do not come from the hub: WAV of 16 bits, mono, at the model's rate.
        device: a torch device, such as `cpu` or `cuda`.
        precision: `float32`, `int8`, `bfloat16` or `auto`; see `app/engine/precision.py`.
        worker_threads: None for one per core this process may use, or two beside a GPU.
        max_running_rows: how many chunks may be computed at the same time.
        max_queued_jobs: how many jobs may wait for their first row.
        max_queued_seconds: with so much audio in them no more may wait.
        defaults: sampling where a job leaves it open.
        stream_buffer_seconds: how much audio of a job may wait to be read before it is paused.
        takes: how often a piece is spoken at most until it is good; 1 serves whatever comes.
        proven: whether the weights are known to speak well, so that each take is held to that;
            others have to be heard first.
        on_batch: is told how many rows each step of the language model has computed; any thread
            calls it.
        elsewhere: tells how many jobs of each caller other servers speak, which count as those that
            run here when callers take turns; any thread calls it.
    """

    language: str
    config: str | None
    models_dir: Path
    voice_prompts: Mapping[str, Path] = field(default_factory=dict)
    device: str = "cpu"
    precision: str = "auto"
    worker_threads: int | None = None
    max_running_rows: int = 32
    max_queued_jobs: int = 64
    max_queued_seconds: float = 3600.0
    defaults: Sampling = field(default_factory=Sampling)
    stream_buffer_seconds: float = 180.0
    takes: int = 3
    proven: bool = False
    on_batch: Callable[[int], None] = lambda _rows: None
    elsewhere: Callable[[], Mapping[str, int]] = dict
