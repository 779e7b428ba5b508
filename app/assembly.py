"""Makes the long-lived parts and runs them in order. Only this file imports every layer."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from app import __version__
from app.audio.decode import decode_clip
from app.audio.ffmpeg import find_ffmpeg
from app.audio.storage import AudioStore, Retention
from app.callers.allowances import Allowances
from app.callers.keyring import Keyring
from app.callers.keys_file import KeysFileError
from app.callers.stored import Stored, StoredLimits
from app.callers.tokens import Tokens
from app.engine.languages import HOME_LANGUAGES, PREDEFINED_SEXES, shipped_languages
from app.engine.preview import PREVIEW, PREVIEW_CONFIG, preview_voices, stand_ins, voice_prompts
from app.engine.supervisor import EngineSupervisor
from app.errors import SpeechError
from app.folders import check_folder
from app.lifetime import Lifetime
from app.named_voices import check_default_voice, look_at_voices
from app.network.connections import ended
from app.network.peers import Peers
from app.network.wrong_keys import WrongKeys
from app.owners import NOBODY, Viewer, WhoAsks, everybody
from app.pronunciations.dictionaries import Dictionaries
from app.pronunciations.own import OwnPronunciations, PronunciationsFileError
from app.request_record import current_record
from app.services import Services
from app.settings import Settings, SettingsError
from app.speaking.cast import Cast
from app.speaking.client_voices import client_voices
from app.speaking.door import Speech
from app.speaking.previews import Previews
from app.speaking.speaker import Speaker
from app.speaking.stand_in import StandIn
from app.speech import SPEECH_RATE_HZ, Clip, DecodedClip
from app.speech_engine import EngineOptions, SpeechEngine
from app.telemetry.meter import Meter, Now
from app.telemetry.requests import Requests
from app.telemetry.tracing import TracingError, make_tracing
from app.text.normalisation.languages import find_language
from app.voices.consents import ConsentStore
from app.voices.details import language_of_model, read_details
from app.voices.fetch import VoiceFetcher
from app.voices.folder import VoiceFolder
from app.voices.kept_files import KeptFiles
from app.voices.kept_states import KeptStates
from app.voices.library import ReadyVoice, VoiceLibrary
from app.voices.prompts import PromptMaker
from app.voices.states import VoiceStates
from app.voices.store import VoiceStore
from app.work import ByteBudget, CancelToken, Pools, make_pools

if TYPE_CHECKING:
    from app.engine.loader import EngineLoader

PREVIEWS_BYTES = 64_000_000
"""Samples of voices take up at most this much of the disk."""

CALIBRATE_AFTER_SECONDS = 5.0
"""Who waits for a model to become ready speaks first."""

logger = logging.getLogger(__name__)

BuildEngine = Callable[[], SpeechEngine]


def make_services(
    settings: Settings,
    build_engine: BuildEngine | None = None,
    build_preview: BuildEngine | None = None,
    *,
    look_first: bool = False,
) -> Services:
    """Make the long-lived parts of a server; no model is being loaded yet.

    Args:
        build_engine: loads a model and starts an engine on it; tests put a fake here.
        build_preview: does the same for the model that fills in.
        look_first: whether to ask the hub for better weights before those are loaded that are
            here, not later in the background.

    Raises:
        SettingsError: the parts cannot work as set.
    """
    models = _models(settings)
    check_folder("MODELS_DIR", settings.models_dir, otherwise="no weights can be downloaded")
    check_folder(
        "VOICES_DIR", settings.voices_dir, otherwise="no voice can be made, changed or kept ready"
    )
    keyring = _keyring(settings)
    try:
        tracing = make_tracing()
    except TracingError as error:
        raise SettingsError(str(error)) from error
    meter = Meter(__version__)
    pronunciations = _pronunciations(settings)
    dictionaries = Dictionaries(settings.dictionaries_dir)
    pools = make_pools()
    who_asks = _who_asks(settings)
    speakers = _SpeakerMaker(
        settings, build_engine, pools, meter, who_asks=who_asks, look_first=look_first
    )
    folder = _open_voices(settings, who_asks)
    released = () if settings.model_config_path else (*PREDEFINED_SEXES, *preview_voices())
    check_default_voice(settings, (*released, *folder.by_name(), *_aliases(settings)))

    def stored_by(owner: str) -> Stored:
        voices, voice_bytes = folder.kept_by(owner)
        return Stored(voices, voice_bytes + saved.bytes_of(owner))

    stored_limits = StoredLimits(stored_by)

    def room(*, voices: int = 0, size_bytes: int = 0) -> AbstractContextManager[None]:
        caller = current_record().caller
        return stored_limits.room(caller, voices=voices, size_bytes=size_bytes)

    cast = _make_cast(settings, models, speakers, folder, build_preview, pools)
    lifetime = Lifetime(settings.shutdown_grace_seconds)
    speech = Speech(
        cast,
        lifetime,
        ffmpeg=speakers.ffmpeg,
        pronunciations=pronunciations,
        dictionaries=dictionaries,
        max_script_chars=settings.max_script_chars,
        max_chars_per_chunk=settings.max_chars_per_chunk,
        max_speech_seconds=settings.max_speech_seconds,
        patience_seconds=settings.queue_timeout_seconds,
        reading=pools.reading,
        loading=pools.loading,
        meter=meter,
    )
    meter.watch(partial(_now, cast, lifetime, speakers))
    saved = AudioStore(
        settings.voice_output_dir,
        Retention(
            max_age_seconds=settings.voice_max_age_hours * 3600 or None,
            max_bytes=int(settings.voice_max_mb * 1_000_000) or None,
            max_files=settings.voice_max_files or None,
        ),
        who_asks,
        room,
    )
    consents = ConsentStore(settings.voices_dir / ".consents", who_asks)
    preview_files = KeptFiles(
        settings.voices_dir / ".previews", PREVIEWS_BYTES, meter.lookups("previews")
    )
    voices = VoiceStore(
        folder,
        lambda: cast.current.library,
        engine=lambda: cast.current.supervisor.engine,
        prompts=speakers.prompts,
        model_language=None if settings.model_config_path else cast.default.language,
        stand_ins=lambda: cast.current.stand_ins,
        forget_previews=preview_files.forget,
        forget_consent=consents.forget,
        pools=pools,
        room=room,
    )
    fetcher = None
    if settings.allow_voice_urls:
        fetcher = VoiceFetcher(
            max_bytes=settings.max_upload_bytes, allow_http=settings.allow_insecure_voice_urls
        )
    return Services(
        settings=settings,
        lifetime=lifetime,
        speech=speech,
        cast=cast,
        voices=voices,
        previews=Previews(speech, cast, voices, preview_files, ffmpeg=speakers.ffmpeg, pools=pools),
        consents=consents,
        pronunciations=pronunciations,
        dictionaries=dictionaries,
        fetcher=fetcher,
        saved=saved,
        keyring=keyring,
        tokens=Tokens(keyring, _token_secret(settings)),
        allowances=Allowances(settings.redis_url),
        ffmpeg=speakers.ffmpeg,
        pools=pools,
        bodies=ByteBudget(max(int(settings.max_bodies_mb * 1_000_000), settings.max_body_bytes)),
        peers=Peers(settings.trusted_proxies),
        wrong_keys=WrongKeys(),
        meter=meter,
        requests=Requests(meter, tracing),
        tracing=tracing,
    )


@asynccontextmanager
async def running(services: Services, *, look_ahead: bool = True) -> AsyncIterator[None]:
    """Run the parts while the block runs: the models load, and speak once they are there.

    At the end requests get a moment to say so, and the models finish what they can within the
    grace time. Serve front ends around this block, so that they leave their clients after that.

    Args:
        look_ahead: make the default voice ready, look at the voices that settings name and find
            out how words are timed, for callers who come later. A command knows what it wants.
    """
    looking: set[asyncio.Task[None]] = set()

    def on_ready(speaker: Speaker) -> None:
        if look_ahead:
            looking.add(asyncio.create_task(_look_ahead(speaker, services)))

    services.cast.start(on_ready)
    try:
        async with services.pronunciations.kept_fresh():
            yield
    finally:
        await services.lifetime.requests_ended()
        await services.cast.stop(services.lifetime.grace_left_seconds)
        await ended(*looking)
        services.pools.close()


async def _look_ahead(speaker: Speaker, services: Services) -> None:
    """Make ready what callers will want of a model that has just become ready."""
    settings = services.settings
    await look_at_voices(speaker, services.cast, settings, services.pools.files)
    await asyncio.sleep(CALIBRATE_AFTER_SECONDS)
    try:
        voice = await speaker.library.state_of(services.cast.voice_named(None))
        calibrate = partial(speaker.supervisor.engine.calibrate, voice)
        await services.pools.loading.run_cancellable(lambda _: calibrate())
    except SpeechError as error:
        logger.info("how words are timed is found out with the first request: %s", error.message)


def _make_cast(
    settings: Settings,
    models: Mapping[str, str],
    speakers: _SpeakerMaker,
    folder: VoiceFolder,
    build_preview: BuildEngine | None,
    pools: Pools,
) -> Cast:
    default_language, *others = models
    default = speakers.speaker(models[default_language], default_language)
    find_language(default_language)  # or whoever comes first would wait for its rules
    stand_in = None
    # The preview speaks English only, so it fills in for no other language.
    if settings.model_fallback == PREVIEW and default_language == "en" and default.model != PREVIEW:
        stand_in = StandIn(speakers.speaker(PREVIEW, "en", build_preview), default)

    def voice_language(name: str) -> str | None:
        details = read_details(folder.details_path(folder.stem(name)))
        return details.language if details else HOME_LANGUAGES.get(name)

    return Cast(
        default,
        others={language: models[language] for language in others},
        make=speakers.speaker,
        max_loaded=settings.max_loaded_models,
        voice_language=voice_language,
        default_voice=settings.default_voice,
        aliases=_aliases(settings, (default_language, *others)),
        files=pools.files,
        stand_in=stand_in,
    )


def _aliases(settings: Settings, languages: Collection[str] = ()) -> dict[str, str]:
    """Return all other names of voices; those that the operator gives come before ours."""
    return {**client_voices(languages), **settings.openai_voices, **settings.voice_aliases}


def _now(cast: Cast, lifetime: Lifetime, speakers: _SpeakerMaker) -> Now:
    """Look at what the metrics tell of the moment."""
    statuses = [(each.model, each.supervisor.status().engine) for each in cast.loaded]
    return Now(
        ready=not lifetime.is_stopping and cast.current.supervisor.is_available,
        engines=tuple((model, status) for model, status in statuses if status is not None),
        requests=len(lifetime.at_work),
        voice_cache_bytes=speakers.states.nbytes,
    )


class _SpeakerMaker:
    """Holds what all speakers share, and puts one together."""

    def __init__(
        self,
        settings: Settings,
        build_engine: BuildEngine | None,
        pools: Pools,
        meter: Meter,
        *,
        who_asks: WhoAsks,
        look_first: bool,
    ) -> None:
        self._who_asks = who_asks
        self._look_first = look_first
        self._meter = meter
        self.ffmpeg = find_ffmpeg()
        self._settings = settings
        self._build_engine = build_engine
        self._pools = pools
        self.prompts = PromptMaker(
            self.decode_clip, SPEECH_RATE_HZ, max_seconds=settings.max_ref_duration
        )
        self.states: VoiceStates[ReadyVoice] = VoiceStates(
            settings.voice_cache_bytes, meter.lookups("voice_states")
        )
        self._kept = KeptFiles(
            settings.voices_dir / ".states",
            settings.voice_states_disk_bytes,
            meter.lookups("kept_states"),
        )

    def speaker(self, model: str, language: str, build: BuildEngine | None = None) -> Speaker:
        """Make a speaker whose model is not being loaded yet.

        Args:
            build: loads the model; None loads `model` as the settings say.
        """
        settings = self._settings
        options = _engine_options(settings, model)
        model = PurePath(options.config).name if model != PREVIEW and options.config else model
        options = replace(options, on_batch=self._meter.batches(model))
        idle_seconds = settings.idle_unload_minutes * 60 or None

        def downloading(file_name: str) -> None:
            supervisor.downloading(file_name)

        if given := build or self._build_engine:
            supervisor = EngineSupervisor(given, idle_seconds=idle_seconds)
        else:
            loader = _LazyLoader(options, downloading, look_first=self._look_first)
            supervisor = EngineSupervisor(
                loader.build, loader.look, idle_seconds=idle_seconds, forget=loader.forget
            )

        def engine() -> SpeechEngine:
            return supervisor.engine

        library = VoiceLibrary(
            settings.voices_dir,
            engine=engine,
            predefined=lambda: supervisor.predefined_voices,
            prepare=self.prompts.prepare,
            states=self.states,
            model=model,
            kept=KeptStates(self._kept, engine=engine, recipe=self.prompts.recipe),
            pools=self._pools,
            who_asks=self._who_asks,
        )
        speaker = Speaker(model, language, supervisor, library)
        if model == PREVIEW:
            return replace(speaker, stand_ins=stand_ins())
        return speaker

    def decode_clip(self, clip: Clip, max_seconds: float, cancel: CancelToken) -> DecodedClip:
        """Decode the beginning of a recording, at the rate of speech."""
        return decode_clip(
            clip,
            ffmpeg=self.ffmpeg,
            max_seconds=max_seconds,
            sample_rate_hz=SPEECH_RATE_HZ,
            cancel=cancel,
        )


def _keyring(settings: Settings) -> Keyring:
    operator_key = None if settings.api_key is None else settings.api_key.get_secret_value()
    try:
        return Keyring(
            operator_key, settings.api_keys_file, asks_for_keys=not settings.auth_disabled
        )
    except KeysFileError as error:
        raise SettingsError(f"API_KEYS_FILE: {error}") from error


def _pronunciations(settings: Settings) -> OwnPronunciations:
    check_folder(
        "DICTIONARIES_DIR", settings.dictionaries_dir, otherwise="no dictionary can be made"
    )
    try:
        return OwnPronunciations(settings.pronunciations_file)
    except PronunciationsFileError as error:
        raise SettingsError(f"PRONUNCIATIONS_FILE: {error}") from error


def _token_secret(settings: Settings) -> bytes:
    """Return the operator's secret; without one tokens end when the server does."""
    if settings.url_signing_secret is None:
        return secrets.token_bytes(32)
    return settings.url_signing_secret.get_secret_value().encode()


