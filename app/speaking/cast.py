"""Models side by side: one speaks at once, the others load once they are asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from app.engine.supervisor import EngineSupervisor
from app.errors import InvalidRequest, Overloaded
from app.speaking.utterance import Synthesizer
from app.speech import Clip, SpeechRequest
from app.voices.library import VoiceLibrary

logger = logging.getLogger(__name__)

_HANDOVER_SECONDS = 10.0
"""Longer than a request takes from choosing its speaker to its first audio"""
_LONGEST_SPEECH_SECONDS = 3600.0


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
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """by voice, the one that is heard instead; for a model that only fills in for another"""

    def heard(self, voice: str | Clip) -> str | None:
        """The voice that is heard when somebody asks for `voice`, which exists.

        Returns:
            None for the voice of a recording.

        Raises:
            VoiceNotFound: it has gone meanwhile. ModelUnavailable.
        """
        if isinstance(voice, Clip):
            return None
        name = self.voices.resolve(voice)
        return name if self.voices.is_file(name) else self.stand_ins.get(name, name)

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
        stand_in: fills in for the default while that is being fetched or cannot be had; loaded only
            then, and given up once the default speaks.
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
        stand_in: Speaker | None = None,
    ) -> None:
        self.default = default
        self._others = dict(others)
        self._make = make
        self._max_loaded = max_loaded
        self._voice_language = voice_language
        self._loaded: dict[str, Speaker] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._stand_in = stand_in
        self._filling_in = False
        self._retiring: asyncio.Task[None] | None = None

    def start(self, on_ready: Callable[[Speaker], None]) -> None:
        """Begin to load the default; returns at once.

        Args:
            on_ready: called on this event loop whenever a speaker has become ready.
        """
        loop = asyncio.get_running_loop()

        def told(speaker: Speaker) -> None:
            # The loop may be gone if the server is stopped while the model loads.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._became_ready, speaker, on_ready)

        def missing() -> None:
            stand_in = self._stand_in
            if stand_in is not None and not self._filling_in:
                self._filling_in = True
                logger.warning(
                    "%s speaks in the place of %s: %s",
                    stand_in.model,
                    self.default.model,
                    self.default.supervisor.status().detail,
                )
                stand_in.supervisor.start(partial(told, stand_in))

        self.default.supervisor.start(partial(told, self.default), missing)

    @property
    def current(self) -> Speaker:
        """Who speaks for the default model: itself, or who fills in for it."""
        if self._filling_in and self._stand_in and not self.default.supervisor.is_ready:
            return self._stand_in
        return self.default

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of what can be spoken, the default first."""
        return (self.default.language, *self._others)

    @property
    def loaded(self) -> tuple[Speaker, ...]:
        """Those that are in memory or on their way there, the default first."""
        filling_in = [self._stand_in] if self._filling_in and self._stand_in else []
        return (self.default, *filling_in, *self._loaded.values())

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
            return self.current
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
        if self._retiring is not None:
            self._retiring.cancel()
        await asyncio.gather(
            *(speaker.supervisor.stop(grace_seconds) for speaker in self.loaded), *self._leaving
        )

    def _became_ready(self, speaker: Speaker, on_ready: Callable[[Speaker], None]) -> None:
        on_ready(speaker)
        if speaker is self.default and self._filling_in and self._retiring is None:
            self._retiring = asyncio.create_task(self._retire_stand_in())

    async def _retire_stand_in(self) -> None:
        """Nothing new comes to it; what it has begun, it finishes."""
        stand_in = self._stand_in
        if stand_in is None:
            return
        logger.info("%s speaks from now on", self.default.model)
        await asyncio.sleep(_HANDOVER_SECONDS)
        await stand_in.supervisor.stop(_LONGEST_SPEECH_SECONDS)
        self._stand_in = None

    async def _language_of_voice(self, request: SpeechRequest) -> str:
        if not self._others or not isinstance(request.voice, str):
            return self.default.language
        found = await asyncio.to_thread(self._voice_language, request.voice)
        return found if found in self._others else self.default.language

    def _make_room(self) -> None:
        if 1 + len(self._loaded) < self._max_loaded:
            return
        for language, speaker in self._loaded.items():
            if speaker.is_idle:
                del self._loaded[language]
                task = asyncio.create_task(speaker.supervisor.stop(0))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
                return
        raise Overloaded(
            f"{1 + len(self._loaded)} models are in memory and speaking, which is all that "
            "MAX_LOADED_MODELS allows; try again later",
            retry_after_seconds=10,
        )
