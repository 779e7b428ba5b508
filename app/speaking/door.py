"""Begins speech for every front end; nothing else reads scripts or gives jobs to an engine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.audio.shaping import ChunkShape, Shaper
from app.bounds import CALIBRATION_WAIT_SECONDS, SCRIPTS_IN_READING, SPEECH_OVERRUN
from app.errors import NoText, NothingToSpeak, Parameter, SpeechError, VoiceNotFound, shortened
from app.lexicon import Lexicon
from app.lifetime import Lifetime
from app.pronunciations.dictionaries import Dictionaries
from app.pronunciations.own import OwnPronunciations
from app.request_record import current_record
from app.speaking.cast import Cast
from app.speaking.going_on import GoingOn, spoken_chunks
from app.speaking.marking import Marking
from app.speaking.outline import Outline, outline_of
from app.speaking.plan import ScriptRules
from app.speaking.reading import Reading
from app.speaking.silence import SilentStream
from app.speaking.speaker import Origin, Speaker
from app.speaking.turns import Turns
from app.speaking.utterance import Utterance, too_late
from app.speech import SPEECH_CHARACTERS_PER_SECOND, Clip, SpeechRequest
from app.speech_engine import Alignment, SpeechEngine, SpeechJob, SpeechStream, VoiceState
from app.telemetry.delivery import Delivery
from app.telemetry.meter import Meter
from app.text.script import ends_paragraph
from app.voices.library import ReadyVoice
from app.work import ThreadPool

logger = logging.getLogger(__name__)

MAX_TOKENS_PER_CHUNK = 50
"""The model was trained on single sentences; beyond this many tokens it skips words."""
_RECORDING = "a recording"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Holds a request that was found good, with who speaks it and the voices that are heard."""

    engine: SpeechEngine
    origin: Origin
    script: Reading
    waited_seconds: float
    voices: Mapping[str | None, VoiceState]


