"""Answers with audio and the times of its words as JSON, in the shape of Kokoro-FastAPI."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Sequence

from fastapi import Request
from fastapi.responses import Response

from app.api.http.delivery import complete_answer, live_response
from app.api.http.timed_response import TimedResponse
from app.audio.formats import AudioFormat
from app.marks import Mark
from app.services import Services
from app.speaking.encoded import LiveAudio
from app.speech import SpeechRequest


async def captioned_response(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    *,
    stream: bool,
) -> Response:
    """Speak, and answer with JSON: `audio` as base64, `audio_format`, `timestamps`.

    Args:
        stream: send a line of JSON for each piece of audio while it is made; its timestamps are of
            words that have become known, counted from the beginning of all audio.
    """
    if stream:
        return await live_response(
            request, services, speech, audio, wrapping=_lines, media_type="application/json"
        )
    made = await complete_answer(request, services, speech, audio)
    content = {
        "audio_format": made.content_type,
        "timestamps": _timestamps(made.marks.words) if speech.timed else None,
    }
    return TimedResponse(made, content, services.pools)


async def _lines(live: LiveAudio) -> AsyncGenerator[bytes, None]:
    async for data in live.body:
        yield _line(live, data)
    if live.utterance.request.timed:
        yield _line(live, b"")


def _line(live: LiveAudio, data: bytes) -> bytes:
    timed = live.utterance.request.timed
    content = {
        "audio": base64.b64encode(data).decode(),
        "audio_format": live.content_type,
        "timestamps": _timestamps(live.marks.take().words) if timed else None,
    }
    return json.dumps(content).encode() + b"\n"


def _timestamps(words: Sequence[Mark]) -> list[dict[str, object]]:
    return [
        {
            "word": mark.text,
            "start_time": round(mark.start_seconds, 3),
            "end_time": round(mark.end_seconds, 3),
        }
        for mark in words
    ]
