"""Serves Flash-TTS's /speak, /clone_voice, /multi_speak and its own kind of /v1/audio/speech."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from app.api.flash import voices as flash_voices
from app.api.flash.controls import FlashControls
from app.api.flash.dialect import DIALECT
from app.api.flash.voices import LatentFile, RecordingFile, RecordingText, ReferenceText, reference
from app.api.http.delivery import file_response, live_response
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.api.http.voice_choice import given_voice
from app.errors import InvalidRequest, Parameter
from app.ranges import AnyCase, Speed
from app.services import Services
from app.speech import Level, Prosody, SpeechRequest, leveled_prosody
from app.wording.support import HONOURED, MODEL, Effect, support_of

router = dialect_router(DIALECT)
router.routes.extend(flash_voices.router.routes)
_openai_router = dialect_router(
    DIALECT.with_words({Parameter.TEXT: "input", Parameter.VOICE: "voice"})
)

ROLE_TAG = "<role:"

LeveledPitch = Annotated[
    Level | None, AnyCase, Effect("approximated", "2 or 4 semitones up or down")
]
LeveledSpeed = Annotated[
    Level | None, AnyCase, Effect("approximated", "0.7, 0.85, 1, 1.2 or 1.45 times")
]


class FlashSpeakBody(FlashControls):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Hello there.", "name": "alba"}]}
    )

    text: Annotated[str, HONOURED]
    name: Annotated[str | None, Effect("honoured", "left out: the default voice")] = None
    pitch: LeveledPitch = None
    speed: LeveledSpeed = None


class FlashCloneForm(FlashControls):
    text: Annotated[str, HONOURED]
    reference_audio: RecordingText = None
    reference_audio_file: RecordingFile = None
    reference_text: ReferenceText = None
    latent_file: LatentFile = None
    pitch: LeveledPitch = None
    speed: LeveledSpeed = None


class FlashDialogueBody(FlashControls):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "<role:alba>Did you lock the door? <role:marius>I thought you did."}
            ]
        }
    )

    text: Annotated[
        str,
        Effect(
            "honoured",
            "<role:NAME> or <role:NAME,pitch:LEVEL,speed:LEVEL>; what stands before the first role "
            "has the default voice, a role that does not exist is refused",
        ),
    ]


class FlashSpeechBody(FlashControls):
    """This is the body of Flash-TTS's variant of OpenAI's call."""

    model: Annotated[str | None, MODEL] = None
    input: Annotated[str, HONOURED]
    voice: Annotated[
        str | None, Effect("honoured", "a role, or a recording as base64, data URL or address")
    ] = None
    pitch: Annotated[
        float,
        Field(ge=0.25, le=4),
        Effect("approximated", "up to 0.5, below 1, below 2, below 3, and above: as the levels"),
    ] = 1.0
    speed: Annotated[Speed, HONOURED] = 1.0
    stream: Annotated[bool, HONOURED] = True


@router.post("/speak", response_class=Response)
async def speak(request: Request, services: ServicesDep, body: FlashSpeakBody) -> Response:
    """Speak a text in one of the roles."""
    voice = services.cast.voice_named(body.name)
    speech = body.request(body.text, voice, leveled_prosody(body.pitch, body.speed))
    return await _answer(request, services, body, speech)


@router.post("/clone_voice", response_class=Response)
async def clone_voice(
    request: Request,
    services: ServicesDep,
    body: Annotated[FlashCloneForm, Form(media_type="multipart/form-data")],
) -> Response:
    """Speak a text in the voice of a recording. Clone a voice only with its owner's consent."""
    clip = await reference(
        services,
        ("reference_audio", body.reference_audio),
        ("reference_audio_file", body.reference_audio_file),
        latent_file=body.latent_file,
    )
    speech = body.request(body.text, clip, leveled_prosody(body.pitch, body.speed))
    return await _answer(request, services, body, speech)


@router.post("/multi_speak", response_class=Response)
async def multi_speak(request: Request, services: ServicesDep, body: FlashDialogueBody) -> Response:
    """Speak a dialogue whose roles are named in tags."""
    if body.markup == "on" and ROLE_TAG not in body.text.lower():
        raise InvalidRequest(
            f"{Parameter.TEXT} names no role; write {ROLE_TAG}NAME> in front of what each one says",
            field=Parameter.TEXT,
        )
    speech = body.request(body.text, services.cast.voice_named(None), Prosody())
    return await _answer(request, services, body, speech)


@_openai_router.post("/v1/audio/speech", response_class=Response, include_in_schema=False)
async def create_speech(request: Request, services: ServicesDep, body: FlashSpeechBody) -> Response:
    """Speak a text for an OpenAI client that was made for Flash-TTS."""
    voice = await given_voice(services, body.voice)
    prosody = replace(leveled_prosody(_level(body.pitch), None), speed=body.speed)
    model = services.cast.model_named(body.model)
    speech = replace(body.request(body.input, voice, prosody), model=model)
    return await _answer(request, services, body, speech)


@router.get("/v1/models", include_in_schema=False)
async def list_models() -> dict[str, Any]:
    """List the one model."""
    model = {"id": flash_voices.MODEL, "object": "model", "created": 0, "owned_by": "kyutai"}
    return {"object": "list", "data": [model]}


@router.get("/v1/audio/voices", include_in_schema=False)
async def list_voices(services: ServicesDep) -> dict[str, Any]:
    """List the names of the roles."""
    return {"voices": services.voices.names()}


async def _answer(
    request: Request,
    services: Services,
    controls: FlashControls,
    speech: SpeechRequest,
) -> Response:
    audio = controls.audio_format()
    deliver = live_response if controls.stream else file_response
    return await deliver(request, services, speech, audio)


def _level(pitch: float) -> Level:
    """Turn a pitch factor into one of five levels, as Flash-TTS does."""
    if pitch <= 0.5:
        return "very_low"
    if pitch < 1:
        return "low"
    if pitch < 2:
        return "moderate"
    return "high" if pitch < 3 else "very_high"


router.routes.extend(_openai_router.routes)

SUPPORT = (
    *support_of("POST /speak", FlashSpeakBody),
    *support_of("POST /clone_voice", FlashCloneForm),
    *support_of("POST /multi_speak", FlashDialogueBody),
    *support_of("POST /v1/audio/speech", FlashSpeechBody),
    *flash_voices.SUPPORT,
)
