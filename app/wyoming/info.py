"""Tells Home Assistant which voices and languages this server has."""

from __future__ import annotations

import asyncio

from wyoming.info import Attribution, Info, TtsProgram, TtsVoice

from app import __version__
from app.errors import ModelUnavailable
from app.services import Services
from app.voices.store import Voice

ANSWER_SECONDS = 0.5
"""Home Assistant asks once and waits for a second, some of which a busy machine uses up."""

_POLL_SECONDS = 0.05
_KYUTAI = Attribution("Kyutai", "https://kyutai.org")


class Introduction:
    """Answers `describe` in time, whatever the server is doing."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._voices: list[TtsVoice] = []

    async def info(self) -> Info:
        """Describe the program and its voices.

        While the model loads, its voices are unknown: after `ANSWER_SECONDS` the answer has the
        voices that were known last, or else the default voice alone.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._look()
        except TimeoutError:
            if not self._voices:
                default = self._services.settings.default_voice
                return self._with([_voice(default, None, self._default_language)])
        return self._with(self._voices)

    @property
    def _default_language(self) -> str:
        return self._services.cast.default.language

    async def _look(self) -> None:
        while True:
            try:
                voices = await self._services.voices.all()
            except ModelUnavailable:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            self._voices = [
                _voice(voice.name, voice.details.title, self._language(voice)) for voice in voices
            ]
            return

    def _language(self, voice: Voice) -> str:
        """Return the language that a voice speaks if nobody asks for another one."""
        home = voice.details.language
        return home if home in self._services.cast.languages else self._default_language

    def _with(self, voices: list[TtsVoice]) -> Info:
        program = TtsProgram(
            name="Pocket Speech",
            attribution=_KYUTAI,
            installed=True,
            description="Kyutai's Pocket TTS",
            version=__version__,
            voices=voices,
            supports_synthesize_streaming=True,
        )
        return Info(tts=[program])


def _voice(name: str, title: str | None, language: str) -> TtsVoice:
    return TtsVoice(
        name=name,
        attribution=_KYUTAI,
        installed=True,
        description=title or name,
        version=None,
        languages=[language],
    )
