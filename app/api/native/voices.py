"""Voices people keep: /voices, where they are listed, made, described, heard and carried away."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.api.http.access import documented_key
from app.api.http.addresses import base_url
from app.api.http.clip_input import clip_from_upload
from app.api.http.delivery import while_connected
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import REFUSALS, KeyedRoute
from app.api.http.voice_choice import recording_at, sent_recording
from app.audio.formats import format_named
from app.errors import InvalidRequest, Parameter
from app.ranges import AnyCase
from app.services import Services
from app.speech import Clip
from app.voices.details import VoiceDetails, check_description, check_language, check_tags
from app.voices.store import Voice

MAX_FILES = 16
STATE_SUFFIX = ".safetensors"

router = APIRouter(
    route_class=KeyedRoute, dependencies=documented_key, tags=["voices"], responses=REFUSALS
)


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


# Forms send an empty text for what was left open.
Optional = Annotated[str | None, BeforeValidator(_none_if_empty)]
Tags = Annotated[list[str], BeforeValidator(_listed)]


class Described(BaseModel):
    model_config = ConfigDict(extra="forbid")

    description: Optional = Field(None, examples=["Warm, a little hoarse"])
    tags: Tags = Field([], description="Repeated, or separated by commas.", examples=[["narrator"]])
    language: Optional = Field(None, description="en, fr, de, pt, it, es or nl.", examples=["en"])

    def details(self) -> VoiceDetails:
        """Raises: InvalidRequest."""
        return VoiceDetails(
            description=check_description(self.description),
            tags=check_tags(self.tags),
            language=check_language(self.language),
        )


class NewVoice(Described):
    name: str = Field(description="1 to 64 letters, digits, '_', '-' or '.'.", examples=["anna"])
    replace: bool = Field(
        False,
        description="Whether a voice of this name may be replaced; what is not said "
        "of the new one stays.",
    )


class VoiceForm(NewVoice):
    files: list[UploadFile] = Field([], description="One or several recordings of the voice.")
    audio_base64: Optional = Field(None, description="A recording in base64 instead.")
    url: Optional = Field(None, description="Or its https:// or hf:// address.")


class ImportForm(NewVoice):
    file: UploadFile = Field(description="A voice state (.safetensors) of the same model.")


class VoiceChange(Described):
    """What is not sent stays as it is."""

    name: str | None = Field(None, description="A new name.")


@router.get("/voices")
async def list_voices(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Every voice, the built-in ones first; `spoken_by` is whom one hears in its place."""
    voices = await services.voices.voices()
    return {"voices": [_shown(request, services, voice) for voice in voices]}


@router.post("/voices", status_code=201)
async def create_voice(
    request: Request,
    services: ServicesDep,
    body: Annotated[VoiceForm, Form(media_type="multipart/form-data")],
) -> JSONResponse:
    """Make a voice of recordings; they are trimmed, levelled and joined, and the report says how.

    Clone a voice only with its owner's consent.
    """
    details = body.details()
    store = services.voices
    clips = await _recordings(services, body)
    if clips[0].filename.lower().endswith(STATE_SUFFIX):
        voice = await store.import_state(
            body.name, clips[0].data, details, replace=body.replace, field=clips[0].field
        )
    else:
        voice, _ = await store.create(body.name, clips, details, replace=body.replace)
    return _created(request, services, voice)


@router.post("/voices/import", status_code=201)
async def import_voice(
    request: Request,
    services: ServicesDep,
    body: Annotated[ImportForm, Form(media_type="multipart/form-data")],
) -> JSONResponse:
    """Take in a voice state that /voices/{name}/export or pocket-tts has written."""
    details = body.details()
    max_bytes = services.settings.max_upload_bytes
    state = await clip_from_upload(body.file, max_bytes, field=Parameter.STATE)
    voice = await services.voices.import_state(body.name, state.data, details, replace=body.replace)
    return _created(request, services, voice)


