"""Says which models are loaded, and how an engine is made of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.languages import shipped_languages
from app.engine.preview import PREVIEW, PREVIEW_CONFIG, voice_prompts
from app.settings import Settings, SettingsError
from app.speech_engine import EngineOptions, SpeechEngine
from app.voices.details import LANGUAGES, language_of_model

if TYPE_CHECKING:
    from app.engine.loader import EngineLoader


def chosen_models(settings: Settings) -> dict[str, str]:
    """Return the two-letter language of each model, the default one first.

    Models are named as in MODEL_LANGUAGE, those of other people by their addresses.

    Raises:
        SettingsError: pocket-tts does not ship a model, an address says nothing of its language, or
            MODEL_CONFIG is set beside several.
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
    models: dict[str, str] = {}
    for entry in settings.model_language:
        model, language = _model_of(entry)
        if model in models:
            raise SettingsError(f"MODEL_LANGUAGE: {model} stands there twice")
        models[model] = language
    return models


def _model_of(entry: str) -> tuple[str, str]:
    """Return the name and the language of a model as it stands in MODEL_LANGUAGE.

    Raises:
        SettingsError: there is no such model, or none knows what it speaks.
    """
    if "://" not in entry:
        known = (*shipped_languages(), PREVIEW)
        if entry not in known:
            raise SettingsError(
                f"MODEL_LANGUAGE: {entry!r} is not a model of pocket-tts; "
                f"choose one of {', '.join(known)}, or LANGUAGE=hf://… for somebody else's"
            )
        return entry, language_of_model(entry) or "en"
    code, _, address = entry.partition("=")
    if not address.startswith(("hf://", "https://")) or code.lower() not in LANGUAGES.values():
        raise SettingsError(
            f"MODEL_LANGUAGE: {entry!r} must say what it speaks and where its YAML is, as "
            f"fr=hf://owner/repository/model.yaml; LANGUAGE is one of "
            f"{', '.join(LANGUAGES.values())}, and the address begins with hf:// or https://"
        )
    return address, code.lower()


def engine_options(settings: Settings, model: str, language: str) -> EngineOptions:
    """Say how an engine is made of a model.

    Args:
        language: that of the model, in two letters.
    """
    elsewhere = "://" in model
    names = {code: name for name, code in LANGUAGES.items()}
    config = model if elsewhere else settings.model_config_path
    return EngineOptions(
        language=names[language] if elsewhere else model,
        config=str(PREVIEW_CONFIG) if model == PREVIEW else config,
        voice_prompts=voice_prompts() if model == PREVIEW else {},
        models_dir=settings.models_dir,
        device=settings.model_device,
        precision=settings.model_precision,
        worker_threads=settings.torch_threads,
        max_running_rows=settings.max_running_rows,
        max_queued_jobs=settings.max_queued_requests,
        max_queued_seconds=settings.max_queued_seconds,
        defaults=settings.sampling,
        takes=settings.takes,
        proven=model == PREVIEW or config is None,
    )


class LazyLoader:
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
        from app.engine.upstream import import_upstream  # noqa: PLC0415

        import_upstream()
        from app.engine.loader import EngineLoader  # noqa: PLC0415

        return EngineLoader(self._options, self._downloading, look_first=self._look_first)
