"""Models side by side: one speaks at once, the others load once they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.engine.supervisor import EngineSupervisor
from app.errors import InvalidRequest, Overloaded
from app.speech import SpeechRequest
from app.synthesizer import Synthesizer
from app.voices.library import VoiceLibrary


@dataclass(frozen=True, slots=True)
class Speaker:
    """One model, and what it needs to speak.

    Attributes:
        model: its name, as in MODEL_LANGUAGE.
        language: two-letter code of what it speaks.
    """

    model: str
    language: str
    supervisor: EngineSupervisor
    voices: VoiceLibrary
    synthesizer: Synthesizer

    @property
    def is_idle(self) -> bool:
        """Nobody would notice if it were gone: loaded, and neither speaking nor asked to."""
        engine = self.supervisor.status().engine
        return engine is not None and engine.running_rows == 0 and engine.queued_jobs == 0


class Speakers:
    """Chooses the speaker of a request. Use from the event loop.

    Args:
        default: speaks what names no language; loaded from the start, and never given up.
        others: model by language, loaded when first asked for.
        make: a speaker for (model, language); its supervisor is not started yet.
        max_loaded: how many models may be in memory; the idle one that was asked for longest ago
            makes room.
        voice_language: the language that a voice is at home in, if that is known.
    """

    def __init__(
        self,
        default: Speaker,
        *,
        others: Mapping[str, str],
        make: Callable[[str, str], Speaker],
        max_loaded: int,
        voice_language: Callable[[str], str | None],
    ) -> None:
        self.default = default
        self._others = dict(others)
        self._make = make
        self._max_loaded = max_loaded
        self._voice_language = voice_language
        self._loaded: dict[str, Speaker] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of what can be spoken, the default first."""
        return (self.default.language, *self._others)

    @property
    def loaded(self) -> tuple[Speaker, ...]:
        """Those that are in memory or on their way there, the default first."""
        return (self.default, *self._loaded.values())

    async def of(self, request: SpeechRequest) -> Speaker:
        """Who is to speak: by the request's language, else by its voice, else the default.

        A model that is asked for the first time begins to load; until it is there, its speaker
        refuses with what is going on.

        Raises:
            InvalidRequest: no model here speaks that language.
            Overloaded: there is no room, and every model in memory is speaking.
        """
        language = request.language or await self._language_of_voice(request)
        if language == self.default.language:
            return self.default
        if language not in self._others:
            raise InvalidRequest(
                f"language must be one of {', '.join(self.languages)} on this server; "
                f"it is {language!r}",
                field="language",
            )
        speaker = self._loaded.pop(language, None)
        if speaker is None:
            self._make_room()
            speaker = self._make(self._others[language], language)
            speaker.supervisor.start()
        self._loaded[language] = speaker
        return speaker

    async def stop(self, grace_seconds: float) -> None:
        """Stop every model, each with the same time to finish."""
        await asyncio.gather(
            *(speaker.supervisor.stop(grace_seconds) for speaker in self.loaded), *self._leaving
        )

    async def _language_of_voice(self, request: SpeechRequest) -> str:
        if not self._others or not isinstance(request.voice, str):
            return self.default.language
        found = await asyncio.to_thread(self._voice_language, request.voice)
        return found if found in self._others else self.default.language

    def _make_room(self) -> None:
        if len(self.loaded) < self._max_loaded:
            return
        for language, speaker in self._loaded.items():
            if speaker.is_idle:
                del self._loaded[language]
                task = asyncio.create_task(speaker.supervisor.stop(0))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
                return
        raise Overloaded(
            f"{len(self.loaded)} models are in memory and speaking, which is all that "
            "MAX_LOADED_MODELS allows; try again later",
            retry_after_seconds=10,
        )
