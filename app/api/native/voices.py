"""Serves /voices, where voices are listed, made, described, previewed and exported."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
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
from app.api.http.routes import REFUSALS, VoicesRoute
from app.api.http.voice_choice import recording_at, sent_recording
from app.audio.formats import format_named
from app.errors import InvalidRequest, Parameter, VoiceExists
from app.ranges import AnyCase
from app.services import Services
from app.speech import Clip
from app.voices.details import VoiceDetails, check_description, check_language, check_tags
from app.voices.listing import STATE_SUFFIX
from app.voices.store import Voice

MAX_RECORDINGS = 16

router = APIRouter(
    route_class=VoicesRoute, dependencies=documented_key, tags=["voices"], responses=REFUSALS
)


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


# Forms send an empty text for a field that was left open.
OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
Tags = Annotated[list[str], BeforeValidator(_listed)]


class Described(BaseModel):
    """These fields describe a voice."""

    model_config = ConfigDict(extra="forbid")

    description: OptionalText = Field(None, examples=["Warm, a little hoarse"])
    tags: Tags = Field([], description="Repeated, or separated by commas.", examples=[["narrator"]])
    language: OptionalText = Field(
        None, description="en, fr, de, pt, it, es or nl.", examples=["en"]
    )

    def details(self) -> VoiceDetails:
        """Check the description, the tags and the language.

        Raises:
            InvalidRequest: one of them is not allowed.
        """
        return VoiceDetails(
            description=check_description(self.description),
            tags=check_tags(self.tags),
            language=check_language(self.language),
        )


class NamedVoice(Described):
    """These fields are in every form that makes a voice."""

    name: str = Field(description="1 to 64 letters, digits, '_', '-' or '.'.", examples=["tess"])
    replace: bool = Field(
        False,
        description="Whether a voice of this name may be replaced; what is not said "
        "of the new one stays.",
    )


class VoiceForm(NamedVoice):
    files: list[UploadFile] = Field([], description="One or several recordings of the voice.")
    audio_base64: OptionalText = Field(None, description="A recording in base64 instead.")
    url: OptionalText = Field(None, description="Or its https:// or hf:// address.")


class ImportForm(NamedVoice):
    file: UploadFile = Field(description="A voice state (.safetensors) of the same model.")


class VoiceChange(Described):
    """These fields are changed; those that are not sent stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"description": "Warm, a little hoarse", "language": "en"}]}
    )

    name: str | None = Field(None, description="A new name.")


@router.get("/voices")
async def list_voices(request: Request, services: ServicesDep) -> dict[str, Any]:
    """List every voice, the built-in ones first; `spoken_by` is whom one hears in its place."""
    voices = await services.voices.all()
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
    with _saying_how_to_replace():
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
    with _saying_how_to_replace():
        voice = await services.voices.import_state(
            body.name, state.data, details, replace=body.replace
        )
    return _created(request, services, voice)


@router.get("/voices/{name}")
async def get_voice(request: Request, services: ServicesDep, name: str) -> dict[str, Any]:
    """Describe a voice, and report what was done to its recordings."""
    voice = await services.voices.get(name)
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
    """Fetch a few words spoken in this voice."""
    voice = await services.voices.get(name)
    audio = format_named(format)
    sample = await while_connected(request, services.previews.sample_of(voice, audio))
    return Response(
        sample.data,
        media_type=audio.media_type,
        headers={
            "Cache-Control": "private, no-cache",
            "X-TTS-Model": quote(sample.model),
            "Content-Disposition": _disposition("inline", f"{voice.name}{audio.extension}"),
        },
    )


@router.get("/voices/{name}/export", response_class=Response)
async def export(services: ServicesDep, name: str) -> Response:
    """Fetch the voice as a file that this server can import and pocket-tts can read."""
    name, data = await services.voices.export(name)
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"Content-Disposition": _disposition("attachment", f"{name}{STATE_SUFFIX}")},
    )


async def _recordings(services: Services, body: VoiceForm) -> list[Clip]:
    """Read the recordings from the one field of three that was sent.

    Raises:
        InvalidRequest: none of the fields was sent, or several were.
    """
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
    if len(body.files) > MAX_RECORDINGS:
        raise InvalidRequest(f"files are at most {MAX_RECORDINGS}; send fewer", field="files")
    max_bytes = services.settings.max_upload_bytes
    return [
        await clip_from_upload(file, max_bytes, field=Parameter.RECORDINGS) for file in body.files
    ]


@contextmanager
def _saying_how_to_replace() -> Iterator[None]:
    try:
        yield
    except VoiceExists as error:
        raise VoiceExists(error.name, "; send replace=true to replace it") from None


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
    """Write a Content-Disposition header for a file name in any script (RFC 6266)."""
    plain = filename.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"
