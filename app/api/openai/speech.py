"""Serves OpenAI's POST /v1/audio/speech, and the lists of models and voices for its clients."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from app.api.http.access import is_public
from app.api.http.delivery import file_response, live_response
from app.api.http.dependencies import ServicesDep
from app.api.http.live_events import EVENT_STREAM, speech_events
from app.api.http.routes import dialect_router
from app.api.http.voice_choice import given_recording, given_voice
from app.api.openai import live as openai_live
from app.api.openai import realtime as openai_realtime
from app.api.openai import voices as openai_voices
from app.api.openai.captioned import captioned_response
from app.api.openai.dialect import DIALECT
from app.api.openai.mistral import mistral_response
from app.errors import InvalidRequest, ModelNotFound, shortened
from app.ranges import AnyCase, Speed
from app.services import Services
from app.speaking.controls import SpeechControls
from app.speech import SPEECH_RATE_HZ, Clip
from app.voices.store import Voice
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, support_of

router = dialect_router(DIALECT)
_lists = dialect_router(DIALECT, lists=True)
_azure_router = dialect_router(DIALECT, only_if=lambda _scope: False)
"""Azure's paths are below /openai only; at the plain ones a `/v1` is missing."""
router.routes.extend(openai_voices.router.routes)

OPENAI_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm", "ogg")
JSON_FORMAT = "json"
"""As a format, JSON holds the audio as MP3, and the times of its words."""
OPENAI_MODELS = ("pocket-tts", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
"""Clients send these names; all of them mean the first model."""


def _voice_name(value: object) -> object:
    name = value.get("id") if isinstance(value, dict) else value
    if not isinstance(name, str):
        raise ValueError('must be a name, or {"id": name}')  # noqa: TRY004 - for pydantic
    return name


VoiceNameOrId = Annotated[
    str,
    BeforeValidator(_voice_name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
            ]
        }
    ),
]


class SpeechBody(SpeechControls):
    """This is OpenAI's body for speech; unknown fields are ignored, as its clients expect."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "pocket-tts", "voice": "alloy", "input": "Hello from Pocket TTS."}
            ]
        }
    )

    input: Annotated[str, HONOURED] = Field(
        description="The text to speak.", examples=["Hello from Pocket TTS."]
    )
    model: Annotated[
        str,
        Effect(
            "honoured",
            "a model of this server; any other name, too, and without a voice the name of one",
        ),
    ] = Field(
        "pocket-tts",
        description="One of the server's models, where it has several. Any other name means the "
        "first one; the name of a voice is that voice, if `voice` is left out.",
        examples=["pocket-tts"],
    )
    voice: Annotated[
        VoiceNameOrId | None,
        Effect("honoured", "OpenAI's names mean what OPENAI_VOICES says; also a recording"),
    ] = Field(
        None,
        description="A voice of this server, one of OpenAI's names, a recording in base64, or the "
        "address of one.",
        examples=["alloy"],
    )
    voice_id: Annotated[
        str | None, Effect("honoured", "Mistral's name for `voice`; it is answered in JSON")
    ] = Field(None, description="As `voice`, for Mistral's clients: the answer is their JSON.")
    ref_audio: Annotated[
        str | None, Effect("honoured", "Mistral's: a recording as base64; it is answered in JSON")
    ] = Field(None, description="A recording of the voice in base64, for Mistral's clients.")
    instructions: Annotated[
        str | None, Effect("without effect", "this model takes no directions")
    ] = None
    response_format: Annotated[str, HONOURED] = Field(
        "mp3", json_schema_extra={"enum": list(OPENAI_FORMATS)}
    )
    speed: Annotated[Speed, Effect("honoured", "by stretching time at constant pitch")] = Field(
        1.0, description="Pace at constant pitch; 2 is twice as fast."
    )
    stream_format: Annotated[
        Literal["audio", "sse"],
        AnyCase,
        Effect("honoured", "sse for every model; tokens as counted here"),
    ] = Field("audio", description="`sse` sends the audio as base64 in server-sent events.")
    timestamps: Annotated[
        Literal["none", "sentence", "word"],
        AnyCase,
        Effect("honoured", "with stream_format sse or response_format json"),
    ] = Field("none", description="Say when each sentence, or each word as well, is heard.")
    stream: Annotated[
        bool | None,
        Effect("honoured", "false waits for the end: a complete file; a live stream otherwise"),
    ] = Field(None, description="false sends a complete file, with its true length in the header.")

    @property
    def is_mistrals(self) -> bool:
        """Tell whether a client of Mistral's sends this, which waits for JSON."""
        return self.voice_id is not None or self.ref_audio is not None

    async def chosen_voice(self, services: Services) -> str | Clip:
        """Return who is to speak: a voice, a recording, or the voice that `model` names.

        Raises:
            InvalidRequest: several are named, or as in `given_voice`.
            InvalidClip, TooLarge: the recording cannot be used.
        """
        given = {
            name: value
            for name in ("voice", "voice_id", "ref_audio")
            if (value := getattr(self, name)) is not None
        }
        if len(set(given.values())) > 1:
            raise InvalidRequest(
                f"{' and '.join(given)} cannot all be sent; send one of them", field=[*given][-1]
            )
        if self.ref_audio is not None:
            return await given_recording(services, self.ref_audio, "ref_audio")
        voice = next(iter(given.values()), None)
        is_free = voice is None and services.cast.model_named(self.model) is None
        if is_free and services.cast.knows(self.model):
            voice = self.model
        return await given_voice(services, voice)


