"""A few words in a voice, spoken once and kept."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from fastapi import Request

from app.api.http.delivery import complete_audio
from app.api.http.dependencies import Services
from app.api.http.dialect import NATIVE
from app.audio.formats import AudioFormat
from app.speech import Sampling, SpeechRequest
from app.voices.store import Voice

PREVIEW_TEXTS = {
    "en": "Hello! This is how I sound when I read a few lines aloud.",
    "fr": "Bonjour ! Voilà comment je parle quand je lis quelques lignes.",
    "de": "Hallo! So klinge ich, wenn ich ein paar Zeilen vorlese.",
    "pt": "Olá! É assim que eu falo quando leio algumas linhas.",
    "it": "Ciao! Ecco come parlo quando leggo qualche riga.",
    "es": "¡Hola! Así sueno cuando leo unas líneas en voz alta.",
    "nl": "Hallo! Zo klink ik als ik een paar regels voorlees.",
}


async def preview_of(
    request: Request, services: Services, voice: Voice, audio: AudioFormat
) -> bytes:
    """An encoded sample of a voice, from the disk where the same one was made before.

    Raises:
        SpeechError: as for any speech.
    """
    text = PREVIEW_TEXTS[voice.details.language or "en"]
    sound = await services.own_voices.store.sound_id(voice.name)
    engine = services.supervisor.engine
    model = await asyncio.to_thread(lambda: engine.model_fingerprint)
    made_by = f"{model} {text}"
    key = f"{sound}-{hashlib.sha256(made_by.encode()).hexdigest()[:16]}{audio.extension}"
    files = services.own_voices.previews
    kept = await asyncio.to_thread(files.find, key)
    if kept is not None:
        return await asyncio.to_thread(kept.read_bytes)
    speech = SpeechRequest(text=text, voice=voice.name, sampling=Sampling(seed=0))
    made = await complete_audio(request, services, speech, audio)

    def write(path: Path) -> None:
        path.write_bytes(made.data)

    await asyncio.to_thread(files.keep, key, write)
    return made.data
