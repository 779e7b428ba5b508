"""Whose voice is to speak: a name, a recording, or where one can be fetched."""

from __future__ import annotations

import asyncio
import re

from app.api.http.clip_input import clip_from_text, is_recording
from app.errors import Field, InvalidRequest, Parameter
from app.services import Services
from app.speech import Clip

_ADDRESS = re.compile(r"\s*(?:https?|hf)://", re.IGNORECASE)


async def given_voice(services: Services, text: str | None) -> str | Clip:
    """The voice of a name, or the recording that stands in its place: as base64, as a data URL, or
    by its address.

    Raises:
        InvalidRequest: it is empty. InvalidClip, TooLarge: the recording. As `recording_at`.
    """
    if text is not None and (_ADDRESS.match(text) or is_recording(text)):
        return await given_recording(services, text, Parameter.VOICE)
    return services.cast.voice_named(text)


async def given_recording(services: Services, text: str, field: Field) -> Clip:
    """The recording that a text holds as base64 or as a data URL, or whose address it is.

    Args:
        field: where it stands in the request.

    Raises:
        InvalidClip, TooLarge, and as `recording_at`.
    """
    if _ADDRESS.match(text):
        return await recording_at(services, text.strip(), field)
    return await sent_recording(services, text, field)


async def sent_recording(services: Services, text: str, field: Field) -> Clip:
    """The recording that a text holds as base64 or as a data URL.

    Args:
        field: where it stands in the request.

    Raises:
        InvalidClip, TooLarge.
    """
    max_bytes = services.settings.max_upload_bytes
    return await asyncio.to_thread(clip_from_text, text, max_bytes, field=field)


async def recording_at(services: Services, url: str, field: Field = "url") -> Clip:
    """The recording at an https:// or hf:// address.

    Args:
        field: where the address stands in the request.

    Raises:
        InvalidRequest: this server fetches none, or there is none.
    """
    fetcher = services.fetcher
    if fetcher is None:
        raise InvalidRequest(
            f"{field} is not allowed on this server: its operator has to set "
            "ALLOW_VOICE_URLS=true; send the recording itself",
            field=field,
        )
    fetched = await asyncio.to_thread(fetcher.fetch, url, field=field)
    return Clip(fetched.data, fetched.filename, field=field)