@_azure_router.post(
    "/deployments/{_deployment}/audio/speech", response_class=Response, include_in_schema=False
)
@_azure_router.post("/audio/speech", response_class=Response, include_in_schema=False)
@router.post("/v1/audio/speech", response_class=Response)
async def create_speech(request: Request, services: ServicesDep, body: SpeechBody) -> Response:
    """Speak a text; the audio is sent while it is being made, unless `stream` is false."""
    as_json = body.response_format.strip().lower() == JSON_FORMAT
    as_events = body.stream_format == "sse"
    if as_json and as_events:
        raise InvalidRequest(
            "response_format=json cannot be combined with stream_format=sse: choose one of them",
            field="response_format",
        )
    if body.timestamps != "none" and not (as_json or as_events):
        raise InvalidRequest(
            "timestamps need stream_format=sse or response_format=json: an answer that is the "
            "audio itself has no place for them",
            field="timestamps",
        )
    audio = body.audio_format("mp3" if as_json else body.response_format, allowed=OPENAI_FORMATS)
    speech = replace(
        body.request(body.input, await body.chosen_voice(services)),
        model=services.cast.model_named(body.model),
        timed=body.timestamps != "none",
    )
    if as_json:
        return await captioned_response(request, services, speech, audio, stream=bool(body.stream))
    if body.is_mistrals:
        return await mistral_response(request, services, speech, audio, stream=bool(body.stream))
    if body.stream is False:
        if as_events:
            raise InvalidRequest(
                "stream=false cannot be combined with stream_format=sse: events are a stream",
                field="stream",
            )
        return await file_response(request, services, speech, audio)
    return await live_response(
        request,
        services,
        speech,
        audio,
        wrapping=partial(speech_events, timestamps=body.timestamps) if as_events else None,
        media_type=EVENT_STREAM if as_events else None,
    )


class CaptionedBody(SpeechBody):
    """This is Kokoro-FastAPI's body for speech with timestamps."""

    stream: Annotated[
        bool | None,
        Effect("honoured", "a line of JSON for each piece of audio; false: one answer"),
    ] = Field(True, description="false sends one JSON document, with the complete audio.")
    return_timestamps: Annotated[bool, HONOURED] = Field(
        True, description="false leaves `timestamps` null."
    )
    return_download_link: Annotated[bool, WITHOUT_EFFECT] = False
    lang_code: Annotated[str | None, WITHOUT_EFFECT] = None
    volume_multiplier: Annotated[float | None, WITHOUT_EFFECT] = None
    normalization_options: Annotated[
        dict[str, Any] | None, Effect("approximated", "normalize: false leaves the text as it is")
    ] = None


@router.post("/dev/captioned_speech", response_class=Response)
async def create_captioned_speech(
    request: Request, services: ServicesDep, body: CaptionedBody
) -> Response:
    """Speak a text; the answer is JSON with the audio and when each word is heard."""
    audio = body.audio_format(body.response_format, allowed=OPENAI_FORMATS)
    normalize = body.normalize and (body.normalization_options or {}).get("normalize") is not False
    speech = replace(
        body.request(body.input, await body.chosen_voice(services)),
        model=services.cast.model_named(body.model),
        normalize=normalize,
        timed=body.return_timestamps,
    )
    return await captioned_response(
        request, services, speech, audio, stream=body.stream is not False
    )


@_lists.get("/v1/models")
async def list_models(services: ServicesDep) -> dict[str, Any]:
    """List the names that `model` may have."""
    return {"object": "list", "data": [_model_entry(services, each) for each in _names(services)]}


@_lists.get("/v1/models/{model}")
async def retrieve_model(request: Request, services: ServicesDep, model: str) -> dict[str, Any]:
    """Describe one of the names that `model` may have; clients of Speaches find the voices here."""
    names = _names(services)
    if model not in names:
        raise ModelNotFound(f"model {shortened(model)!r} does not exist; try {', '.join(names)}")
    return {
        **_model_entry(services, model),
        "task": "text-to-speech",
        "sample_rate": SPEECH_RATE_HZ,
        "language": services.cast.languages,
        "voices": [
            {"name": each.name, "language": each.details.language}
            for each in await _voices(request, services)
        ],
    }


@_lists.get("/v1/audio/models")
async def list_speech_models() -> dict[str, Any]:
    """List the names that `model` may have, in the shape that Open WebUI asks for."""
    return {"models": [{"id": name, "name": name} for name in OPENAI_MODELS]}


@_lists.get("/v1/audio/voices")
async def list_voices(request: Request, services: ServicesDep) -> dict[str, Any]:
    """List the voices that `voice` may name; without a key, the built-in ones."""
    voices = await _voices(request, services)
    return {
        "voices": [{"id": each.name, "name": each.details.title or each.name} for each in voices]
    }


async def _voices(request: Request, services: Services) -> list[Voice]:
    voices = await services.voices.all()
    return [each for each in voices if each.kind == "built-in" or not is_public(request)]


def _names(services: Services) -> tuple[str, ...]:
    """List what `model` may be: where there are several models, their own names as well."""
    several = services.cast.models if len(services.cast.models) > 1 else ()
    return (*OPENAI_MODELS, *several)


def _model_entry(services: Services, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "kyutai",
        # All other names mean the first model; this field tells which that is.
        "speaks_with": services.cast.model_named(name) or services.cast.current.model,
    }


router.routes.extend([*_lists.routes, *_azure_router.routes])
router.routes.extend([*openai_live.router.routes, *openai_realtime.router.routes])

SUPPORT = (
    *support_of(
        "POST /v1/audio/speech",
        SpeechBody,
        unmarked=Effect("honoured", "this server's own, in extra_body"),
    ),
    *support_of(
        "POST /dev/captioned_speech",
        CaptionedBody,
        unmarked=Effect("honoured", "this server's own"),
    ),
    *openai_voices.SUPPORT,
    *openai_live.SUPPORT,
    *openai_realtime.SUPPORT,
)
