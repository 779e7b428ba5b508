"""Several scripts spoken for one caller: all of them, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.audio.formats import AudioFormat
from app.errors import InvalidRequest, Parameter
from app.services import Services
from app.speaking.encoded import CompleteAudio, complete_audio
from app.speech import SpeechRequest

AT_ONCE = 8
"""More would fill the engine's queue, and nobody else would be heard"""


async def complete_clips(
    services: Services, requests: Sequence[SpeechRequest], audio: AudioFormat
) -> list[CompleteAudio]:
    """Speak scripts side by side; the clips come in the order of the requests.

    Raises:
        SpeechError: of the first one that fails, after which the others are stopped. What can be
            refused is refused before anything is spoken, and names its place, as in `text[2]`.
    """
    for number, request in enumerate(requests):
        await _check(services, request, number)
    places = asyncio.Semaphore(AT_ONCE)

    async def spoken(request: SpeechRequest) -> CompleteAudio:
        async with places:
            utterance = await services.speech.begin(request)
            return await complete_audio(utterance, audio, services.ffmpeg)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(spoken(request)) for request in requests]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _check(services: Services, request: SpeechRequest, number: int) -> None:
    try:
        await services.speech.check(request)
    except InvalidRequest as error:
        error.reword({Parameter.TEXT: f"text[{number}]"})
        raise
