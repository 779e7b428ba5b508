"""Serves OVOS's GET /v2/synthesize."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from app.api.http.delivery import file_response
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.api.small.dialect import OVOS
from app.audio.formats import format_named
from app.ranges import NullIsUnset
from app.speech import SpeechRequest
from app.voices.details import language_code
from app.wording.support import HONOURED, Effect, support_of

SYNTHESIZE_PATH = "/v2/synthesize"

router = dialect_router(OVOS)


class OvosQuery(NullIsUnset):
    utterance: Annotated[str, HONOURED]
    lang: Annotated[str | None, Effect("honoured", "refused where no model here speaks it")] = None
    voice: Annotated[str | None, Effect("honoured", "a voice of this server")] = None


@router.get(SYNTHESIZE_PATH, response_class=Response)
async def synthesize(
    request: Request, services: ServicesDep, query: Annotated[OvosQuery, Query()]
) -> Response:
    """Speak a text; the answer is a complete WAV."""
    voice = None if query.voice == "default" else query.voice
    speech = SpeechRequest(
        query.utterance, services.cast.voice_named(voice), language=language_code(query.lang)
    )
    return await file_response(request, services, speech, format_named("wav"))


SUPPORT = support_of(f"GET {SYNTHESIZE_PATH}", OvosQuery)
