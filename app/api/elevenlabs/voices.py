"""Serves ElevenLabs' /v1/voices and /v2/voices, and the settings kept with a voice."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Form, Query, Request, UploadFile
from pydantic import BaseModel, Field

from app.api.elevenlabs.controls import DEFAULT_SETTINGS, VoiceSettings, kept_settings
from app.api.elevenlabs.dialect import DIALECT
from app.api.elevenlabs.search import VoiceSearch, category_of, labels_of, page_of
from app.api.http.addresses import base_url
from app.api.http.bodies import json_in
from app.api.http.clip_input import clip_from_upload, was_sent
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.errors import InvalidRequest, Parameter
from app.services import Services
from app.voices.details import (
    LANGUAGES,
    VoiceDetails,
    check_description,
    check_labels,
    language_code,
)
from app.voices.store import Voice
from app.voices.titled import create_titled
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, support_of

MAX_FILES = 25
"""ElevenLabs takes at most this many recordings of a voice."""

router = dialect_router(DIALECT, scope="voices")


class AddVoiceForm(BaseModel):
    name: Annotated[str, HONOURED] = Field(min_length=1, max_length=200)
    files: Annotated[list[UploadFile], HONOURED] = Field([], description="Recordings.")
    description: Annotated[str | None, HONOURED] = None
    labels: Annotated[
        str | None,
        Effect("honoured", "kept; `language` chooses the model where there are several"),
    ] = Field(None, description='A JSON object of texts, such as {"accent": "irish"}.')
    remove_background_noise: Annotated[bool | None, WITHOUT_EFFECT] = None


class EditVoiceForm(AddVoiceForm):
    files: Annotated[
        list[UploadFile], Effect("refused", "recordings cannot be added to a voice that is there")
    ] = []
    moderate_metadata: Annotated[bool | None, WITHOUT_EFFECT] = None


@router.get("/v1/voices")
async def list_voices(request: Request, services: ServicesDep) -> dict[str, Any]:
    """List every voice, the built-in ones first."""
    voices = await services.voices.all()
    return {"voices": [_shown(request, services, voice) for voice in voices]}


@router.get("/v2/voices")
async def search_voices(
    request: Request, services: ServicesDep, query: Annotated[VoiceSearch, Query()]
) -> dict[str, Any]:
    """Search the voices, page by page."""
    page = page_of(await services.voices.all(), query)
    return {
        "voices": [_shown(request, services, voice) for voice in page.voices],
        "has_more": page.next_page_token is not None,
        "total_count": page.total_count,
        "next_page_token": page.next_page_token,
    }


@router.post("/v1/voices/add")
async def add_voice(
    services: ServicesDep, body: Annotated[AddVoiceForm, Form(media_type="multipart/form-data")]
) -> dict[str, Any]:
    """Make a voice of recordings. Clone a voice only with its owner's consent."""
    details = _changed(VoiceDetails(), body)
    files = list(filter(was_sent, body.files))
    if not 1 <= len(files) <= MAX_FILES:
        raise InvalidRequest(
            f"files must be 1 to {MAX_FILES} recordings; there are {len(files)}", field="files"
        )
    max_bytes = services.settings.max_upload_bytes
    clips = [await clip_from_upload(file, max_bytes, field=Parameter.RECORDINGS) for file in files]
    voice = await create_titled(services.voices, body.name, clips, details)
    return {"voice_id": voice.name, "requires_verification": False}


@router.get("/v1/voices/settings/default")
async def default_settings() -> dict[str, Any]:
    """Return the settings of a voice that has none of its own."""
    return DEFAULT_SETTINGS.model_dump(exclude_none=True)


@router.get("/v1/voices/{voice_id}")
async def get_voice(request: Request, services: ServicesDep, voice_id: str) -> dict[str, Any]:
    """Describe a voice."""
    return _shown(request, services, await services.voices.get(voice_id))


