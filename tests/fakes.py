"""Fakes an engine, every step of which a test decides."""

from __future__ import annotations

import asyncio
import math
import string
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from app.engine.alignment.words import spoken_words
from app.errors import InvalidRequest, ModelUnavailable, Overloaded, SpeechError, SynthesisFailed
from app.speech import Frames, Pcm, TokenCounter, WordTime
from app.speech_engine import (
    ESTIMATED,
    Alignment,
    EngineStatus,
    JobTimings,
    SpeechJob,
    SpokenChunk,
    VoiceState,
)
from app.work import NEVER_CANCELLED, CancelToken

RATE_HZ = 24000
FRAME_SAMPLES = 1920
POLL_SECONDS = 0.005
LETTERS = frozenset(string.ascii_letters + "äöüßéèàçñ")
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class FakeVoice:
    """Stands for a voice state, and says in its name what it was made of."""

    name: str
    nbytes: int = 1000


def tone(samples: int) -> Pcm:
    """Make a sine of 440 Hz."""
    time_seconds = np.arange(samples) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * 440 * time_seconds)).astype(np.float32)


@dataclass
class FakeEngine:
    """Speaks `frames_per_chunk` frames of a tone for each chunk.

    With `hold_after` or `fail_after` it stops after that many frames of a job, to go on once
    `let_go` is set, or to raise `failure`. Each chunk takes `more_takes` more than one. It
    remembers every job, abort, and voice it made.
    """

    frames_per_chunk: int = 5
    hold_after: int | None = None
    fail_after: int | None = None
    failure: SpeechError = field(default_factory=lambda: SynthesisFailed("the fake engine broke"))
    more_takes: int = 0
    frame_seconds: float = 0.0
    predefined_voices: tuple[str, ...] = ("alba", "marius")
    overloaded: bool = False
    alive: bool = True
    float32_layers: tuple[str, ...] = ()
    sample_rate_hz: int = RATE_HZ
    frame_samples: int = FRAME_SAMPLES
    streams: list[FakeStream] = field(default_factory=list)
    encoded: list[Pcm] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    calibrated: list[VoiceState] = field(default_factory=list)
    broken_voice: bool = False
    model_fingerprint: str = "fake"
    voice_precision: str = "float32"
    letters: frozenset[str] = LETTERS
    drained: threading.Event = field(default_factory=threading.Event)
    expected: int = 0
    rests: int = 0
    let_go: threading.Event = field(default_factory=threading.Event)
    begun_once: bool = False

    def started(self) -> FakeEngine:
        """Return this engine, later others like it: what the server builds engines with."""
        if not self.begun_once:
            self.begun_once = True
            return self
        return replace(self, drained=threading.Event(), streams=[])

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def token_counter(self, text: str) -> TokenCounter:
        return self.count_tokens

    def require_room(self, caller: str) -> None:
        if self.overloaded:
            raise Overloaded("too many requests are waiting", retry_after_seconds=7)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        self.expected += 1
        try:
            yield
        finally:
            self.expected -= 1

    def submit(self, job: SpeechJob) -> FakeStream:
        self.require_room(job.caller)
        if self.drained.is_set():
            raise ModelUnavailable("the engine is not running")
        stream = FakeStream(self, job)
        self.streams.append(stream)
        return stream

    async def begun(self, streams: int = 1) -> None:
        """Until it has been given so much work."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        # Work is given on another thread's loop, so there is nothing to await.
        while len(self.streams) < streams:
            assert time.monotonic() < deadline
            await asyncio.sleep(POLL_SECONDS)

    def encode_voice(self, pcm: Pcm, cancel: CancelToken = NEVER_CANCELLED) -> FakeVoice:
        self.encoded.append(pcm)
        return FakeVoice(f"clip {len(self.encoded)}")

    def rest(self) -> None:
        self.rests += 1

    def calibrate(self, voice: VoiceState) -> Alignment:
        self.calibrated.append(voice)
        return ESTIMATED

    def load_voice(self, path: Path) -> FakeVoice:
        if self.broken_voice:
            raise InvalidRequest(f"{path.name} is not a voice state")
        self.loaded.append(path.name)
        return FakeVoice(path.name)

    def save_voice(self, state: VoiceState, path: Path) -> None:
        path.write_text(repr(state))

    def predefined_voice(self, name: str) -> FakeVoice:
        self.loaded.append(name)
        return FakeVoice(name)

    def status(self) -> EngineStatus:
        return EngineStatus(
            running_rows=sum(stream.running for stream in self.streams),
            queued_jobs=0,
            max_running_rows=8,
            max_queued_jobs=8,
            precision="float32",
            device="cpu",
            alive=self.alive,
            float32_layers=self.float32_layers,
        )

    async def drain(self, timeout_seconds: float) -> None:
        self.drained.set()
        deadline = time.monotonic() + timeout_seconds
        # Streams may end on the loop of another thread, so there is nothing to await.
        while time.monotonic() < deadline and any(stream.running for stream in self.streams):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        for stream in self.streams:
            stream.abort()


class FakeStream:
    """Gives out the tones of one job, and remembers how it was read."""

    def __init__(self, engine: FakeEngine, job: SpeechJob) -> None:
        self.engine = engine
        self.job = job
        self.hold_after = engine.hold_after
        self.timings = JobTimings(
            queued_seconds=0.001,
            prefill_seconds=0.0015,
            takes=len(job.chunks) * (1 + engine.more_takes),
            takes_planned=len(job.chunks),
        )
        self.alignment = ESTIMATED if job.timed else None
        self.running = True
        self.frames_read = 0
        self.needed_at_seconds: Callable[[], float] = lambda: -math.inf
        self.aborted = threading.Event()

    @property
    def voice(self) -> VoiceState:
        """Return the voice of a job that has only one."""
        (voice,) = {id(chunk.voice): chunk.voice for chunk in self.job.chunks}.values()
        return voice

    def hold_back(self, needed_at_seconds: Callable[[], float]) -> None:
        self.needed_at_seconds = needed_at_seconds

    def extend(self, chunks: Sequence[SpokenChunk], *, more: bool) -> None:
        self.job = replace(self.job, chunks=(*self.job.chunks, *chunks), more=more)

    async def _chunks(self) -> AsyncIterator[int]:
        chunk = 0
        while self.job.more or chunk < len(self.job.chunks):
            if chunk < len(self.job.chunks):
                yield chunk
                chunk += 1
            else:
                await self._step()
                await asyncio.sleep(POLL_SECONDS)

    async def __aiter__(self) -> AsyncIterator[Frames]:
        try:
            async for chunk in self._chunks():
                count = self.engine.frames_per_chunk
                for number in range(1, count + 1):
                    await self._step()
                    self.timings.first_audio_seconds = self.timings.first_audio_seconds or 0.002
                    last = number == count
                    words = self._words(chunk) if last and self.job.timed else ()
                    yield Frames(chunk, tone(self.engine.frame_samples), last, words)
                    self.frames_read += 1
        finally:
            self.running = False

    def _words(self, chunk: int) -> tuple[WordTime, ...]:
        """Give all words of a chunk the same time."""
        words = spoken_words(self.job.chunks[chunk].text)
        each = (
            self.engine.frames_per_chunk * self.engine.frame_samples / RATE_HZ / max(1, len(words))
        )
        return tuple(
            WordTime(word.start, word.end, index * each, (index + 1) * each)
            for index, word in enumerate(words)
        )

    async def _step(self) -> None:
        engine = self.engine
        await asyncio.sleep(engine.frame_seconds)
        if engine.fail_after is not None and self.frames_read >= engine.fail_after:
            raise engine.failure
        while self.hold_after is not None and self.frames_read >= self.hold_after:
            if engine.let_go.is_set() or self.aborted.is_set():
                break
            await asyncio.sleep(POLL_SECONDS)
        if self.aborted.is_set():
            raise SynthesisFailed("the job was aborted")

    def abort(self) -> None:
        self.running = False
        self.aborted.set()
