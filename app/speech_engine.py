"""What the rest of the server may know of the engine: no torch in sight.

The synthesizer talks to these types only, so that a fake engine fits the same seam in tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.speech import Frames, Pcm, Sampling, TokenCounter


class VoiceState(Protocol):
    """A voice ready to speak: the KV prefix of its prompt. Made, read and freed by the engine."""

    @property
    def nbytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """What the model speaks in one go, and in which voice."""

    text: str
    voice: VoiceState


@dataclass(frozen=True, slots=True)
class SpeechJob:
    """The chunks of one request, delivered in order."""

    chunks: tuple[SpokenChunk, ...]
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(slots=True)
class JobTimings:
    """Seconds since submission; None until it happened."""

    queued_seconds: float | None = None
    """until the first row of the job was admitted to the batch"""
    prefill_seconds: float | None = None
    """until its text was prefilled"""
    first_audio_seconds: float | None = None
    """until its first PCM was decoded"""


class SpeechStream(Protocol):
    """One job's audio as it is made."""

    @property
    def timings(self) -> JobTimings: ...

    def __aiter__(self) -> AsyncIterator[Frames]:
        """Frames in order. A consumer that stops reading pauses this job's rows only.

        Raises:
            SynthesisFailed: the job broke; what was delivered so far is not the whole speech.
            ModelUnavailable: the engine stopped underneath the job.
        """
        ...

    def abort(self) -> None:
        """Stop the work within a frame or two. Safe to call twice, after the end, and from any
        task of the event loop. Iteration, if it goes on, ends with SynthesisFailed."""
        ...


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A snapshot for /health."""

    running_rows: int
    queued_jobs: int
    max_running_rows: int
    max_queued_jobs: int
    precision: str
    device: str
    alive: bool


class SpeechEngine(Protocol):
    """Turns chunks into PCM. All methods but `speak`'s stream may be called from any thread."""

    @property
    def sample_rate_hz(self) -> int: ...

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as the model will read it (upstream's preparation included)."""
        ...

    def token_counter(self, text: str) -> TokenCounter:
        """Counts the tokens of many pieces of one text, about as `count_tokens` does. Blocks."""
        ...

    def submit(self, job: SpeechJob) -> SpeechStream:
        """Queue a job; called on the event loop's thread, returns at once.

        Raises:
            Overloaded: the bounded queue is full.
            ModelUnavailable: the engine is not running.
        """
        ...

    def encode_voice(self, pcm: Pcm) -> VoiceState:
        """Voice state from reference speech at `sample_rate_hz`. Blocks for up to seconds."""
        ...

    def load_voice(self, path: Path) -> VoiceState:
        """Voice state from a `.safetensors` file.

        Raises:
            InvalidRequest: not a voice state, or one of another model.
        """
        ...

    def save_voice(self, state: VoiceState, path: Path) -> None:
        """Write a `.safetensors` file that `load_voice` and pocket-tts read. Blocks.

        Its metadata names the model, so that another one can refuse it with the reason.

        Raises:
            OSError: the disk refuses.
        """
        ...

    @property
    def model_fingerprint(self) -> str:
        """Hex digits that differ between models whose voice states differ. The first call
        blocks for about a second."""
        ...

    @property
    def voice_precision(self) -> str:
        """Element type of voice states: `float32` or `bfloat16`."""
        ...

    def predefined_voice(self, name: str) -> VoiceState:
        """The state of a voice that ships with the released weights. May download; blocks.

        Raises:
            ModelUnavailable: the state cannot be fetched.
        """
        ...

    @property
    def predefined_voices(self) -> tuple[str, ...]:
        """Names `predefined_voice` knows for this model, the contract's eight first; empty for
        a model with a config of its own."""
        ...

    def status(self) -> EngineStatus: ...

    async def drain(self, timeout_seconds: float) -> None:
        """Refuse new jobs, let running ones finish for at most `timeout_seconds`, stop."""
        ...


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What an engine is built from; `app/main.py` fills it from the settings."""

    language: str
    config: str | None
    models_dir: Path
    voice_prompts: Mapping[str, Path] = field(default_factory=dict)
    """recordings behind the predefined voices (WAV, 16 bit, mono, at the model's rate), for a
    model whose voices do not come from the hub"""
    device: str = "cpu"
    precision: str = "auto"
    worker_threads: int | None = None
    max_running_rows: int = 32
    max_queued_jobs: int = 64
    defaults: Sampling = field(default_factory=Sampling)
    stream_buffer_seconds: float = 180.0
