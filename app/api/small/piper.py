"""Serves the POST / of Piper's HTTP server."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from app.api.http.delivery import file_response
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.api.small.dialect import PIPER
from app.audio.formats import format_named
from app.ranges import NullIsUnset
from app.speech import Prosody, SpeechRequest
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, support_of

router = dialect_router(PIPER)


class PiperBody(NullIsUnset):
    """This is Piper's body; unknown fields are ignored, as Piper does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello there."}]})

    text: Annotated[str, HONOURED]
    voice: Annotated[str | None, Effect("honoured", "a voice of this server")] = None
    speaker: Annotated[str | None, WITHOUT_EFFECT] = None
    speaker_id: Annotated[int | None, WITHOUT_EFFECT] = None
    length_scale: Annotated[
        Annotated[float, Field(ge=0.25, le=4)],
        Effect("honoured", "by stretching time at constant pitch; 2 is half as fast"),
    ] = 1.0
    noise_scale: Annotated[float | None, WITHOUT_EFFECT] = None
    noise_w_scale: Annotated[float | None, WITHOUT_EFFECT] = None


@router.post("/", response_class=Response)
async def synthesize(request: Request, services: ServicesDep, body: PiperBody) -> Response:
    """Speak a text; the answer is a complete WAV."""
    speech = SpeechRequest(
        body.text,
        services.cast.voice_named(body.voice),
        prosody=Prosody(speed=1 / body.length_scale),
    )
    return await file_response(request, services, speech, format_named("wav"))


SUPPORT = support_of("POST /", PiperBody)