class Speech:
    """Turns requests into speech: chooses the speaker, reads the script, gets the voices, speaks.

    Use from the event loop.

    Attributes:
        max_script_chars: how many characters a script may have.
        lifetime: nothing is begun any more once the server was told to stop.
        first_text_wait_seconds: after such a pause a text that is still being written is begun.

    Args:
        pronunciations: hold for all speech.
        dictionaries: hold where a script names them.
        max_chars_per_chunk: how many characters are spoken in one go, unless a request says so.
        max_speech_seconds: how long one request may be spoken.
        patience_seconds: how long a caller waits for the first audio before being refused.
        reading: reads scripts.
        loading: waits for an engine that finds out how words are timed.
        meter: measures how the speech is delivered.
    """

    def __init__(
        self,
        cast: Cast,
        lifetime: Lifetime,
        *,
        ffmpeg: Path,
        pronunciations: OwnPronunciations,
        dictionaries: Dictionaries,
        max_script_chars: int,
        max_chars_per_chunk: int,
        max_speech_seconds: float,
        patience_seconds: float,
        first_text_wait_seconds: float,
        reading: ThreadPool,
        loading: ThreadPool,
        meter: Meter,
    ) -> None:
        self._cast = cast
        self.lifetime = lifetime
        self._ffmpeg = ffmpeg
        self._pronunciations = pronunciations
        self._dictionaries = dictionaries
        self.max_script_chars = max_script_chars
        self._max_chars_per_chunk = max_chars_per_chunk
        self._max_speech_seconds = max_speech_seconds
        self._patience_seconds = patience_seconds
        self.first_text_wait_seconds = first_text_wait_seconds
        self._pool = reading
        self._loading = loading
        self._meter = meter
        self._turns = Turns(SCRIPTS_IN_READING)
        # One after the other: who listens finds a thread that reads, whatever else there is.
        self._unhurried_turns = Turns(1)
        self._calibrating: set[asyncio.Future[Alignment]] = set()

    async def begin(self, request: SpeechRequest) -> Utterance:
        """Begin to speak a request; what can be refused is refused here, before anything is spoken.

        Raises:
            InvalidRequest, TooLarge, VoiceNotFound, InvalidClip, ModelUnavailable.
            Overloaded, QueueFull: too much waits already.
        """
        began_seconds = time.monotonic()
        record = current_record()
        record.characters += len(request.text)
        record.voice = _asked_voice(request)
        self.lifetime.require_running()
        speaker = await self._cast.of(request)
        prepared, stream = await self._submitted(request, speaker)
        record.voice = prepared.origin.voice or _RECORDING
        record.left_out.update("".join(prepared.origin.left_out))
        engine, script = prepared.engine, prepared.script
        shaper = Shaper(
            [piece.shape for piece in script.first.pieces] or [ChunkShape()],
            engine.sample_rate_hz,
            self._ffmpeg,
            lead_seconds=script.lead_seconds,
            scales_pauses=request.pause_scale != 1,
            more=not script.first.last,
        )
        delivery = Delivery(
            self._meter,
            record,
            prepared.origin.model,
            began_seconds=began_seconds,
            characters=len(request.text),
            heard=not request.unhurried,
        )
        marking = Marking()
        patience_seconds = self._patience_seconds - prepared.waited_seconds
        return Utterance(
            _without_recording(request),
            prepared.origin,
            stream,
            shaper,
            marking,
            sample_rate_hz=engine.sample_rate_hz,
            patience_seconds=None if request.unhurried else patience_seconds,
            engine_status=engine.status,
            most_seconds=self._max_speech_seconds * SPEECH_OVERRUN,
            going_on=GoingOn(script, prepared.voices, stream, shaper, marking, engine, self._pool),
            delivery=delivery,
        )

    async def _submitted(
        self, request: SpeechRequest, speaker: Speaker
    ) -> tuple[_Prepared, SpeechStream]:
        """Prepare a request and give it to the engine; what nobody hears rests meanwhile."""
        with ExitStack() as expected:
            if not request.unhurried:
                engine = speaker.supervisor.engine
                # To read a script takes as long as some hundred refusals.
                engine.require_room(_party())
                expected.enter_context(engine.expecting())
            prepared = await self._prepare(request, speaker)
            engine, first = prepared.engine, prepared.script.first
            chunks = spoken_chunks(first, prepared.voices)
            if not chunks:
                return prepared, SilentStream(engine.sample_rate_hz)
            if request.timed and engine.status().alignment is None:
                expected.close()  # nobody hears the sentences from which it is found out
                await self._calibrate(engine, chunks[0].voice)
            job = SpeechJob(
                chunks,
                request.sampling,
                timed=request.timed,
                more=not first.last,
                caller=_party(),
                expected_seconds=len(request.text) / SPEECH_CHARACTERS_PER_SECOND,
                unhurried=request.unhurried,
            )
            return prepared, engine.submit(job)

    async def _calibrate(self, engine: SpeechEngine, voice: VoiceState) -> None:
        """Give an engine that has never timed words a moment to find out how it can.

        It goes on when that is over; meanwhile times are estimated, and said to be.
        """
        finding = asyncio.ensure_future(self._loading.run(partial(engine.calibrate, voice)))
        self._calibrating.add(finding)
        finding.add_done_callback(self._calibrated)
        await asyncio.wait([finding], timeout=CALIBRATION_WAIT_SECONDS)

    def _calibrated(self, finding: asyncio.Future[Alignment]) -> None:
        self._calibrating.discard(finding)
        if not finding.cancelled() and (error := finding.exception()) is not None:
            logger.warning("how words are timed could not be found out: %s", error)

    def lexicons_for(self, request: SpeechRequest) -> tuple[Lexicon, ...]:
        """Return what says how words are spoken, those of the request before the server's own."""
        return (*request.lexicons, self._pronunciations.lexicon)

    async def check(self, request: SpeechRequest) -> None:
        """Refuse a request that `begin` would refuse, and speak nothing.

        Raises:
            SpeechError: as `begin`.
        """
        await self._prepare(request, await self._cast.of(request))

    async def outline(self, request: SpeechRequest) -> Outline:
        """Tell how a request would be read and cut, and speak nothing; voices are not looked at.

        Raises:
            InvalidRequest, TooLarge, ModelUnavailable, Overloaded: as `begin`.
        """
        self.lifetime.require_running()
        speaker = await self._cast.of(request)
        engine = speaker.supervisor.engine
        script, _ = await self._read(speaker, engine, request)
        return await outline_of(script, engine.status().audio_rate)

    async def check_voice(self, request: SpeechRequest) -> None:
        """Refuse a voice that is not there or not usable; the text is not looked at.

        Raises:
            VoiceNotFound, InvalidRequest, Overloaded, ModelUnavailable.
        """
        current_record().asked_for(_asked_voice(request), len(request.text))
        speaker = await self._cast.of(request)
        await speaker.library.state_of(request.voice)

    async def _prepare(self, request: SpeechRequest, speaker: Speaker) -> _Prepared:
        engine = speaker.supervisor.engine
        waited_seconds = 0.0
        try:
            script, waited_seconds = await self._read(speaker, engine, request)
        except NothingToSpeak as error:
            if isinstance(error, NoText) or not request.silent_without_words:
                raise
            script = Reading.without_words(self._pool)
        voices: dict[str | None, ReadyVoice] = {}
        for name in script.voices:
            wanted = request.voice if name is None else self._cast.voice_named(name)
            try:
                voices[name] = await speaker.library.ready(wanted)
            except VoiceNotFound as error:
                if name is not None:
                    error.reword({Parameter.VOICE: f"the voice in {Parameter.TEXT}"})
                    error.field = Parameter.TEXT
                raise
        origin = speaker.heard(request.voice)._replace(left_out=script.left_out)
        if None in voices:
            origin = origin._replace(preparation=voices[None].preparation)
        states = {name: ready.state for name, ready in voices.items()}
        return _Prepared(engine, origin, script, waited_seconds, states)

    async def _read(
        self, speaker: Speaker, engine: SpeechEngine, request: SpeechRequest
    ) -> tuple[Reading, float]:
        """Read the script until its first words can be spoken; tell how long that had to wait."""
        turns = self._unhurried_turns if request.unhurried else self._turns
        rules = ScriptRules(
            voice_called=partial(self._voice_called, speaker),
            lexicon_called=self._dictionaries.lexicon_called,
            lexicons=self.lexicons_for(request),
            language=speaker.language,
            letters=lambda: engine.letters,
            languages=self._cast.languages,
            normalise=request.normalize,
            prosody=request.prosody,
            pause_scale=request.pause_scale,
            max_chars=request.max_chars_per_chunk or self._max_chars_per_chunk,
            max_tokens=MAX_TOKENS_PER_CHUNK,
            token_counter=engine.token_counter,
            code=request.code,
            formulas=request.formulas,
            markup=request.markup,
            goes_on=request.goes_on,
            ends_paragraph=ends_paragraph(request.text),
            script_start=request.script_start,
            max_script_chars=self.max_script_chars,
            max_speech_seconds=self._max_speech_seconds,
            # It has sounded up to so many times as long as would have been estimated.
            spoken_before_seconds=request.spoken_before_seconds / SPEECH_OVERRUN,
        )
        try:
            async with (
                asyncio.timeout(None if request.unhurried else self._patience_seconds),
                turns.place(_party()) as waited_seconds,
            ):
                return await Reading.begin(request.text, rules, self._pool), waited_seconds
        except TimeoutError:
            raise too_late(self._patience_seconds, engine.status()) from None

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


def _asked_voice(request: SpeechRequest) -> str:
    """Return what the log calls the voice that is asked for."""
    return shortened(request.voice) if isinstance(request.voice, str) else _RECORDING


def _party() -> str:
    """Return who takes turns with others."""
    caller = current_record().caller
    return "" if caller is None else caller.party


def _without_recording(request: SpeechRequest) -> SpeechRequest:
    """Let go of a recording, which is large, once its voice is ready."""
    if not isinstance(request.voice, Clip):
        return request
    return replace(request, voice=replace(request.voice, data=b""))
