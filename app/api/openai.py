"""OpenAI's speech API: POST /v1/audio/speech, GET /v1/models, GET /v1/audio/voices."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.api import openai_voices
from app.api.controls import SpeechControls
from app.api.delivery import live_response
from app.api.dependencies import ServicesDep
from app.api.openai_dialect import DIALECT
from app.api.routes import dialect_router
from app.api.support import HONOURED, support_of
from app.api.voice_choice import voice_or_recording
from app.errors import ModelNotFound, shortened

__all__ = ["DIALECT", "SUPPORT", "router"]

router = dialect_router(DIALECT)
router.include_router(openai_voices.router)

OPENAI_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
MODELS = ("pocket-tts", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names that clients send; all of them mean the one model that is loaded"""


class VoiceId(BaseModel):
    id: str = Field(min_length=1)


class SpeechBody(SpeechControls):
    """Fields that this server does not know are ignored, as OpenAI's clients expect."""

    input: str = Field(description="The text to speak.", examples=["Hello from Pocket TTS."])
    model: str = Field(
        "pocket-tts", description="Any name; there is one model.", examples=["pocket-tts"]
    )
    voice: str | VoiceId | None = Field(
        None,
        description="A voice of this server, one of OpenAI's names, or a recording in base64.",
        examples=["alloy"],
    )
    response_format: str = Field("mp3", json_schema_extra={"enum": list(OPENAI_FORMATS)})
    stream_format: Literal["audio"] = "audio"


@router.post("/v1/audio/speech", response_class=Response)
async def create_speech(request: Request, services: ServicesDep, body: SpeechBody) -> Response:
    """Speak a text; the audio is sent while it is being made."""
    audio = body.audio_format(body.response_format, field="response_format", allowed=OPENAI_FORMATS)
    name = body.voice.id if isinstance(body.voice, VoiceId) else body.voice
    speech = body.request(body.input, voice_or_recording(services, name, "voice"))
    return await live_response(request, services, speech, audio, DIALECT.fields)


@router.get("/v1/models")
async def list_models() -> dict[str, Any]:
    """The names that `model` may have."""
    return {"object": "list", "data": [_model_entry(name) for name in MODELS]}


@router.get("/v1/models/{model}")
async def retrieve_model(model: str) -> dict[str, Any]:
    """One of the names that `model` may have."""
    if model not in MODELS:
        raise ModelNotFound(f"model {shortened(model)!r} does not exist; try {', '.join(MODELS)}")
    return _model_entry(model)


@router.get("/v1/audio/voices")
async def list_voices(services: ServicesDep) -> dict[str, Any]:
    """The voices that `voice` may name."""
    return {"voices": [{"id": name, "name": name} for name in services.voices.names()]}


def _model_entry(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "kyutai"}


SUPPORT = support_of("POST /v1/audio/speech", SpeechBody, unmarked=HONOURED)
