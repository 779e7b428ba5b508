"""One request's journey, stage by stage: script → pieces → voices → engine → shaped PCM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from app.audio.shaping import Shaper
from app.errors import Overloaded, SpeechError, SynthesisFailed
from app.speaking.plan import ScriptPlan, ScriptRules, plan_script
from app.speech import Frames, Pcm, Sampling, SpeechRequest
from app.speech_engine import (
    JobTimings,
    SpeechEngine,
    SpeechJob,
    SpeechStream,
    SpokenChunk,
    VoiceState,
)
from app.text.script import clean_script, ends_paragraph
from app.voices.library import VoiceLibrary

MAX_TOKENS_PER_CHUNK = 50
"""The model was trained on single sentences; beyond this many tokens it skips words"""

MOST_SCRIPTS_READ = 64
"""At once; it takes up to seconds for a long script, and the queue only counts what was read"""


@dataclass(frozen=True, slots=True)
class FieldNames:
    """What a dialect calls the fields that can be wrong, so that errors speak its language."""

    text: str = "script"
    clip: str = "voice_file"


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that has been found good: what will be spoken, and in which voices."""

    engine: SpeechEngine
    script: ScriptPlan
    chunks: tuple[SpokenChunk, ...]
    sampling: Sampling

    @property
    def sample_rate_hz(self) -> int:
        return self.engine.sample_rate_hz


class Utterance:
    """Speech that has begun: its first audio exists. Use it as a context, read it once."""

    def __init__(
        self,
        stream: SpeechStream,
        first: Frames,
        rest: AsyncIterator[Frames],
        shaper: Shaper,
    ) -> None:
        self._stream = stream
        self._first = first
        self._rest = rest
        self._shaper = shaper

    @property
    def timings(self) -> JobTimings:
        return self._stream.timings

    async def pcm(self) -> AsyncGenerator[Pcm, None]:
        """The whole speech in order, pauses included.

        Raises:
            SynthesisFailed: what was delivered is not the whole speech.
        """
        async with self._shaper as shaper, aclosing(shaper.run(self._frames())) as pieces:
            async for piece in pieces:
                yield piece

    def close(self) -> None:
        """Stop the work behind this speech, if any is left."""
        self._stream.abort()

    async def _frames(self) -> AsyncGenerator[Frames, None]:
        spoken = self._first.pcm.size > 0
        yield self._first
        async for frames in self._rest:
            spoken = spoken or frames.pcm.size > 0
            yield frames
        if not spoken:
            raise SynthesisFailed("the engine made no audio")


class Synthesizer:
    """Turns a `SpeechRequest` into an `Utterance`; knows the order of the stages, no details.

    Args:
        language: two-letter code of what the model speaks, for putting numbers into words.
    """

    def __init__(
        self,
        *,
        engine: Callable[[], SpeechEngine],
        voices: VoiceLibrary,
        ffmpeg: Path,
        language: str,
        max_script_chars: int,
        max_chars_per_chunk: int,
        queue_timeout_seconds: float,
    ) -> None:
        self._engine = engine
        self._voices = voices
        self._ffmpeg = ffmpeg
        self._language = language
        self._max_script_chars = max_script_chars
        self._max_chars_per_chunk = max_chars_per_chunk
        self._queue_timeout_seconds = queue_timeout_seconds
        self._reading = 0

    async def prepare(self, request: SpeechRequest, fields: FieldNames) -> Plan:
        """Split the script and make the voices ready; whatever can be refused is refused here.

        Raises:
            InvalidRequest, TooLarge, VoiceNotFound, InvalidClip, ModelUnavailable.
            Overloaded: too many scripts are being read already.
        """
        engine = self._engine()
        if self._reading >= MOST_SCRIPTS_READ:
            raise Overloaded("too many requests came at once", retry_after_seconds=5)
        self._reading += 1
        try:
            script = await asyncio.to_thread(self._read, engine, request, fields.text)
        finally:
            self._reading -= 1
        voices: dict[str | None, VoiceState] = {}
        for piece in script.pieces:
            if piece.voice not in voices:
                wanted = request.voice if piece.voice is None else piece.voice
                voices[piece.voice] = await self._voices.state_of(wanted, field=fields.clip)
        chunks = tuple(SpokenChunk(piece.text, voices[piece.voice]) for piece in script.pieces)
        return Plan(engine, script, chunks, request.sampling)

    async def begin(self, plan: Plan) -> Utterance:
        """Start speaking and wait for the first audio, so that a 200 is never sent in vain.

        Raises:
            Overloaded: the queue is full, or no audio came in time.
            SynthesisFailed, ModelUnavailable.
        """
        stream = plan.engine.submit(SpeechJob(plan.chunks, plan.sampling))
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
        shaper = Shaper(
            [piece.shape for piece in plan.script.pieces],
            plan.sample_rate_hz,
            self._ffmpeg,
            lead_seconds=plan.script.lead_seconds,
        )
        return Utterance(stream, first, frames, shaper)

    def _read(self, engine: SpeechEngine, request: SpeechRequest, field: str) -> ScriptPlan:
        script = clean_script(request.text, max_chars=self._max_script_chars, field=field)
        rules = ScriptRules(
            is_voice=self._is_voice,
            language=self._language,
            normalise=request.normalize,
            prosody=request.prosody,
            pause_scale=request.pause_scale,
            max_chars=request.max_chars_per_chunk or self._max_chars_per_chunk,
            max_tokens=MAX_TOKENS_PER_CHUNK,
            token_counter=engine.token_counter,
            goes_on=request.goes_on,
            ends_paragraph=ends_paragraph(request.text),
        )
        return plan_script(script, rules, field=field)

    def _is_voice(self, name: str) -> bool:
        try:
            self._voices.resolve(name)
        except SpeechError:
            return False
        return True
