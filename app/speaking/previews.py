"""Speaks a few words in each voice as a sample, once, and keeps them on the disk."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import NamedTuple

from app.audio.formats import AudioFormat
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speaking.encoded import complete_audio
from app.speaking.speaker import Speaker
from app.speech import Sampling, SpeechRequest
from app.voices.kept_files import KeptFiles
from app.voices.store import Voice, VoiceStore
from app.work import Pools

PREVIEW_TEXTS = {
    "en": "Hello! This is how I sound when I read a few lines aloud.",
    "fr": "Bonjour ! Voilà comment je parle quand je lis quelques lignes.",
    "de": "Hallo! So klinge ich, wenn ich ein paar Zeilen vorlese.",
    "pt": "Olá! É assim que eu falo quando leio algumas linhas.",
    "it": "Ciao! Ecco come parlo quando leggo qualche riga.",
    "es": "¡Hola! Así sueno cuando leo unas líneas en voz alta.",
    "nl": "Hallo! Zo klink ik als ik een paar regels voorlees.",
}


class Sample(NamedTuple):
    """Holds an encoded sample, and the name of the model that speaks in it."""

    data: bytes
    model: str


class Previews:
    """Speaks a few words in a voice, or finds them where the same ones were spoken before."""

    def __init__(
        self,
        speech: Speech,
        cast: Cast,
        voices: VoiceStore,
        files: KeptFiles,
        *,
        ffmpeg: Path,
        pools: Pools,
    ) -> None:
        self._speech = speech
        self._cast = cast
        self._voices = voices
        self._files = files
        self._ffmpeg = ffmpeg
        self._pools = pools

    async def sample_of(self, voice: Voice, audio: AudioFormat) -> Sample:
        """Return a sample of a voice, in the voice's own language.

        Raises:
            SpeechError: as for any speech.
        """
        text = PREVIEW_TEXTS[voice.details.language or "en"]
        request = SpeechRequest(text=text, voice=voice.name, sampling=Sampling(seed=0))
        speaker = await self._cast.of(request)
        key = f"{await self._key(speaker, voice, text)}{audio.extension}"
        kept = await self._pools.files.run(partial(self._files.find, key))
        if kept is not None:
            return Sample(await self._pools.files.run(kept.read_bytes), speaker.model)
        utterance = await self._speech.begin(request)
        made = await complete_audio(utterance, audio, self._ffmpeg, self._pools)
        data = await self._pools.files.run(made.read)
        if made.origin.model == speaker.model:  # the stand-in may have given way meanwhile
            write = partial(_write, data)
            await self._pools.files.run(partial(self._files.keep, key, write))
        return Sample(data, made.origin.model)

    async def _key(self, speaker: Speaker, voice: Voice, text: str) -> str:
        """Name a sample so that the name changes with the voice's sound, the model and the text."""
        sound = await self._voices.sound_id(voice.name)
        engine = speaker.supervisor.engine
        model = await self._pools.files.run(lambda: engine.model_fingerprint)
        made_by = f"{model} {text}"
        return f"{sound}-{hashlib.sha256(made_by.encode()).hexdigest()[:16]}"


def _write(data: bytes, path: Path) -> None:
    path.write_bytes(data)
