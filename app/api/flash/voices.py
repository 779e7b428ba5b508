"""Lists, makes and deletes Flash-TTS's roles, which are the voices of this server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, UploadFile
from pydantic import BaseModel

from app.api.flash.controls import SAMPLE_RATE_HZ
from app.api.flash.dialect import DIALECT
from app.api.http.clip_input import clip_from_upload, was_sent
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.api.http.voice_choice import given_recording
from app.errors import InvalidRequest
from app.services import Services
from app.speech import Clip
from app.voices.details import VoiceDetails
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, support_of

MODEL = "pocket-tts"

router = dialect_router(DIALECT, scope="voices")

LatentFile = Annotated[
    UploadFile | None,
    Effect("without effect", "belongs to another model; refused where no recording comes with it"),
]
ReferenceText = Annotated[str | None, WITHOUT_EFFECT]
RecordingText = Annotated[str | None, Effect("honoured", "base64, a data URL, or an address")]
RecordingFile = Annotated[UploadFile | None, Effect("honoured", "in any common container")]


class RoleForm(BaseModel):
    name: Annotated[str, Effect("honoured", "a role of that name is replaced, as Flash-TTS does")]
    audio: RecordingText = None
    audio_file: RecordingFile = None
    reference_text: ReferenceText = None
    latent_file: LatentFile = None


class RoleName(BaseModel):
    name: Annotated[str, HONOURED]


@router.get("/server_info")
async def server_info(services: ServicesDep) -> dict[str, Any]:
    """Tell of the model, its roles, and the sample rate of wav and pcm."""
    roles = services.voices.names()
    return {
        "success": True,
        "info": {"model": MODEL, "roles": roles, "sample_rate": SAMPLE_RATE_HZ},
    }


@router.get("/audio_roles")
async def audio_roles(services: ServicesDep) -> dict[str, Any]:
    """List the roles that `name` may have."""
    return {"success": True, "roles": services.voices.names()}


@router.post("/add_speaker")
async def add_speaker(
    services: ServicesDep, body: Annotated[RoleForm, Form(media_type="multipart/form-data")]
) -> dict[str, Any]:
    """Make a role of a recording."""
    clip = await reference(
        services,
        ("audio", body.audio),
        ("audio_file", body.audio_file),
        latent_file=body.latent_file,
    )
    voice, _ = await services.voices.create(body.name, [clip], VoiceDetails(), replace=True)
    return {"success": True, "role": voice.name}


@router.post("/delete_speaker")
async def delete_speaker(
    services: ServicesDep, body: Annotated[RoleName, Form()]
) -> dict[str, Any]:
    """Take a role away."""
    return {"success": True, "role": await services.voices.delete(body.name)}


async def reference(
    services: Services,
    text: tuple[str, str | None],
    file: tuple[str, UploadFile | None],
    *,
    latent_file: UploadFile | None,
) -> Clip:
    """Read the recording from one of two fields; if both were sent, the file wins.

    Args:
        text, file: the name of each field, and what was sent in it.
        latent_file: what was sent as an encoded voice, which this server cannot use.

    Raises:
        InvalidRequest: neither field was sent, or as in `given_recording`.
        InvalidClip, TooLarge: the recording cannot be used.
    """
    field, upload = file
    if upload is not None and was_sent(upload):
        max_bytes = services.settings.max_upload_bytes
        return await clip_from_upload(upload, max_bytes, field=field)
    if text[1] is not None:
        return await given_recording(services, text[1], text[0])
    reason = "" if latent_file is None else ": no voice can be made of a latent_file alone"
    raise InvalidRequest(f"{text[0]} or {field} is required{reason}", field=text[0])


SUPPORT = (
    *support_of("POST /add_speaker", RoleForm),
    *support_of("POST /delete_speaker", RoleName),
)
