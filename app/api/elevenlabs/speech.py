"""Serves the four kinds of ElevenLabs' POST /v1/text-to-speech/{voice_id}, and GET /v1/models."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field
from starlette.datastructures import Headers
from starlette.types import Scope

from app.api.elevenlabs import account as elevenlabs_account
from app.api.elevenlabs import dialogue as elevenlabs_dialogue
from app.api.elevenlabs import dialogue_live as elevenlabs_dialogue_live
from app.api.elevenlabs import dictionaries as elevenlabs_dictionaries
from app.api.elevenlabs import live as elevenlabs_live
from app.api.elevenlabs import multi_live as elevenlabs_multi_live
from app.api.elevenlabs import voices as elevenlabs_voices
from app.api.elevenlabs.characters import CharacterTimes, Heard
from app.api.elevenlabs.controls import (
    NEIGHBOUR,
    OutputQuery,
    SpokenBody,
    VoiceSettings,
    settings_support,
    speech_request,
)
from app.api.elevenlabs.dialect import DIALECT
from app.api.elevenlabs.formats import audio_format_of
from app.api.http.delivery import complete_answer, file_response, live_response, measured_headers
from app.api.http.dependencies import ServicesDep
from app.api.http.middleware import request_id_of
from app.api.http.routes import dialect_router
from app.audio.formats import AudioFormat
from app.services import Services
from app.speaking.encoded import LiveAudio
from app.speech import SpeechRequest
from app.voices.details import LANGUAGES
from app.wording.support import HONOURED, Effect, support_of

ELEVENLABS_MODELS = (
    "pocket-tts",
    "eleven_multilingual_v2",
    "eleven_flash_v2_5",
    "eleven_turbo_v2_5",
    "eleven_flash_v2",
    "eleven_turbo_v2",
    "eleven_monolingual_v1",
    "eleven_v3",
)
"""Clients send these names; all of them leave it to the server which model speaks."""

_SPEECH = "/v1/text-to-speech/{voice_id}"


class ElevenSpeechBody(SpokenBody):
    """This is ElevenLabs' body for speech; unknown fields are ignored, as its clients expect."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Hello.", "model_id": "eleven_flash_v2_5"}]}
    )

    text: Annotated[str, HONOURED] = Field(description="The text to speak.", examples=["Hello."])
    voice_settings: Annotated[VoiceSettings | None, Effect("honoured", "field by field")] = None
    next_text: Annotated[str | None, NEIGHBOUR] = None


def _has_key_header(scope: Scope) -> bool:
    return "xi-api-key" in Headers(scope=scope)


class Asked(NamedTuple):
    """The four calls have these arguments in common; they differ in how they answer."""

    request: Request
    services: Services
    speech: SpeechRequest
    audio: AudioFormat

    def timed(self) -> Asked:
        """Ask for the times of words as well."""
        return self._replace(speech=replace(self.speech, timed=True))


async def _asked(
    request: Request,
    services: ServicesDep,
    voice_id: str,
    query: Annotated[OutputQuery, Query()],
    body: ElevenSpeechBody,
) -> Asked:
    audio = audio_format_of(query.output_format)
    return Asked(request, services, await _request(services, voice_id, body), audio)


AskedDep = Annotated[Asked, Depends(_asked)]

_speech = dialect_router(DIALECT)
_models = dialect_router(DIALECT, only_if=_has_key_header)


@_speech.post(_SPEECH, response_class=Response)
async def convert(asked: AskedDep) -> Response:
    """Speak a text; the answer is the complete file."""
    return _numbered(asked.request, await file_response(*asked))


@_speech.post(f"{_SPEECH}/stream", response_class=Response)
async def stream(asked: AskedDep) -> Response:
    """Speak a text; the audio is sent while it is being made."""
    return _numbered(asked.request, await live_response(*asked))


@_speech.post(f"{_SPEECH}/with-timestamps")
async def convert_with_timestamps(asked: AskedDep) -> Response:
    """Speak a text; the answer has the complete file as base64, and the times of all characters."""
    made = await complete_answer(*asked.timed())

    def content_of() -> bytes:
        times = CharacterTimes(asked.speech.text)
        return _timed_json(made.read(), times.finish(made.marks, made.speech_seconds))

    content = await asked.services.pools.finishing.run(content_of)
    headers = measured_headers(made)
    return _numbered(
        asked.request, Response(content, media_type="application/json", headers=headers)
    )


