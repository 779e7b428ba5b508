"""Chooses who speaks a request, among the models there are, and resolves other names of voices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from app.errors import Conflict, InvalidRequest, Overloaded, Parameter, shortened
from app.speaking.speaker import Speaker
from app.speaking.stand_in import StandIn
from app.speech import SpeechRequest
from app.voices.names import MAX_ASKED_CHARS
from app.work import ThreadPool


class Cast:
    """Chooses the speaker of a request. Use from the event loop.

    One model speaks from the start; those of other languages load once they are asked for.

    Args:
        default: speaks what names no language, and is never given up.
        others: the language of each other model, which is loaded when it is first asked for.
        make: makes a speaker for (model, language), whose supervisor is not started yet.
        max_loaded: how many models may be in memory; the idle one that was asked for longest ago
            makes room.
        voice_language: tells the language that a voice is at home in, if that is known. Blocks.
        default_voice: the voice that speaks where none is named.
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
        files: ThreadPool,
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
        self._files = files
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
                on_its_ready = partial(told, self._stand_in.speaker)
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._stand_in.fill_in, on_its_ready)

        self.default.supervisor.start(partial(told, self.default), missing)

    @property
    def current(self) -> Speaker:
        """Return who speaks for the default model now: its own speaker, or the stand-in."""
        if self._stand_in is not None and self._stand_in.speaks:
            return self._stand_in.speaker
        return self.default

    @property
    def languages(self) -> tuple[str, ...]:
        """List the languages that can be spoken, as two-letter codes, the default first."""
        return tuple(dict.fromkeys((self.default.language, *self._others.values())))

    @property
    def models(self) -> tuple[str, ...]:
        """List the models that can be asked for by name, the default first."""
        return (self.default.model, *self._others)

    def model_named(self, name: str | None) -> str | None:
        """Return the model that a caller's name means; None if it means none of this server's."""
        wanted = None if name is None else name.strip().lower()
        return next((model for model in self.models if model.lower() == wanted), None)

    def required_model(self, name: str | None) -> str | None:
        """Return the model that a caller names; None if none is named.

        Raises:
            InvalidRequest: this server has no such model.
        """
        model = self.model_named(name)
        if model is None and name is not None:
            raise InvalidRequest(
                f"model must be one of {', '.join(self.models)} on this server; "
                f"it is {shortened(name)!r}",
                field="model",
            )
        return model

    @property
    def loaded(self) -> tuple[Speaker, ...]:
        """List the speakers in memory or on their way there, the default first."""
        stand_in = self._stand_in
        filling_in = [stand_in.speaker] if stand_in is not None and stand_in.is_loaded else []
        return (self.default, *filling_in, *self._loaded.values())

    async def of(self, request: SpeechRequest) -> Speaker:
        """Find the speaker for a request by its model, its language, its voice, else the default.

        Of several models of a language it is the first.

        A model that is asked for the first time begins to load; until it is there, its speaker
        refuses with what is going on. One that was put out of memory while nobody spoke is waited
        for.

        Raises:
            InvalidRequest: no model here speaks that language.
            Overloaded: there is no room, and every model in memory is speaking.
        """
        speaker = await self._chosen(request)
        await speaker.supervisor.awake()
        return speaker

    async def _chosen(self, request: SpeechRequest) -> Speaker:
        model = request.model or await self._model_for(request)
        if model == self.default.model:
            self._check_language(request, self.default.language, model)
            return self.current
        self._check_language(request, self._others[model], model)
        speaker = self._loaded.pop(model, None)
        if speaker is None:
            self._make_room()
            speaker = self._make(model, self._others[model])
            speaker.supervisor.start()
        self._loaded[model] = speaker
        return speaker

    async def _model_for(self, request: SpeechRequest) -> str:
        """Return the first model of a request's language."""
        language = request.language or await self._language_of_voice(request)
        if language == self.default.language:
            return self.default.model
        for model, spoken in self._others.items():
            if spoken == language:
                return model
        raise InvalidRequest(
            f"{Parameter.LANGUAGE} must be one of {', '.join(self.languages)} on this server; "
            f"it is {shortened(language)!r}",
            field=Parameter.LANGUAGE,
        )

    def _check_language(self, request: SpeechRequest, spoken: str, model: str) -> None:
        if request.language not in (None, spoken):
            raise InvalidRequest(
                f"{Parameter.LANGUAGE} must be {spoken} with the model {model}; "
                f"it is {shortened(request.language)!r}",
                field=Parameter.LANGUAGE,
            )

    def reload(self) -> None:
        """Load the default model anew; where that has failed, try again now.

        Raises:
            Conflict: speech is being made, or the model is on its way already.
        """
        if not self.current.is_idle and self.current is not self.default:
            raise Conflict("the stand-in is speaking; reload the model once that has ended")
        self.default.supervisor.reload()

    def knows(self, name: str) -> bool:
        """Tell whether a name means a voice of whoever speaks for the default model.

        Raises:
            ModelUnavailable: nobody knows yet which voices there are.
        """
        return bool(name.strip()) and self.current.library.has(self.voice_named(name))

    def voice_named(self, name: str | None) -> str:
        """Return the voice that a caller's name means, which may be an alias.

        A voice of that very name, in any case, comes before an alias.

        A name that means nothing is returned as it is, and refused when the speech is prepared.

        Args:
            name: None for the default voice.

        Raises:
            InvalidRequest: the name is empty.
            ModelUnavailable: it may be an alias, and nobody knows yet which voices there are.
        """
        if name is None:
            name = self._default_voice
        if not name.strip():
            raise InvalidRequest(f"{Parameter.VOICE} must not be empty", field=Parameter.VOICE)
        alias = self._aliases.get(name[:MAX_ASKED_CHARS].strip().lower())
        if alias is None or self.current.library.has(name):
            return name
        return alias

    async def stop(self, grace_seconds: float) -> None:
        """Stop every model, each with the same time to finish."""
        speakers = (self.default, *self._loaded.values())
        stopping = [speaker.supervisor.stop(grace_seconds) for speaker in speakers]
        if self._stand_in is not None:
            stopping.append(self._stand_in.stop(grace_seconds))
        # One that fails must not keep the others from finishing.
        outcomes = await asyncio.gather(*stopping, *self._leaving, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _became_ready(self, speaker: Speaker, on_ready: Callable[[Speaker], None]) -> None:
        on_ready(speaker)
        if speaker is self.default and self._stand_in is not None:
            self._stand_in.retire()

    async def _language_of_voice(self, request: SpeechRequest) -> str:
        if not self._others or not isinstance(request.voice, str):
            return self.default.language
        found = await self._files.run(partial(self._voice_language, request.voice))
        return found if found is not None and found in self.languages else self.default.language

    def _make_room(self) -> None:
        if 1 + len(self._loaded) < self._max_loaded:
            return
        for model, speaker in self._loaded.items():
            if speaker.is_idle:
                del self._loaded[model]
                task = asyncio.create_task(speaker.supervisor.stop(0))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
                return
        raise Overloaded(
            f"{1 + len(self._loaded)} models are in memory and speaking, which is all that "
            "MAX_LOADED_MODELS allows; try again later",
            retry_after_seconds=10,
        )
