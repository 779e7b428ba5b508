"""OpenAI's speech API: POST /v1/audio/speech, GET /v1/models, GET /v1/audio/voices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.api.auth import KeyedRoute, documented_key
from app.api.clip_input import clip_from_text
from app.api.controls import SpeechControls
from app.api.delivery import live_response
from app.api.dependencies import Services, ServicesDep
from app.api.dialect import Dialect, Problem
from app.errors import InvalidRequest, ModelNotFound, shortened
from app.speech import Clip
from app.synthesizer import FieldNames

router = APIRouter(
    prefix="/v1",
    route_class=KeyedRoute,
    dependencies=documented_key,
    tags=["openai"],
    responses={"4XX": {"description": "A refusal in OpenAI's shape."}},
)

SPEECH_PATH = "/v1/audio/speech"
OPENAI_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
MODELS = ("pocket-tts", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names that clients send; all of them mean the one model that is loaded"""

_ERROR_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


def error_body(problem: Problem) -> Mapping[str, object]:
    """OpenAI's shape; its SDK turns it into the exception class of the status."""
    kind = _ERROR_TYPES.get(
        problem.status, "server_error" if problem.status >= 500 else "invalid_request_error"
    )
    return {
        "error": {
            "message": problem.message,
            "type": kind,
            "param": problem.field,
            "code": "invalid_api_key" if problem.status == 401 else problem.kind,
        }
    }


DIALECT = Dialect(
    prefix="/v1/", fields=FieldNames(text="input", clip="voice"), error_body=error_body
)


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


@router.post("/audio/speech", response_class=Response)
async def create_speech(request: Request, services: ServicesDep, body: SpeechBody) -> Response:
    """Speak a text; the audio is sent while it is being made."""
    audio = body.audio_format(body.response_format, field="response_format", allowed=OPENAI_FORMATS)
    speech = body.request(body.input, _voice_of(services, body.voice))
    return await live_response(request, services, speech, audio, DIALECT.fields)


@router.get("/models")
async def list_models() -> dict[str, Any]:
    """The names that `model` may have."""
    return {"object": "list", "data": [_model_entry(name) for name in MODELS]}


@router.get("/models/{model}")
async def retrieve_model(model: str) -> dict[str, Any]:
    """One of the names that `model` may have."""
    if model not in MODELS:
        raise ModelNotFound(f"model {shortened(model)!r} does not exist; try {', '.join(MODELS)}")
    return _model_entry(model)


@router.get("/audio/voices")
async def list_voices(services: ServicesDep) -> dict[str, Any]:
    """The voices that `voice` may name."""
    return {"voices": [{"id": name, "name": name} for name in services.voices.names()]}


def _model_entry(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "kyutai"}


def _voice_of(services: Services, voice: str | VoiceId | None) -> str | Clip:
    name = voice.id if isinstance(voice, VoiceId) else voice
    if name is None:
        return services.settings.default_voice
    if not name.strip():
        raise InvalidRequest("voice must not be empty", field="voice")
    recording = clip_from_text(name, "voice", services.settings.max_upload_bytes)
    if recording is not None:
        return recording
    if name in services.voices.names():
        return name
    return services.settings.openai_voices.get(name.strip().lower(), name)
