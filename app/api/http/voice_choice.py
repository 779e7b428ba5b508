"""Whose voice is to speak: a name, a recording, or where one can be fetched."""

from __future__ import annotations

import asyncio
import re

from app.api.http.clip_input import clip_from_text, is_recording
from app.errors import InvalidRequest
from app.services import Services
from app.speech import Clip

_ADDRESS = re.compile(r"\s*(?:https?|hf)://", re.IGNORECASE)


def named_voice(services: Services, name: str | None, field: str = "voice") -> str:
    """The voice that a caller's name means; OPENAI_VOICES are other names for some of them.

    A name that means nothing is returned as it is, and refused when the speech is prepared.

    Args:
        name: None for the default voice.

    Raises:
        InvalidRequest: it is empty.
    """
    if name is None:
        return services.settings.default_voice
    if not name.strip():
        raise InvalidRequest(f"{field} must not be empty", field=field)
    if name in services.voices.names():
        return name
    return services.settings.openai_voices.get(name.strip().lower(), name)


async def given_voice(services: Services, text: str | None, field: str) -> str | Clip:
    """The voice of a name, or the recording that stands in its place: as base64, as a data URL, or
    by its address.

    Args:
        field: the caller's name for the text, for errors.

    Raises:
        InvalidRequest: it is empty. InvalidClip, TooLarge: the recording. As `recording_at`.
    """
    if text is None:
        return named_voice(services, None, field)
    if _ADDRESS.match(text):
        return await recording_at(services, text.strip(), field)
    if is_recording(text):
        return await sent_recording(services, text, field)
    return named_voice(services, text, field)


async def given_recording(services: Services, text: str, field: str) -> Clip:
    """The recording that a text holds as base64 or as a data URL, or whose address it is.

    Raises:
        InvalidClip, TooLarge, and as `recording_at`.
    """
    if _ADDRESS.match(text):
        return await recording_at(services, text.strip(), field)
    return await sent_recording(services, text, field)


async def sent_recording(services: Services, text: str, field: str) -> Clip:
    """The recording that a text holds as base64 or as a data URL.

    Raises:
        InvalidClip, TooLarge.
    """
    max_bytes = services.settings.max_upload_bytes
    return await asyncio.to_thread(clip_from_text, text, field, max_bytes)


async def recording_at(services: Services, url: str, field: str = "url") -> Clip:
    """The recording at an https:// or hf:// address.

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
    return Clip(fetched.data, fetched.filename)
