"""Puts speakers together, and the cast of all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import PurePath

from app.assembly.models import LazyLoader, engine_options
from app.audio.decode import decode_clip
from app.audio.ffmpeg import find_ffmpeg
from app.callers.elsewhere import Elsewhere
from app.engine.languages import HOME_LANGUAGES
from app.engine.preview import PREVIEW, stand_ins
from app.engine.supervisor import EngineSupervisor
from app.owners import WhoAsks
from app.settings import Settings
from app.speaking.cast import Cast
from app.speaking.client_voices import client_voices
from app.speaking.speaker import Speaker
from app.speaking.stand_in import StandIn
from app.speech import SPEECH_RATE_HZ, Clip, DecodedClip
from app.speech_engine import SpeechEngine
from app.telemetry.meter import Meter
from app.text.normalisation.languages import find_language
from app.voices.details import read_details
from app.voices.folder import VoiceFolder
from app.voices.kept_files import KeptFiles
from app.voices.kept_states import KeptStates
from app.voices.library import ReadyVoice, VoiceLibrary
from app.voices.prompts import PromptMaker
from app.voices.states import VoiceStates
from app.work import CancelToken, Pools

BuildEngine = Callable[[], SpeechEngine]


class Speakers:
    """Holds what all speakers share, and puts one together."""

    def __init__(
        self,
        settings: Settings,
        build_engine: BuildEngine | None,
        pools: Pools,
        meter: Meter,
        *,
        who_asks: WhoAsks,
        elsewhere: Elsewhere,
        look_first: bool,
    ) -> None:
        self._elsewhere = elsewhere
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
        options = engine_options(settings, model, language)
        if settings.model_config_path is not None and model != PREVIEW:
            model = PurePath(settings.model_config_path).name
        options = replace(
            options, on_batch=self._meter.batches(model), elsewhere=self._elsewhere.streams
        )
        idle_seconds = settings.idle_unload_minutes * 60 or None

        def downloading(file_name: str) -> None:
            supervisor.downloading(file_name)

        if given := build or self._build_engine:
            supervisor = EngineSupervisor(given, idle_seconds=idle_seconds)
        else:
            loader = LazyLoader(options, downloading, look_first=self._look_first)
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


def make_cast(
    settings: Settings,
    models: Mapping[str, str],
    speakers: Speakers,
    folder: VoiceFolder,
    build_preview: BuildEngine | None,
    pools: Pools,
) -> Cast:
    (default_model, default_language), *others = models.items()
    default = speakers.speaker(default_model, default_language)
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
        others=dict(others),
        make=speakers.speaker,
        max_loaded=settings.max_loaded_models,
        voice_language=voice_language,
        default_voice=settings.default_voice,
        aliases=aliases(settings, dict.fromkeys(models.values())),
        files=pools.files,
        stand_in=stand_in,
    )


def aliases(settings: Settings, languages: Collection[str] = ()) -> dict[str, str]:
    """Return all other names of voices; those that the operator gives come before ours."""
    return {**client_voices(languages), **settings.openai_voices, **settings.voice_aliases}