@_speech.post(f"{_SPEECH}/stream/with-timestamps", response_class=Response)
async def stream_with_timestamps(asked: AskedDep) -> Response:
    """Speak a text; a line of JSON for each piece of audio, sent while it is being made.

    Characters come some tenths of a second after their audio; what is left comes without any.
    """
    response = await live_response(
        *asked.timed(), wrapping=_timed_lines, media_type="application/x-ndjson"
    )
    return _numbered(asked.request, response)


@_models.get("/v1/models", include_in_schema=False)
async def list_models(services: ServicesDep) -> list[dict[str, Any]]:
    """List the names that `model_id` may have, for requests with the header xi-api-key."""
    names = {code: name.capitalize() for name, code in LANGUAGES.items()}
    languages = [
        {"language_id": code, "name": names.get(code, code)} for code in services.cast.languages
    ]
    own = services.cast.models if len(services.cast.models) > 1 else ()
    return [_model_entry(name, languages, services) for name in (*ELEVENLABS_MODELS, *own)]


def _model_entry(
    model_id: str, languages: list[dict[str, str]], services: Services
) -> dict[str, Any]:
    max_chars = services.settings.max_script_chars
    speaks = services.cast.model_named(model_id) or "the model of the voice or of the language"
    return {
        "model_id": model_id,
        "name": "Pocket TTS",
        "description": f"Speaks with {speaks}.",
        "can_be_finetuned": False,
        "can_do_text_to_speech": True,
        "can_do_voice_conversion": False,
        "can_use_style": False,
        "can_use_speaker_boost": False,
        "serves_pro_voices": False,
        "token_cost_factor": 0.0,
        "requires_alpha_access": False,
        "max_characters_request_free_user": max_chars,
        "max_characters_request_subscribed_user": max_chars,
        "maximum_text_length_per_request": max_chars,
        "languages": languages,
    }


async def _request(services: Services, voice_id: str, body: ElevenSpeechBody) -> SpeechRequest:
    body.refuse_effects()
    return await speech_request(services, voice_id, body.text, body, body, body.voice_settings)


def _numbered(request: Request, response: Response) -> Response:
    """Add the header in which clients look for the id, to send it with their next text."""
    response.headers["request-id"] = request_id_of(request.scope)
    return response


def _timed_json(data: bytes, heard: Heard) -> bytes:
    return json.dumps(
        {
            "audio_base64": base64.b64encode(data).decode(),
            "alignment": heard.written.in_seconds(),
            "normalized_alignment": heard.spoken.in_seconds(),
        }
    ).encode()


async def _timed_lines(live: LiveAudio) -> AsyncGenerator[bytes, None]:
    times = CharacterTimes(live.utterance.request.text)
    async for data in live.body:
        yield _timed_json(data, times.take(live.marks.take())) + b"\n"
    rest = times.finish(live.marks.take(), live.utterance.spoken_seconds)
    if rest.written.characters:
        yield _timed_json(b"", rest) + b"\n"


router = APIRouter()
for _part in (
    _speech,
    _models,
    elevenlabs_voices.router,
    elevenlabs_dictionaries.router,
    elevenlabs_account.router,
    elevenlabs_live.router,
    elevenlabs_multi_live.router,
    elevenlabs_dialogue.router,
    elevenlabs_dialogue_live.router,
):
    router.routes.extend(_part.routes)

SUPPORT = (
    *(
        row
        for path in ("", "/stream", "/with-timestamps", "/stream/with-timestamps")
        for row in (
            *support_of(f"POST {_SPEECH}{path}", OutputQuery),
            *support_of(f"POST {_SPEECH}{path}", ElevenSpeechBody),
            *settings_support(f"POST {_SPEECH}{path}"),
        )
    ),
    *elevenlabs_voices.SUPPORT,
    *elevenlabs_dictionaries.SUPPORT,
    *elevenlabs_account.SUPPORT,
    *elevenlabs_live.SUPPORT,
    *elevenlabs_multi_live.SUPPORT,
    *elevenlabs_dialogue.SUPPORT,
    *elevenlabs_dialogue_live.SUPPORT,
)
