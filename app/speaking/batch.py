"""Several scripts spoken for one caller: all of them, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.api.http.dependencies import Services
from app.audio.formats import AudioFormat
from app.speaking.encoded import CompleteAudio, complete_clip
from app.speaking.utterance import FieldNames
from app.speech import SpeechRequest

AT_ONCE = 8
"""More would fill the engine's queue, and nobody else would be heard"""


async def complete_clips(
    services: Services, speeches: Sequence[tuple[SpeechRequest, FieldNames]], audio: AudioFormat
) -> list[CompleteAudio]:
    """The clips in the order of the speeches, which the engine speaks side by side.

    Raises:
        SpeechError: of the first one that fails, after which the others are stopped. What can be
            refused is refused before anything is spoken.
    """
    for speech, fields in speeches:
        await (await services.speakers.of(speech)).synthesizer.prepare(speech)
    places = asyncio.Semaphore(AT_ONCE)

    async def spoken(speech: SpeechRequest) -> CompleteAudio:
        async with places:
            return await complete_clip(services, speech, audio)

    tasks = [asyncio.create_task(spoken(*each)) for each in speeches]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
