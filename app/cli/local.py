"""Makes speech in this process, with the parts that the server is made of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from app.assembly.parts import make_services
from app.assembly.running import running
from app.audio.ffmpeg import FfmpegUnusable
from app.audio.formats import AudioFormat, format_named
from app.callers.caller import OPERATOR
from app.captions.cues import CueLimits
from app.captions.files import CAPTION_FORMATS
from app.cli.backend import (
    VOICE_FIELDS,
    BookToNarrate,
    NewVoice,
    Recording,
    Spoken,
    TextToSpeak,
    Told,
    stand_in_warning,
)
from app.cli.exits import SPEECH_WORDS, VOICE_WORDS, ExitCode, Refused, about_option
from app.cli.narrating import narrate_here
from app.cli.progress import ProgressLine
from app.engine.supervisor import EngineSupervisor
from app.errors import (
    Conflict,
    InvalidRequest,
    ModelUnavailable,
    Parameter,
    SpeechError,
    TooLarge,
    VoiceExists,
    VoiceNotFound,
)
from app.network.connections import ended
from app.request_record import RequestRecord
from app.services import Services
from app.settings import SettingsError, load_settings
from app.speaking.controls import SpeechControls
from app.speaking.encoded import CompleteAudio, complete_audio, live_audio
from app.speech import Clip, SpeechRequest
from app.voices.details import VoiceDetails, check_description, check_language, check_tags
from app.voices.listing import STATE_SUFFIX
from app.voices.store import Voice, VoiceStore

POLL_SECONDS = 0.05
_PIECE_BYTES = 1 << 16
DRAW_SECONDS = 0.2
STAND_IN_SECONDS = 0.5
"""A stand-in starts within this time after its model has failed."""


class LocalBackend:
    """Speaks in this process; the model is loaded when the backend is opened."""

    def __init__(self, progress: ProgressLine) -> None:
        self._progress = progress
        self._services = _services()
        self._narrated: dict[str, Mapping[str, Path | bytes]] = {}

    @property
    def side_by_side(self) -> int:
        return self._services.settings.max_running_rows

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        # Whoever runs a command on the server's machine is its operator.
        with RequestRecord("command", caller=OPERATOR).is_current():
            async with running(self._services, look_ahead=False):
                await self._ready_to_speak()
                yield

    async def speak(self, wanted: TextToSpeak, spoken: Spoken, /) -> AsyncGenerator[bytes, None]:
        with _refusing(SPEECH_WORDS):
            controls = SpeechControls(**wanted.controls)
            speech = controls.request(wanted.text, self._voice(wanted.voice))
            audio = controls.audio_format(wanted.format)
            await self._loaded((await self._services.cast.of(speech)).supervisor)
            pieces = self._live if wanted.stream else self._whole
            async with aclosing(pieces(speech, audio, spoken)) as made:
                async for data in made:
                    yield data

    async def speak_captioned(
        self, wanted: TextToSpeak, spoken: Spoken, /
    ) -> tuple[bytes, Mapping[str, str]]:
        with _refusing(SPEECH_WORDS):
            controls = SpeechControls(**wanted.controls)
            speech = controls.request(wanted.text, self._voice(wanted.voice))
            audio = controls.audio_format(wanted.format)
            await self._loaded((await self._services.cast.of(speech)).supervisor)
            made = await self._complete(replace(speech, timed=True), audio, spoken)
            captions = {
                name: CAPTION_FORMATS[name].write(made.marks, made.speech_seconds, CueLimits())
                for name in wanted.captions
            }
            return made.read(), captions

    async def narrate(self, wanted: BookToNarrate, told: Told, /) -> str:
        with _refusing(SPEECH_WORDS):
            job_id, made = await narrate_here(self._services, wanted, told)
        self._narrated[job_id] = made
        return job_id

    async def narrated(self, job_id: str, part: str) -> AsyncGenerator[bytes, None]:
        made = self._narrated[job_id][part]
        if isinstance(made, bytes):
            yield made
            return
        with made.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    async def voices(self) -> list[dict[str, Any]]:
        with _refusing(VOICE_WORDS):
            return [_shown(voice) for voice in await self._store.all()]

    async def add_voice(self, voice: NewVoice) -> dict[str, Any]:
        first = voice.recordings[0]
        with _refusing(VOICE_WORDS):
            details = VoiceDetails(
                description=check_description(voice.description),
                tags=check_tags(voice.tags),
                language=check_language(voice.language),
            )
            if first.filename.lower().endswith(STATE_SUFFIX):
                made = await self._store.import_state(
                    voice.name, first.data, details, replace=voice.replace
                )
            else:
                clips = [
                    Clip(each.data, each.filename, Parameter.RECORDINGS)
                    for each in voice.recordings
                ]
                made, _ = await self._store.create(
                    voice.name, clips, details, replace=voice.replace
                )
        return _shown(made)

    async def remove_voice(self, name: str) -> str:
        with _refusing(VOICE_WORDS):
            return await self._store.delete(name)

    async def export_voice(self, name: str) -> bytes:
        with _refusing(VOICE_WORDS):
            return (await self._store.export(name))[1]

    async def preview_voice(self, name: str, audio_format: str) -> bytes:
        with _refusing(VOICE_WORDS):
            voice = await self._store.get(name)
            return (await self._services.previews.sample_of(voice, format_named(audio_format))).data

    @property
    def _store(self) -> VoiceStore:
        return self._services.voices

    def _voice(self, voice: str | Recording | None) -> str | Clip:
        if isinstance(voice, Recording):
            return Clip(voice.data, voice.filename)
        return self._services.cast.voice_named(voice)

    async def _ready_to_speak(self) -> None:
        cast = self._services.cast
        with _refusing({}):
            try:
                await self._loaded(cast.default.supervisor)
            except ModelUnavailable as error:
                await asyncio.sleep(STAND_IN_SECONDS)
                if cast.current is cast.default:
                    raise
                await self._loaded(cast.current.supervisor)
                self._progress.say(stand_in_warning(error.message, cast.current.model))

    async def _loaded(self, supervisor: EngineSupervisor) -> None:
        """Wait until the model is ready.

        Raises:
            ModelUnavailable: it cannot be loaded.
        """
        while not supervisor.is_ready:
            status = supervisor.status()
            if status.state in ("failed", "stopped"):
                raise ModelUnavailable(status.detail)
            self._progress.status(status.detail)
            await asyncio.sleep(POLL_SECONDS)

    async def _live(
        self, speech: SpeechRequest, audio: AudioFormat, spoken: Spoken
    ) -> AsyncGenerator[bytes, None]:
        utterance = await self._services.speech.begin(speech)
        live = await live_audio(utterance, audio, self._services.ffmpeg)
        async with aclosing(live):
            async for data in live.body:
                yield data
                spoken(utterance.spoken_seconds)

    async def _whole(
        self, speech: SpeechRequest, audio: AudioFormat, spoken: Spoken
    ) -> AsyncGenerator[bytes, None]:
        made = await self._complete(speech, audio, spoken)
        async with aclosing(made.pieces(self._services.pools)) as pieces:
            async for data in pieces:
                yield data

    async def _complete(
        self, speech: SpeechRequest, audio: AudioFormat, spoken: Spoken
    ) -> CompleteAudio:
        utterance = await self._services.speech.begin(speech)
        pools = self._services.pools
        making = asyncio.create_task(complete_audio(utterance, audio, self._services.ffmpeg, pools))
        try:
            while not making.done():
                await asyncio.wait({making}, timeout=DRAW_SECONDS)
                spoken(utterance.spoken_seconds)
            return making.result()
        finally:
            await ended(making)
            utterance.close()  # a task that is cancelled before it began does not


def _services() -> Services:
    """Make the server's parts, with settings for a single user.

    Raises:
        Refused: the settings are wrong.
    """
    # A command shows errors and progress itself, so the log would say everything twice.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        settings = load_settings(
            for_command=True,
            # Whoever can run a command here may have all that is kept.
            auth_disabled=True,
            api_keys_file=None,
            tenants="shared",
            # Only this command's own texts wait for their turn: let them.
            queue_timeout_seconds=3600,
            max_queued_requests=10_000,
            shutdown_grace_seconds=0,
        )
        # A command ends before it could look later.
        return make_services(settings, look_first=True)
    except (SettingsError, FfmpegUnusable) as error:
        code = ExitCode.USAGE if isinstance(error, SettingsError) else ExitCode.FAILED
        raise Refused(str(error), code) from None


@contextmanager
def _refusing(words: Mapping[Parameter, str]) -> Iterator[None]:
    """Turn a SpeechError into a Refused that names the command's options.

    Args:
        words: the command's names for parameters.
    """
    try:
        yield
    except SpeechError as error:
        code = ExitCode.FAILED
        if isinstance(error, (InvalidRequest, VoiceNotFound, Conflict)):
            code = ExitCode.USAGE
        option = words.get(error.field) if isinstance(error.field, Parameter) else None
        message = about_option(error.told(words), option)
        if isinstance(error, VoiceExists):
            message += "; use --replace to replace it"
        if isinstance(error, TooLarge) and error.field is Parameter.TEXT:
            message += "; MAX_SCRIPT_CHARS sets how many"
        raise Refused(message, code) from None


def _shown(voice: Voice) -> dict[str, Any]:
    known = {
        "name": voice.name,
        "kind": voice.kind,
        "spoken_by": voice.spoken_by or voice.name,
        **asdict(voice.details),
    }
    return {field: known[field] for field in VOICE_FIELDS}
