"""Who speaks a request: the models there are, and the names that voices go by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from app.errors import InvalidRequest, Overloaded, Parameter, shortened
from app.speaking.speaker import Speaker
from app.speaking.stand_in import StandIn
from app.speech import SpeechRequest


class Cast:
    """Chooses the speaker of a request. Use from the event loop.

    One model speaks from the start; those of other languages load once they are asked for.

    Args:
        default: speaks what names no language; never given up.
        others: model by language, loaded when first asked for.
        make: a speaker for (model, language); its supervisor is not started yet.
        max_loaded: how many models may be in memory; the idle one that was asked for longest ago
            makes room.
        voice_language: the language that a voice is at home in, if that is known. Blocks.
        default_voice: speaks where no voice is named.
        aliases: other names for voices, in small letters.
        stand_in: speaks for the default model while that cannot.
    """

    def __init__(
        self,
        default: Speaker,
        *,
        others: Mapping[str, str],
        make: Callable[[str, str], Speaker],
        max_loaded: int,
        voice_language: Callable[[str], str | None],
        default_voice: str,
        aliases: Mapping[str, str],
        stand_in: StandIn | None = None,
    ) -> None:
        self.default = default
        self._others = dict(others)
        self._make = make
        self._max_loaded = max_loaded
        self._voice_language = voice_language
        self._default_voice = default_voice
        self._aliases = aliases
        self._stand_in = stand_in
        self._loaded: dict[str, Speaker] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def start(self, on_ready: Callable[[Speaker], None]) -> None:
        """Begin to load the default model; returns at once.

        Args:
            on_ready: called on this event loop whenever a speaker has become ready.
        """
        loop = asyncio.get_running_loop()

        def told(speaker: Speaker) -> None:
            # The loop may be gone if the server is stopped while the model loads.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._became_ready, speaker, on_ready)

        def missing() -> None:
            if self._stand_in is not None:
                self._stand_in.fill_in(partial(told, self._stand_in.speaker))

        self.default.supervisor.start(partial(told, self.default), missing)

    @property
    def current(self) -> Speaker:
        """The speaker for the default model: itself, or its stand-in."""
        if self._stand_in is not None and self._stand_in.speaks:
            return self._stand_in.speaker
        return self.default

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of what can be spoken, the default first."""
        return (self.default.language, *self._others)

    @property
    def loaded(self) -> tuple[Speaker, ...]:
        """The speakers in memory or on their way there, the default first."""
        stand_in = self._stand_in
        filling_in = [stand_in.speaker] if stand_in is not None and stand_in.is_loaded else []
        return (self.default, *filling_in, *self._loaded.values())

    async def of(self, request: SpeechRequest) -> Speaker:
        """The speaker for a request: by its language, else by its voice, else the default.

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
                f"{Parameter.LANGUAGE} must be one of {', '.join(self.languages)} on this server; "
                f"it is {shortened(language)!r}",
                field=Parameter.LANGUAGE,
            )
        speaker = self._loaded.pop(language, None)
        if speaker is None:
            self._make_room()
            speaker = self._make(self._others[language], language)
            speaker.supervisor.start()
        self._loaded[language] = speaker
        return speaker

    def voice_named(self, name: str | None) -> str:
        """The voice that a caller's name means, which may be an alias.

        A name that means nothing is returned as it is, and refused when the speech is prepared.

        Args:
            name: None for the default voice.

        Raises:
            InvalidRequest: it is empty. ModelUnavailable.
        """
        if name is None:
            return self._default_voice
        if not name.strip():
            raise InvalidRequest(f"{Parameter.VOICE} must not be empty", field=Parameter.VOICE)
        if name in self.current.library.names():
            return name
        return self._aliases.get(name.strip().lower(), name)

    async def stop(self, grace_seconds: float) -> None:
        """Stop every model, each with the same time to finish."""
        async with asyncio.TaskGroup() as group:
            for speaker in (self.default, *self._loaded.values()):
                group.create_task(speaker.supervisor.stop(grace_seconds))
            if self._stand_in is not None:
                group.create_task(self._stand_in.stop(grace_seconds))
            if self._leaving:
                await asyncio.wait(self._leaving)

    def _became_ready(self, speaker: Speaker, on_ready: Callable[[Speaker], None]) -> None:
        on_ready(speaker)
        if speaker is self.default and self._stand_in is not None:
            self._stand_in.retire()

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
