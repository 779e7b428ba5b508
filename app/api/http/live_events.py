"""Sends speech as server-sent events while it is made: base64, and when words are heard."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from typing import Any

from app.captions.files import mark_content
from app.marks import Marks
from app.speaking.encoded import LiveAudio

EVENT_STREAM = "text/event-stream"
LATENT_FRAMES_PER_SECOND = 12.5


def event(kind: str, **fields: object) -> bytes:
    """Write an event whose name is its type."""
    data = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


async def speech_events(live: LiveAudio, *, timestamps: str) -> AsyncGenerator[bytes, None]:
    """Wrap audio in server-sent events, one for each piece, and end with the count of tokens.

    Args:
        timestamps: which marks have events of their own: "none", "sentence" or "word".
    """
    async for data in live.body:
        yield event("speech.audio.delta", audio=base64.b64encode(data).decode())
        if marks := _told(live.marks.take(), timestamps):
            yield event("speech.audio.marks", **marks)
    if marks := _told(live.marks.take(), timestamps):
        yield event("speech.audio.marks", **marks)
    spoken = round(live.utterance.spoken_seconds * LATENT_FRAMES_PER_SECOND)
    read = await live.utterance.count_script_tokens()
    usage = {"input_tokens": read, "output_tokens": spoken, "total_tokens": read + spoken}
    yield event("speech.audio.done", usage=usage)


def _told(marks: Marks, timestamps: str) -> dict[str, Any]:
    """Return what is new of the marks that are asked for; nothing if nothing is."""
    told = {"sentences": marks.sentences, "words": marks.words if timestamps == "word" else []}
    if timestamps == "none" or not any(told.values()):
        return {}
    return {
        "method": marks.method,
        **{kind: [mark_content(mark) for mark in found] for kind, found in told.items() if found},
    }
