"""Serves the API of xtts-api-server, which SillyTavern and others speak."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import ConfigDict

from app.api.http.access import is_public
from app.api.http.addresses import base_url
from app.api.http.delivery import file_response, live_response
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.api.small.dialect import DIALECT
from app.audio.formats import format_named
from app.ranges import NullIsUnset
from app.services import Services
from app.speech import SpeechRequest
from app.voices.details import language_code
from app.voices.store import Voice
from app.wording.support import HONOURED, Effect, Support, support_of

AUDIO_PATH = "/tts_to_audio"
STREAM_PATH = "/tts_stream"
_FILE_ENDING = ".wav"

router = dialect_router(DIALECT)
_lists = dialect_router(DIALECT, lists=True)


class XttsBody(NullIsUnset):
    """This is what is to be said; over HTTP GET the same fields are in the query."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Hello there.", "language": "en"}]}
    )

    text: Annotated[str, HONOURED]
    speaker_wav: Annotated[
        str | None, Effect("honoured", "a voice of this server, also with `.wav` behind its name")
    ] = None
    language: Annotated[str | None, Effect("honoured", "refused where no model here speaks it")] = (
        None
    )

    def request(self, services: Services) -> SpeechRequest:
        """Make this server's request."""
        voice = (self.speaker_wav or "").removesuffix(_FILE_ENDING) or None
        return SpeechRequest(
            self.text, services.cast.voice_named(voice), language=language_code(self.language)
        )


@router.post(AUDIO_PATH, response_class=Response)
async def tts_to_audio(request: Request, services: ServicesDep, body: XttsBody) -> Response:
    """Speak a text; the answer is a complete WAV."""
    return await file_response(request, services, body.request(services), format_named("wav"))


@router.get(STREAM_PATH, response_class=Response)
async def tts_stream(
    request: Request, services: ServicesDep, query: Annotated[XttsBody, Query()]
) -> Response:
    """Speak a text; the WAV is sent while it is being made."""
    return await live_response(request, services, query.request(services), format_named("wav"))


@router.post("/set_tts_settings", include_in_schema=False)
async def set_tts_settings() -> dict[str, str]:
    """Take settings, which would be those of all clients, and leave everything as it is."""
    return {"message": "This server has its own settings, and keeps them."}


@_lists.get("/speakers", include_in_schema=False)
async def list_speakers(request: Request, services: ServicesDep) -> list[dict[str, Any]]:
    """List the voices; without a key, the built-in ones."""
    address = base_url(request, services.settings)
    return [
        {
            "name": voice.name,
            "voice_id": voice.name,
            "preview_url": f"{address}/voices/{quote(voice.name)}/preview",
        }
        for voice in await _voices(request, services)
    ]


@_lists.get("/speakers_list", include_in_schema=False)
async def list_speaker_names(request: Request, services: ServicesDep) -> list[str]:
    """List the names of the voices."""
    return [voice.name for voice in await _voices(request, services)]


@_lists.get("/languages", include_in_schema=False)
async def list_languages(services: ServicesDep) -> dict[str, dict[str, str]]:
    """List the languages that are spoken here."""
    return {"languages": {code: code for code in services.cast.languages}}


async def _voices(request: Request, services: Services) -> list[Voice]:
    voices = await services.voices.all()
    return [each for each in voices if each.kind == "built-in" or not is_public(request)]


router.routes.extend(_lists.routes)

SUPPORT = (
    *support_of(f"POST {AUDIO_PATH}", XttsBody),
    *support_of(f"GET {STREAM_PATH}", XttsBody),
    Support("POST /set_tts_settings", "(all)", "without effect", "they are the server's own"),
)
