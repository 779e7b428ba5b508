"""Serves POST /tts with a form, as `pocket-tts serve` does; with JSON it is the native call."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.types import Scope

from app.api.http.clip_input import clip_from_upload, was_sent
from app.api.http.delivery import file_response, live_response
from app.api.http.dependencies import ServicesDep
from app.api.http.forms import is_form
from app.api.http.routes import dialect_router
from app.api.http.voice_choice import given_voice
from app.api.pocket import live as pocket_live
from app.api.pocket.dialect import DIALECT
from app.audio.formats import format_named
from app.errors import InvalidRequest
from app.services import Services
from app.speaking.controls import Code, Formulas, Markup, Pronunciations, lexicons_of
from app.speech import Clip, SpeechRequest
from app.wording.support import (
    HONOURED,
    OWN_CODE,
    OWN_FORMULAS,
    OWN_MARKUP,
    OWN_PRONUNCIATIONS,
    Effect,
    support_of,
)


def _has_form(scope: Scope) -> bool:
    return is_form(Headers(scope=scope).get("content-type", ""))


router = dialect_router(DIALECT, only_if=_has_form)


class PocketForm(BaseModel):
    """This is the form of pocket-tts; fields not named here are ignored, as pocket-tts does."""

    text: Annotated[str, HONOURED]
    voice_url: Annotated[
        str | None,
        Effect(
            "honoured",
            "a voice of this server; an https:// or hf:// address if ALLOW_VOICE_URLS is set",
        ),
    ] = None
    voice_wav: Annotated[UploadFile | None, Effect("honoured", "in any common container")] = None
    stream: Annotated[
        bool,
        Effect(
            "honoured",
            "not a field of pocket-tts; false waits for a WAV that tells its length",
        ),
    ] = True
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    pronunciations: Annotated[Pronunciations, OWN_PRONUNCIATIONS] = Field(default_factory=dict)


@router.post("/tts", response_class=Response, include_in_schema=False)
async def speak(
    request: Request,
    services: ServicesDep,
    body: Annotated[PocketForm, Form(media_type="multipart/form-data")],
) -> Response:
    """Speak a text; the WAV is sent while it is being made, unless `stream` is false."""
    voice = await _chosen_voice(services, body)
    speech = SpeechRequest(
        body.text,
        voice,
        code=body.code,
        formulas=body.formulas,
        markup=body.markup == "on",
        lexicons=lexicons_of(body.pronunciations),
    )
    deliver = live_response if body.stream else file_response
    return await deliver(request, services, speech, format_named("wav"))


async def _chosen_voice(services: Services, body: PocketForm) -> str | Clip:
    """Return the name of a voice, or the recording, from whichever of the two fields was sent."""
    if body.voice_wav is None or not was_sent(body.voice_wav):
        return await given_voice(services, body.voice_url)
    if body.voice_url is not None:
        raise InvalidRequest(
            "voice_url and voice_wav cannot both be sent; send one of them", field="voice_wav"
        )
    max_bytes = services.settings.max_upload_bytes
    return await clip_from_upload(body.voice_wav, max_bytes)


router.routes.extend(pocket_live.router.routes)

SUPPORT = (*support_of("POST /tts", PocketForm), *pocket_live.SUPPORT)
