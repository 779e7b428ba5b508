"""Serves OpenAI's custom voices, and the recordings in which their owners consent."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from fastapi import Form, Query, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from app.api.http.clip_input import clip_from_upload
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.api.openai.dialect import DIALECT
from app.errors import ConsentNotFound, InvalidRequest
from app.services import Services
from app.voices.consents import Consent
from app.voices.details import VoiceDetails
from app.voices.titled import create_titled
from app.wording.support import HONOURED, Effect, support_of

MAX_LABEL_CHARS = 200

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
router = dialect_router(DIALECT, scope="voices")

Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARS)]
RECORDINGS_ONLY = Effect("refused", "this model makes voices from recordings only")


class CustomVoiceForm(BaseModel):
    name: Annotated[Label, Effect("honoured", "`id` is made of it")]
    audio_sample: Annotated[UploadFile | None, HONOURED] = None
    consent: Annotated[str | None, HONOURED] = Field(None, description="Id of a consent recording.")
    type: Annotated[str, Effect("honoured", "audio_sample; prompt is refused")] = "audio_sample"
    prompt: Annotated[str | None, RECORDINGS_ONLY] = None
    model: Annotated[str | None, RECORDINGS_ONLY] = None
    script_hint: Annotated[str | None, RECORDINGS_ONLY] = None


class ConsentForm(BaseModel):
    name: Annotated[Label, HONOURED]
    language: Annotated[str, HONOURED] = Field(description="A language tag such as en-US.")
    recording: Annotated[UploadFile, Effect("honoured", "kept, not listened to")]


class ConsentPage(BaseModel):
    limit: Annotated[int, HONOURED] = Field(20, ge=1, le=100)
    after: Annotated[str | None, HONOURED] = None


class ConsentChange(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Tess"}]})

    name: Annotated[Label, HONOURED]


@router.post("/v1/audio/voices")
async def create_voice(
    services: ServicesDep,
    body: Annotated[CustomVoiceForm, Form(media_type="multipart/form-data")],
) -> dict[str, Any]:
    """Make a voice of a recording whose owner agreed. `id` is its name everywhere else."""
    _refuse_prompts(body)
    if body.audio_sample is None:
        raise InvalidRequest("audio_sample is required", field="audio_sample")
    await _check_consent(services, body.consent)
    max_bytes = services.settings.max_upload_bytes
    clip = await clip_from_upload(body.audio_sample, max_bytes, field="audio_sample")
    details = VoiceDetails(consent=body.consent)
    voice = await create_titled(services.voices, body.name, [clip], details)
    return {
        "id": voice.name,
        "created_at": voice.details.created_unix,
        "name": body.name,
        "object": "audio.voice",
        "type": "audio_sample",
    }


@router.delete("/v1/audio/voices/{voice_id}")
async def delete_voice(services: ServicesDep, voice_id: str) -> dict[str, Any]:
    """Take a voice away, and with it the consent, unless another voice has the same."""
    name = await services.voices.delete(voice_id)
    return {"id": name, "deleted": True, "object": "audio.voice.deleted"}


@router.post("/v1/audio/voice_consents")
async def create_consent(
    services: ServicesDep,
    body: Annotated[ConsentForm, Form(media_type="multipart/form-data")],
) -> dict[str, Any]:
    """Keep a recording in which the owner of a voice agrees to its use."""
    if not _LANGUAGE_TAG.fullmatch(body.language):
        raise InvalidRequest("language must be a tag such as en-US", field="language")
    max_bytes = services.settings.max_upload_bytes
    recording = await clip_from_upload(body.recording, max_bytes, field="recording")
    await services.voices.check_recording(recording)
    add = services.consents.add
    consent = await services.pools.files.run(
        partial(add, recording.data, name=body.name, language=body.language)
    )
    return _shown(consent)


@router.get("/v1/audio/voice_consents")
async def list_consents(
    services: ServicesDep, query: Annotated[ConsentPage, Query()]
) -> dict[str, Any]:
    """List consents, the newest first; `after` is the id that the page before ended with."""
    found = await services.pools.files.run(services.consents.all)
    if query.after is not None:
        places = [place for place, consent in enumerate(found) if consent.id == query.after]
        if not places:
            raise InvalidRequest("after is no id of a consent", field="after")
        found = found[places[0] + 1 :]
    page = found[: query.limit]
    return {
        "object": "list",
        "data": [_shown(consent) for consent in page],
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
        "has_more": len(found) > query.limit,
    }


@router.get("/v1/audio/voice_consents/{consent_id}")
async def get_consent(services: ServicesDep, consent_id: str) -> dict[str, Any]:
    """Describe a consent."""
    return _shown(await services.pools.files.run(partial(services.consents.get, consent_id)))


@router.post("/v1/audio/voice_consents/{consent_id}")
async def rename_consent(
    services: ServicesDep, consent_id: str, body: ConsentChange
) -> dict[str, Any]:
    """Change a consent's label."""
    consents = services.consents
    return _shown(await services.pools.files.run(partial(consents.rename, consent_id, body.name)))


@router.delete("/v1/audio/voice_consents/{consent_id}")
async def delete_consent(services: ServicesDep, consent_id: str) -> dict[str, Any]:
    """Remove a consent and its recording."""
    await services.pools.files.run(partial(services.consents.delete, consent_id))
    return {"id": consent_id, "deleted": True, "object": "audio.voice_consent"}


def _refuse_prompts(body: CustomVoiceForm) -> None:
    if body.type != "audio_sample":
        raise InvalidRequest(
            "type must be audio_sample: this model makes voices from recordings only",
            field="type",
        )
    for field in ("prompt", "model", "script_hint"):
        if getattr(body, field) is not None:
            raise InvalidRequest(
                f"{field} is not understood: this model makes voices from recordings only",
                field=field,
            )


async def _check_consent(services: Services, consent_id: str | None) -> None:
    if not consent_id:
        raise InvalidRequest(
            "consent is required: the id of a recording sent to /v1/audio/voice_consents",
            field="consent",
        )
    try:
        await services.pools.files.run(partial(services.consents.get, consent_id))
    except ConsentNotFound as error:
        raise InvalidRequest(error.message, field="consent") from error


def _shown(consent: Consent) -> dict[str, Any]:
    return {
        "id": consent.id,
        "created_at": consent.created_at,
        "language": consent.language,
        "name": consent.name,
        "object": "audio.voice_consent",
    }


SUPPORT = (
    *support_of("POST /v1/audio/voices", CustomVoiceForm),
    *support_of("POST /v1/audio/voice_consents", ConsentForm),
    *support_of("GET /v1/audio/voice_consents", ConsentPage),
    *support_of("POST /v1/audio/voice_consents/{consent_id}", ConsentChange),
)
