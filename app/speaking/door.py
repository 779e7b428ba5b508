"""Begins speech for every front end; nothing else reads scripts or gives jobs to an engine."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.audio.shaping import Shaper
from app.errors import Overloaded, Parameter, SpeechError, VoiceNotFound
from app.speaking.cast import Cast
from app.speaking.plan import ScriptPlan, ScriptRules, plan_script
from app.speaking.speaker import Origin, Speaker
from app.speaking.utterance import Utterance
from app.speech import SpeechRequest
from app.speech_engine import SpeechEngine, SpeechJob, SpokenChunk
from app.text.script import clean_script, ends_paragraph
from app.voices.library import ReadyVoice

MAX_TOKENS_PER_CHUNK = 50
"""The model was trained on single sentences; beyond this many tokens it skips words."""

MAX_SCRIPTS_IN_READING = 64
"""At most this many scripts are read at once. The engine's queue only bounds those already read,
and a long script takes seconds to read."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Holds a request that was found good, with who speaks it and all that will be spoken."""

    engine: SpeechEngine
    origin: Origin
    script: ScriptPlan
    job: SpeechJob

    def count_tokens(self) -> int:
        """Count the tokens that the model reads for all of the script. Blocks."""
        return sum(self.engine.count_tokens(chunk.text) for chunk in self.job.chunks)


class Speech:
    """Turns requests into speech: chooses the speaker, reads the script, gets the voices, speaks.

    Use from the event loop.

    Attributes:
        max_script_chars: how many characters a script may have.

    Args:
        max_chars_per_chunk: how many characters are spoken in one go, unless a request says so.
        patience_seconds: how long a caller waits for the first audio before being refused.
    """

    def __init__(
        self,
        cast: Cast,
        *,
        ffmpeg: Path,
        max_script_chars: int,
        max_chars_per_chunk: int,
        patience_seconds: float,
    ) -> None:
        self._cast = cast
        self._ffmpeg = ffmpeg
        self.max_script_chars = max_script_chars
        self._max_chars_per_chunk = max_chars_per_chunk
        self._patience_seconds = patience_seconds
        self._reading = 0

    async def begin(self, request: SpeechRequest) -> Utterance:
        """Begin to speak a request; what can be refused is refused here, before anything is spoken.

        Raises:
            InvalidRequest, TooLarge, VoiceNotFound, InvalidClip, ModelUnavailable.
            Overloaded: the queue is full, or too many scripts are being read already.
        """
        began_seconds = time.monotonic()
        prepared = await self._prepare(request)
        shaper = Shaper(
            [piece.shape for piece in prepared.script.pieces],
            prepared.engine.sample_rate_hz,
            self._ffmpeg,
            lead_seconds=prepared.script.lead_seconds,
        )
        return Utterance(
            request,
            prepared.origin,
            prepared.engine.submit(prepared.job),
            shaper,
            sample_rate_hz=prepared.engine.sample_rate_hz,
            began_seconds=began_seconds,
            patience_seconds=self._patience_seconds,
            count_script_tokens=prepared.count_tokens,
        )

    async def check(self, request: SpeechRequest) -> None:
        """Refuse a request that `begin` would refuse, and speak nothing.

        Raises:
            SpeechError: as `begin`.
        """
        await self._prepare(request)

    async def check_voice(self, request: SpeechRequest) -> None:
        """Refuse a voice that is not there or not usable; the text is not looked at.

        Raises:
            VoiceNotFound, InvalidRequest, Overloaded, ModelUnavailable.
        """
        speaker = await self._cast.of(request)
        await speaker.library.state_of(request.voice)

    async def _prepare(self, request: SpeechRequest) -> _Prepared:
        speaker = await self._cast.of(request)
        engine = speaker.supervisor.engine
        script = await self._read(speaker, engine, request)
        voices: dict[str | None, ReadyVoice] = {}
        for piece in script.pieces:
            if piece.voice not in voices:
                wanted = (
                    request.voice if piece.voice is None else self._cast.voice_named(piece.voice)
                )
                try:
                    voices[piece.voice] = await speaker.library.ready(wanted)
                except VoiceNotFound as error:
                    if piece.voice is not None:
                        error.reword({Parameter.VOICE: f"the voice in {Parameter.TEXT}"})
                        error.field = Parameter.TEXT
                    raise
        chunks = tuple(
            SpokenChunk(piece.text, voices[piece.voice].state) for piece in script.pieces
        )
        job = SpeechJob(chunks, request.sampling)
        origin = speaker.heard(request.voice)
        if None in voices:
            origin = origin._replace(preparation=voices[None].preparation)
        return _Prepared(engine, origin, script, job)

    async def _read(
        self, speaker: Speaker, engine: SpeechEngine, request: SpeechRequest
    ) -> ScriptPlan:
        """Split the script into what is spoken in one go, on another thread."""
        if self._reading >= MAX_SCRIPTS_IN_READING:
            raise Overloaded("too many requests came at once", retry_after_seconds=5)
        rules = ScriptRules(
            voice_called=partial(self._voice_called, speaker),
            language=speaker.language,
            normalise=request.normalize,
            prosody=request.prosody,
            pause_scale=request.pause_scale,
            max_chars=request.max_chars_per_chunk or self._max_chars_per_chunk,
            max_tokens=MAX_TOKENS_PER_CHUNK,
            token_counter=engine.token_counter,
            markup=request.markup,
            goes_on=request.goes_on,
            ends_paragraph=ends_paragraph(request.text),
        )

        def planned() -> ScriptPlan:
            return plan_script(clean_script(request.text, max_chars=self.max_script_chars), rules)

        self._reading += 1
        try:
            return await asyncio.to_thread(planned)
        finally:
            self._reading -= 1

    def _voice_called(self, speaker: Speaker, name: str) -> str | None:
        """Return how the voice that `name` means is written, None if the speaker has no such.

        Another name for a voice is written in small letters.
        """
        try:
            meant = self._cast.voice_named(name)
            own = speaker.library.resolve(meant)
        except SpeechError:
            return None
        return own if meant == name else name.lower()
