"""Makes the long-lived parts, and runs them in order; the only file that imports every layer."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path, PurePath

from app.audio.decode import decode_clip
from app.audio.ffmpeg import find_ffmpeg
from app.audio.storage import AudioStore
from app.connections import ended
from app.engine.languages import HOME_LANGUAGES, shipped_languages
from app.engine.preview import PREVIEW, PREVIEW_CONFIG, stand_ins, voice_prompts
from app.engine.supervisor import EngineSupervisor
from app.lifetime import Lifetime
from app.named_voices import look_at_voices
from app.services import Services
from app.settings import Settings, SettingsError
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speaking.previews import Previews
from app.speaking.speaker import Speaker
from app.speaking.stand_in import StandIn
from app.speech import SPEECH_RATE_HZ, Clip, Pcm
from app.speech_engine import EngineOptions, SpeechEngine
from app.voices.consents import ConsentStore
from app.voices.details import language_of_model, read_details
from app.voices.fetch import VoiceFetcher
from app.voices.folder import VoiceFolder
from app.voices.kept_files import KeptFiles
from app.voices.kept_states import KeptStates
from app.voices.library import VoiceLibrary
from app.voices.prompts import PromptMaker, beginning_of
from app.voices.states import VoiceStates
from app.voices.store import VoiceStore
from app.wyoming import server as wyoming

PREVIEWS_BYTES = 64_000_000

BuildEngine = Callable[[], SpeechEngine]


def make_services(
    settings: Settings,
    build_engine: BuildEngine | None = None,
    build_preview: BuildEngine | None = None,
) -> Services:
    """Make the parts; no model is being loaded yet.

    Args:
        build_engine: loads a model and starts an engine on it; tests put a fake here.
        build_preview: likewise, for the model that fills in.

    Raises:
        SettingsError: they cannot work as set.
    """
    models = _models(settings)
    assembly = _Assembly(settings, build_engine)
    folder = _open_voices(settings)
    cast = _make_cast(settings, models, assembly, folder, build_preview)
    speech = Speech(
        cast,
        ffmpeg=assembly.ffmpeg,
        max_script_chars=settings.max_script_chars,
        max_chars_per_chunk=settings.max_chars_per_chunk,
        patience_seconds=settings.queue_timeout_seconds,
    )
    consents = ConsentStore(settings.voices_dir / ".consents")
    preview_files = KeptFiles(settings.voices_dir / ".previews", PREVIEWS_BYTES)
    voices = VoiceStore(
        folder,
        lambda: cast.current.voices,
        engine=lambda: cast.current.supervisor.engine,
        prompts=PromptMaker(
            assembly.decode_clip, SPEECH_RATE_HZ, max_seconds=settings.max_ref_duration
        ),
        model_language=None if settings.model_config_path else cast.default.language,
        stand_ins=lambda: cast.current.stand_ins,
        forget_previews=preview_files.forget,
        forget_consent=consents.forget,
    )
    fetcher = VoiceFetcher(
        max_bytes=settings.max_upload_bytes, allow_http=settings.allow_insecure_voice_urls
    )
    return Services(
        settings=settings,
        lifetime=Lifetime(settings.shutdown_grace_seconds),
        speech=speech,
        cast=cast,
        voices=voices,
        previews=Previews(speech, cast, voices, preview_files, assembly.ffmpeg),
        consents=consents,
        fetcher=fetcher if settings.allow_voice_urls else None,
        saved=_open_store(settings),
        ffmpeg=assembly.ffmpeg,
    )


@asynccontextmanager
async def running(
    services: Services, wyoming_listener: socket.socket | None = None
) -> AsyncIterator[None]:
    """Run the parts while the block runs: front ends can use them in it.

    At the end requests say so, the models finish what they can within the grace time, and then
    Home Assistant is left, in this order.

    Args:
        wyoming_listener: where Home Assistant is served, if at all.
    """
    async with wyoming.serve(services, wyoming_listener), _speaking(services):
        yield


@asynccontextmanager
async def _speaking(services: Services) -> AsyncIterator[None]:
    """Load the models, look at the voices once they are there, and stop them at the end."""
    looking: set[asyncio.Task[None]] = set()

    def on_ready(speaker: Speaker) -> None:
        looking.add(asyncio.create_task(look_at_voices(speaker, services.settings)))

    services.cast.start(on_ready)
    try:
        yield
    finally:
        await services.lifetime.requests_ended()
        await services.cast.stop(services.lifetime.grace_left_seconds)
        await ended(*looking)


def _make_cast(
    settings: Settings,
    models: Mapping[str, str],
    assembly: _Assembly,
    folder: VoiceFolder,
    build_preview: BuildEngine | None,
) -> Cast:
    default_language, *others = models
    default = assembly.speaker(models[default_language], default_language)
    stand_in = None
    # It speaks English, and nobody wants to hear another language spoken by it.
    if settings.model_fallback == PREVIEW and default_language == "en" and default.model != PREVIEW:
        stand_in = StandIn(assembly.speaker(PREVIEW, "en", build_preview), default)

    def voice_language(name: str) -> str | None:
        details = read_details(folder.details_path(name))
        return details.language if details else HOME_LANGUAGES.get(name)

    return Cast(
        default,
        others={language: models[language] for language in others},
        make=assembly.speaker,
        max_loaded=settings.max_loaded_models,
        voice_language=voice_language,
        default_voice=settings.default_voice,
        aliases=settings.openai_voices,
        stand_in=stand_in,
    )


class _Assembly:
    """What all speakers share, and how one is put together."""

    def __init__(self, settings: Settings, build_engine: BuildEngine | None) -> None:
        self.ffmpeg = find_ffmpeg()
        self._settings = settings
        self._build_engine = build_engine
        self._states: VoiceStates = VoiceStates(settings.voice_cache_bytes)
        self._kept = KeptFiles(settings.voices_dir / ".states", settings.voice_states_disk_bytes)

    def speaker(self, model: str, language: str, build: BuildEngine | None = None) -> Speaker:
        """A speaker whose model is not being loaded yet.

        Args:
            build: loads it; None loads `model` as the settings say.
        """
        settings = self._settings
        options = _engine_options(settings, model)
        model = PurePath(options.config).name if model != PREVIEW and options.config else model

        def downloading(file_name: str) -> None:
            supervisor.downloading(file_name)

        supervisor = EngineSupervisor(
            build or self._build_engine or _engine_builder(options, downloading)
        )

        def engine() -> SpeechEngine:
            return supervisor.engine

        voices = VoiceLibrary(
            settings.voices_dir,
            engine=engine,
            decode_clip=self.conditioning_speech,
            states=self._states,
            model=model,
            kept=KeptStates(
                self._kept, engine=engine, recipe=f"first {settings.max_ref_duration:g} s"
            ),
        )
        speaker = Speaker(model, language, supervisor, voices)
        if model == PREVIEW:
            return replace(speaker, stand_ins=stand_ins())
        return speaker

    def conditioning_speech(self, clip: Clip) -> Pcm:
        """As much of a recording as conditions a voice."""
        return beginning_of(
            self.decode_clip,
            clip,
            seconds=self._settings.max_ref_duration,
            sample_rate_hz=SPEECH_RATE_HZ,
        )

    def decode_clip(self, clip: Clip, max_seconds: float) -> Pcm:
        """The beginning of a recording, at the rate of speech."""
        return decode_clip(
            clip, ffmpeg=self.ffmpeg, max_seconds=max_seconds, sample_rate_hz=SPEECH_RATE_HZ
        )


def _models(settings: Settings) -> dict[str, str]:
    """Model by two-letter language, the default first.

    Raises:
        SettingsError: a model that pocket-tts does not ship, or two for one language.
    """
    if settings.model_config_path is not None:
        config = settings.model_config_path
        if "://" not in config and not Path(config).expanduser().is_file():
            raise SettingsError(f"MODEL_CONFIG: there is no file {config}")
        if len(settings.model_language) > 1:
            raise SettingsError(
                "MODEL_LANGUAGE: MODEL_CONFIG names the one model; leave one language"
            )
        if PREVIEW in settings.model_language:
            raise SettingsError("MODEL_LANGUAGE: MODEL_CONFIG names the model; leave out preview")
    known = (*shipped_languages(), PREVIEW)
    models: dict[str, str] = {}
    for model in settings.model_language:
        if model not in known:
            raise SettingsError(
                f"MODEL_LANGUAGE: {model!r} is not a model of pocket-tts; "
                f"choose one of {', '.join(known)}"
            )
        language = language_of_model(model) or "en"
        if language in models:
            raise SettingsError(
                f"MODEL_LANGUAGE: {models[language]} and {model} speak the same language"
            )
        models[language] = model
    return models


def _open_voices(settings: Settings) -> VoiceFolder:
    folder = VoiceFolder(settings.voices_dir)
    try:
        folder.recover()
    except (OSError, ValueError) as error:
        raise SettingsError(f"VOICES_DIR: {settings.voices_dir} cannot be used: {error}") from error
    return folder


def _open_store(settings: Settings) -> AudioStore:
    try:
        return AudioStore(settings.voice_output_dir)
    except OSError as error:
        raise SettingsError(
            f"VOICE_OUTPUT_DIR: {settings.voice_output_dir} cannot be used: {error.strerror}"
        ) from error


def _engine_options(settings: Settings, model: str) -> EngineOptions:
    return EngineOptions(
        language=model,
        config=str(PREVIEW_CONFIG) if model == PREVIEW else settings.model_config_path,
        voice_prompts=voice_prompts() if model == PREVIEW else {},
        models_dir=settings.models_dir,
        device=settings.model_device,
        precision=settings.model_precision,
        worker_threads=settings.torch_threads,
        max_running_rows=settings.max_running_rows,
        max_queued_jobs=settings.max_queued_requests,
        defaults=settings.sampling,
    )


def _engine_builder(options: EngineOptions, downloading: Callable[[str], None]) -> BuildEngine:
    # The hub library reads this when it is first imported, which the loader does on its thread.
    os.environ.setdefault("HF_HUB_CACHE", str(options.models_dir / "hub"))
    loader: BuildEngine | None = None

    def build() -> SpeechEngine:
        nonlocal loader
        if loader is None:
            # Importing torch takes seconds; /health answers meanwhile.
            from app.engine.loader import EngineLoader  # noqa: PLC0415

            loader = EngineLoader(options, downloading)
        return loader()

    return build
