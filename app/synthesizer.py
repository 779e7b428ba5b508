"""One request's journey, stage by stage: text → chunks → voice → engine → frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from app.audio.effects import ChunkJoiner
from app.engine.interface import JobTimings, SpeechEngine, SpeechJob, SpeechStream, VoiceState
from app.errors import Overloaded, SynthesisFailed
from app.speech import Chunk, Frames, Pcm, Sampling, SpeechRequest
from app.text.chunks import split_into_chunks
from app.text.script import clean_script
from app.voices.library import VoiceLibrary

MAX_TOKENS_PER_CHUNK = 50
"""The model was trained on single sentences; beyond this many tokens it skips words"""


@dataclass(frozen=True, slots=True)
class FieldNames:
    """What a dialect calls the fields that can be wrong, so that errors speak its language."""

    text: str = "script"
    clip: str = "voice_file"


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that has been found good: what will be spoken, and in which voice."""

    engine: SpeechEngine
    chunks: tuple[Chunk, ...]
    voice: VoiceState
    sampling: Sampling

    @property
    def sample_rate_hz(self) -> int:
        return self.engine.sample_rate_hz


class Utterance:
    """Speech that has begun: its first audio exists. Close it, whether or not it was read."""

    def __init__(
        self,
        stream: SpeechStream,
        frames: AsyncIterator[Frames],
        first: Frames,
        joiner: ChunkJoiner,
    ) -> None:
        self._stream = stream
        self._frames = frames
        self._first = first
        self._joiner = joiner

    @property
    def timings(self) -> JobTimings:
        return self._stream.timings

    async def pcm(self) -> AsyncIterator[Pcm]:
        """The whole speech in order, pauses included.

        Raises:
            SynthesisFailed: what was delivered is not the whole speech.
        """
        spoken = self._first.pcm.size > 0
        yield self._joiner.feed(self._first)
        async for frames in self._frames:
            spoken = spoken or frames.pcm.size > 0
            yield self._joiner.feed(frames)
        if not self._joiner.finished:
            raise SynthesisFailed("the engine ended before the speech did")
        if not spoken:
            raise SynthesisFailed("the engine made no audio")

    def close(self) -> None:
        """Stop the work behind this speech, if any is left."""
        self._stream.abort()


class Synthesizer:
    """Turns a `SpeechRequest` into an `Utterance`; knows the order of the stages, no details."""

    def __init__(
        self,
        *,
        engine: Callable[[], SpeechEngine],
        voices: VoiceLibrary,
        max_script_chars: int,
        max_chars_per_chunk: int,
        queue_timeout_seconds: float,
    ) -> None:
        self._engine = engine
        self._voices = voices
        self._max_script_chars = max_script_chars
        self._max_chars_per_chunk = max_chars_per_chunk
        self._queue_timeout_seconds = queue_timeout_seconds

    async def prepare(self, request: SpeechRequest, fields: FieldNames) -> Plan:
        """Split the script and make the voice ready; whatever can be refused is refused here.

        Raises:
            InvalidRequest, TooLarge, VoiceNotFound, InvalidClip, ModelUnavailable.
        """
        engine = self._engine()
        chunks = await asyncio.to_thread(self._chunks, engine, request.text, fields.text)
        voice = await self._voices.state_of(request.voice, field=fields.clip)
        return Plan(engine, tuple(chunks), voice, request.sampling)

    async def begin(self, plan: Plan) -> Utterance:
        """Start speaking and wait for the first audio, so that a 200 is never sent in vain.

        Raises:
            Overloaded: the queue is full, or no audio came in time.
            SynthesisFailed, ModelUnavailable.
        """
        stream = plan.engine.submit(
            SpeechJob(tuple(chunk.text for chunk in plan.chunks), plan.voice, plan.sampling)
        )
        frames = aiter(stream)
        try:
            first = await asyncio.wait_for(anext(frames), self._queue_timeout_seconds)
        except asyncio.TimeoutError:
            stream.abort()
            raise Overloaded(
                f"no audio within {self._queue_timeout_seconds:.0f} s: too much is being spoken",
                retry_after_seconds=self._queue_timeout_seconds,
            ) from None
        except BaseException:
            stream.abort()
            raise
        joiner = ChunkJoiner([chunk.boundary for chunk in plan.chunks], plan.sample_rate_hz)
        return Utterance(stream, frames, first, joiner)

    def _chunks(self, engine: SpeechEngine, text: str, field: str) -> list[Chunk]:
        script = clean_script(text, max_chars=self._max_script_chars, field=field)
        return split_into_chunks(
            script,
            max_chars=self._max_chars_per_chunk,
            count_tokens=engine.count_tokens,
            max_tokens=MAX_TOKENS_PER_CHUNK,
        )