@router.delete("/v1/voices/{voice_id}")
async def delete_voice(services: ServicesDep, voice_id: str) -> dict[str, str]:
    """Take a voice away. Speech that has begun goes on."""
    await services.voices.delete(voice_id)
    return {"status": "ok"}


@router.post("/v1/voices/{voice_id}/edit")
async def edit_voice(
    services: ServicesDep,
    voice_id: str,
    body: Annotated[EditVoiceForm, Form(media_type="multipart/form-data")],
) -> dict[str, str]:
    """Change a voice's title, description or labels; its id stays."""
    if any(map(was_sent, body.files)):
        raise InvalidRequest(
            "files cannot be added to a voice that is there; make a new one at /v1/voices/add",
            field="files",
        )

    def edit(details: VoiceDetails) -> VoiceDetails:
        return _changed(details, body)

    await services.voices.update(voice_id, edit)
    return {"status": "ok"}


@router.get("/v1/voices/{voice_id}/settings")
async def get_settings(services: ServicesDep, voice_id: str) -> dict[str, Any]:
    """Return the settings that a voice has where a request does not say."""
    voice = await services.voices.get(voice_id)
    return _shown_settings(voice.details)


@router.post("/v1/voices/{voice_id}/settings/edit")
async def edit_settings(
    services: ServicesDep, voice_id: str, body: VoiceSettings
) -> dict[str, str]:
    """Keep settings with a voice people made; what is not sent stays as it is."""
    sent = body.model_dump(exclude_none=True)

    def edit(details: VoiceDetails) -> VoiceDetails:
        kept = kept_settings(details).model_dump(exclude_none=True)
        return dataclasses.replace(details, voice_settings={**kept, **sent})

    await services.voices.update(voice_id, edit)
    return {"status": "ok"}


def _changed(details: VoiceDetails, body: AddVoiceForm) -> VoiceDetails:
    """Return the details with what a form changes; what it leaves out stays as it is.

    Raises:
        InvalidRequest: the description or the labels are not allowed.
    """
    details = dataclasses.replace(details, title=body.name)
    if body.description is not None:
        details = dataclasses.replace(details, description=check_description(body.description))
    labels = _labels(body.labels)
    if labels is None:
        return details
    code = language_code(labels.get("language"))
    language = code if code in LANGUAGES.values() else details.language
    return dataclasses.replace(details, labels=labels, language=language)


def _labels(text: str | None) -> dict[str, str] | None:
    """Decode labels from JSON, which the SDK may encode twice; None where there are none.

    Raises:
        InvalidRequest: they are not an object of texts.
    """
    found: object = text or None
    try:
        for _ in range(2):
            if isinstance(found, str):
                found = json_in(found.encode())
    except (json.JSONDecodeError, InvalidRequest):
        found = text
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise InvalidRequest("labels must be a JSON object of texts", field="labels")
    return check_labels(found)


def _shown(request: Request, services: Services, voice: Voice) -> dict[str, Any]:
    details = voice.details
    base = base_url(request, services.settings)
    return {
        "voice_id": voice.name,
        "name": details.title or voice.name,
        "samples": None,
        "category": category_of(voice),
        "labels": labels_of(voice),
        "description": details.description,
        "preview_url": f"{base}/voices/{quote(voice.name)}/preview",
        "available_for_tiers": [],
        "settings": _shown_settings(details),
        "sharing": None,
        "high_quality_base_model_ids": [],
        "is_owner": voice.kind == "custom",
        "created_at_unix": details.created_unix,
    }


def _shown_settings(details: VoiceDetails) -> dict[str, Any]:
    kept = kept_settings(details).model_dump(exclude_none=True)
    return {**DEFAULT_SETTINGS.model_dump(exclude_none=True), **kept}


SUPPORT = (
    *support_of("GET /v2/voices", VoiceSearch),
    *support_of("POST /v1/voices/add", AddVoiceForm),
    *support_of("POST /v1/voices/{voice_id}/edit", EditVoiceForm),
    *support_of("POST /v1/voices/{voice_id}/settings/edit", VoiceSettings),
)