@router.get("/voices/{name}")
async def get_voice(request: Request, services: ServicesDep, name: str) -> dict[str, Any]:
    """One voice, and what was done to its recordings."""
    voice = await services.voices.voice(name)
    return _shown(request, services, voice, report=True)


@router.patch("/voices/{name}")
async def change_voice(
    request: Request, services: ServicesDep, name: str, body: VoiceChange
) -> dict[str, Any]:
    """Rename or describe a voice."""
    asked = body.details()
    changes = {field: getattr(asked, field) for field in body.model_fields_set if field != "name"}

    def edit(details: VoiceDetails) -> VoiceDetails:
        return dataclasses.replace(details, **changes)

    voice = await services.voices.update(name, edit, new_name=body.name)
    return _shown(request, services, voice, report=True)


@router.delete("/voices/{name}")
async def delete_voice(services: ServicesDep, name: str) -> dict[str, Any]:
    """Take a voice away. Speech that has begun goes on."""
    return {"name": await services.voices.delete(name), "deleted": True}


@router.get("/voices/{name}/preview", response_class=Response)
async def preview(
    request: Request,
    services: ServicesDep,
    name: str,
    format: Annotated[Literal["mp3", "wav"], AnyCase] = "mp3",  # noqa: A002
) -> Response:
    """A few words in this voice."""
    voice = await services.voices.voice(name)
    audio = format_named(format)
    data = await while_connected(request, services.previews.of(voice, audio))
    return Response(
        data,
        media_type=audio.media_type,
        headers={
            "Cache-Control": "private, no-cache",
            "X-TTS-Model": quote(services.cast.current.model),
            "Content-Disposition": _disposition("inline", f"{voice.name}{audio.extension}"),
        },
    )


@router.get("/voices/{name}/export", response_class=Response)
async def export(services: ServicesDep, name: str) -> Response:
    """The voice as a file that this server imports and pocket-tts reads."""
    name, data = await services.voices.export(name)
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"Content-Disposition": _disposition("attachment", f"{name}{STATE_SUFFIX}")},
    )


async def _recordings(services: Services, body: VoiceForm) -> list[Clip]:
    """The recordings in the one field that was used; exactly one may be."""
    sent = [
        field
        for field, value in (
            ("files", body.files),
            ("audio_base64", body.audio_base64),
            ("url", body.url),
        )
        if value
    ]
    if len(sent) != 1:
        raise InvalidRequest(
            f"send one of files, audio_base64 and url; {' and '.join(sent) or 'none'} was sent",
            field=sent[1] if sent else "files",
        )
    if body.audio_base64:
        return [await sent_recording(services, body.audio_base64, "audio_base64")]
    if body.url:
        return [await recording_at(services, body.url)]
    if len(body.files) > MAX_FILES:
        raise InvalidRequest(f"files are at most {MAX_FILES}; send fewer", field="files")
    max_bytes = services.settings.max_upload_bytes
    return [
        await clip_from_upload(file, max_bytes, field=Parameter.RECORDINGS) for file in body.files
    ]


def _created(request: Request, services: Services, voice: Voice) -> JSONResponse:
    shown = _shown(request, services, voice, report=True)
    return JSONResponse(shown, 201, {"Location": f"/voices/{quote(voice.name)}"})


def _shown(
    request: Request, services: Services, voice: Voice, *, report: bool = False
) -> dict[str, Any]:
    details = voice.details
    base = base_url(request, services.settings)
    shown: dict[str, Any] = {
        "name": voice.name,
        "title": details.title,
        "kind": voice.kind,
        "spoken_by": voice.spoken_by or voice.name,
        "language": details.language,
        "tags": list(details.tags),
        "description": details.description,
        "created": details.created,
        "reference_seconds": details.reference_seconds,
        "preview_url": f"{base}/voices/{quote(voice.name)}/preview",
    }
    return {**shown, "report": details.report} if report else shown


def _disposition(kind: str, filename: str) -> str:
    """Content-Disposition of a name in any script (RFC 6266)."""
    plain = filename.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"
