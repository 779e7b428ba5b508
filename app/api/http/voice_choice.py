"""Finds out whose voice is to speak: a request gives a name, a recording, or a recording's URL."""

from __future__ import annotations

import re
from functools import partial

from app.api.http.clip_input import clip_from_text, is_recording
from app.errors import Field, InvalidRequest, Parameter
from app.services import Services
from app.speech import Clip

_ADDRESS = re.compile(r"\s*(?:https?|hf)://", re.IGNORECASE)
_LOOKED_AT_CHARS = 100
"""An address begins within these, whatever white space stands before it."""


async def given_voice(services: Services, text: str | None) -> str | Clip:
    """Return the name of a voice, or the recording that a request gives in its place.

    Args:
        text: a name, or a recording in base64, as a data URL, or by its address. None is the
            default voice.

    Raises:
        InvalidRequest: the name is empty, or as in `recording_at`.
        InvalidClip, TooLarge: the recording cannot be used.
    """
    if text is not None and (_is_address(text) or is_recording(text)):
        return await given_recording(services, text, Parameter.VOICE)
    return services.cast.voice_named(text)


async def given_recording(services: Services, text: str, field: Field) -> Clip:
    """Return the recording in a text: in base64, as a data URL, or by its address.

    Args:
        field: the request's field that holds the text, for error messages.

    Raises:
        InvalidClip, TooLarge: the recording cannot be used.
        InvalidRequest: as in `recording_at`.
    """
    if _is_address(text):
        return await recording_at(services, text.strip(), field)
    return await sent_recording(services, text, field)


async def sent_recording(services: Services, text: str, field: Field) -> Clip:
    """Decode, on a thread, the recording that a text holds in base64 or as a data URL.

    Args:
        field: the request's field that holds the text, for error messages.

    Raises:
        InvalidClip, TooLarge: the recording cannot be used.
    """
    max_bytes = services.settings.max_upload_bytes
    decode = partial(clip_from_text, text, max_bytes, field=field)
    return await services.pools.bodies.run_cancellable(decode)


async def recording_at(services: Services, url: str, field: Field = "url") -> Clip:
    """Fetch the recording at an https:// or hf:// address.

    Args:
        field: the request's field that holds the address, for error messages.

    Raises:
        InvalidRequest: this server fetches no recordings, or none could be fetched.
    """
    fetcher = services.fetcher
    if fetcher is None:
        raise InvalidRequest(
            f"{field} is not allowed on this server: its operator has to set "
            "ALLOW_VOICE_URLS=true; send the recording itself",
            field=field,
        )
    fetch = partial(fetcher.fetch, url, field=field)
    fetched = await services.pools.fetching.run_cancellable(fetch)
    return Clip(fetched.data, fetched.filename, field=field)


def _is_address(text: str) -> bool:
    return _ADDRESS.match(text, 0, _LOOKED_AT_CHARS) is not None
