"""Answers with audio as base64 in JSON, or in events, as Mistral's clients wait for it."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator

from fastapi import Request
from fastapi.responses import Response

from app.api.http.delivery import complete_answer, live_response
from app.api.http.live_events import EVENT_STREAM, event
from app.api.http.timed_response import TimedResponse
from app.audio.formats import AudioFormat
from app.services import Services
from app.speaking.encoded import LiveAudio
from app.speech import SpeechRequest


async def mistral_response(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    *,
    stream: bool,
) -> Response:
    """Speak, and answer with `{"audio_data": base64}`, or with events that have pieces of it."""
    if stream:
        return await live_response(
            request, services, speech, audio, wrapping=_events, media_type=EVENT_STREAM
        )
    made = await complete_answer(request, services, speech, audio)
    return TimedResponse(
        made, {"content_type": made.content_type}, services.pools, audio_field="audio_data"
    )


async def _events(live: LiveAudio) -> AsyncGenerator[bytes, None]:
    async for data in live.body:
        yield event("speech.audio.delta", audio_data=base64.b64encode(data).decode())
    usage = {"prompt_tokens": await live.utterance.count_script_tokens(), "completion_tokens": 0}
    yield event("speech.audio.done", usage={**usage, "total_tokens": usage["prompt_tokens"]})