def _models(settings: Settings) -> dict[str, str]:
    """Return the name of the model for each two-letter language, the default first.

    Raises:
        SettingsError: pocket-tts does not ship a model, or two are for one language.
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


def _who_asks(settings: Settings) -> WhoAsks:
    """Return what tells for whom something is done: for who sent the request that is served."""

    def viewer() -> Viewer:
        caller = current_record().caller
        if caller is None:
            return NOBODY if settings.tenants == "separate" else everybody()
        owner = None if caller.may("admin") else caller.name
        if settings.tenants == "shared":
            return Viewer(owner, "shared")
        return Viewer(owner, "all" if owner is None else "own")

    return viewer


def _open_voices(settings: Settings, who_asks: WhoAsks) -> VoiceFolder:
    folder = VoiceFolder(settings.voices_dir, who_asks)
    try:
        folder.recover()
    except (OSError, ValueError) as error:
        raise SettingsError(f"VOICES_DIR: {settings.voices_dir} cannot be used: {error}") from error
    return folder


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
        max_queued_seconds=settings.max_queued_seconds,
        defaults=settings.sampling,
    )


class _LazyLoader:
    """Imports the engine's loader when it is first called, as torch takes seconds to import."""

    def __init__(
        self, options: EngineOptions, downloading: Callable[[str], None], *, look_first: bool
    ) -> None:
        # The hub library reads this when it is first imported, with the loader.
        # The second name is the older one.
        if not (os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")):
            os.environ["HF_HUB_CACHE"] = str(options.models_dir / "hub")
        self._options = options
        self._downloading = downloading
        self._look_first = look_first

    def build(self) -> SpeechEngine:
        return self._loader()

    def look(self) -> bool:
        return self._loader.look()

    def forget(self) -> None:
        self._loader.forget()

    @cached_property
    def _loader(self) -> EngineLoader:
        from app.engine.loader import EngineLoader  # noqa: PLC0415

        return EngineLoader(self._options, self._downloading, look_first=self._look_first)
