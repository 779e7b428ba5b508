"""Looks at the voices that settings name, at the start and once a model is ready.

So the first request need not wait for its voice, and the operator learns of a wrong name at once.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection
from functools import partial

from app.errors import ModelUnavailable, SpeechError, VoiceNotFound
from app.settings import Settings
from app.speaking.cast import Cast
from app.speaking.speaker import Speaker
from app.work import ThreadPool

logger = logging.getLogger(__name__)


def check_default_voice(settings: Settings, names: Collection[str]) -> None:
    """Log if DEFAULT_VOICE can be no voice, long before a model is there to be asked.

    Args:
        names: every voice that a model may have, the files in VOICES_DIR, and other names of both.
    """
    known = {name.casefold(): name for name in names}
    wanted = settings.default_voice.casefold()
    if wanted not in known:
        close = difflib.get_close_matches(wanted, known, n=1)
        hint = f"; did you mean {known[close[0]]}?" if close else ""
        logger.warning(
            "DEFAULT_VOICE: %r is neither a voice of the model nor a file in %s%s",
            settings.default_voice,
            settings.voices_dir,
            hint,
        )


async def look_at_voices(
    speaker: Speaker, cast: Cast, settings: Settings, files: ThreadPool
) -> None:
    """Make the default voice ready, and log which voices that settings name are not there."""
    try:
        await speaker.library.state_of(cast.voice_named(None))
    except SpeechError as error:
        logger.warning("DEFAULT_VOICE is not usable: %s", error.message)
    else:
        logger.info("the default voice %s is ready", settings.default_voice)
    try:
        await files.run(partial(_check_aliases, speaker, settings))
    except ModelUnavailable:
        return  # it died meanwhile; the next one is looked at as well


def _check_aliases(speaker: Speaker, settings: Settings) -> None:
    for setting in ("openai_voices", "voice_aliases"):
        _check_aliases_of(setting, speaker, settings)


def _check_aliases_of(setting: str, speaker: Speaker, settings: Settings) -> None:
    missing: dict[str, list[str]] = {}
    available: tuple[str, ...] = ()
    for alias, name in getattr(settings, setting).items():
        if (refusal := _refusal(speaker, name)) is not None:
            missing.setdefault(name, []).append(alias)
            available = refusal.available
    if missing:
        # A model of the operator's own may lack the voices that OPENAI_VOICES names by default.
        was_set = setting in settings.model_fields_set
        logger.log(
            logging.WARNING if was_set else logging.INFO,
            "%s names voices that do not exist: %s; available voices: %s",
            setting.upper(),
            ", ".join(f"{name} (for {', '.join(aliases)})" for name, aliases in missing.items()),
            ", ".join(available),
        )


def _refusal(speaker: Speaker, voice: str) -> VoiceNotFound | None:
    try:
        speaker.library.resolve(voice)
    except VoiceNotFound as error:
        return error
    return None
