"""Reads recordings from requests: uploaded files, base64, data URLs."""

from __future__ import annotations

import base64
import binascii
import re

from fastapi import UploadFile

from app.errors import Field, InvalidClip, Parameter, TooLarge, named
from app.speech import Clip
from app.work import NEVER_CANCELLED, CancelToken

_DATA_URL = re.compile(
    r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*)(;base64)?", re.ASCII | re.IGNORECASE
)
_MOST_HEADER_CHARS = 1000
"""What stands before the comma of a data URL: a type and a few parameters."""
# No name of a voice is this long, and no recording of a second is this short.
_MIN_BASE64_CHARS = 400
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_PIECE_CHARS = 1 << 18  # a multiple of four


def was_sent(upload: UploadFile) -> bool:
    """Tell whether a file was sent: browsers send an empty one for a field left open."""
    return bool(upload.filename or upload.size)


async def clip_from_upload(
    upload: UploadFile, max_bytes: int, *, field: Field = Parameter.CLIP
) -> Clip:
    """Read the recording in an uploaded file.

    Args:
        max_bytes: how large it may be.
        field: the request's field that holds it, for error messages.

    Raises:
        InvalidClip: it is empty.
        TooLarge: over `max_bytes`.
    """
    data = await upload.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise _too_large(field, max_bytes)
    if not data:
        raise InvalidClip(f"{field} is empty", field=field)
    return Clip(data, (upload.filename or "clip")[:100], field=field)


def is_recording(text: str) -> bool:
    """Tell whether a text is meant as a recording, rather than as the name of a voice."""
    beginning = text[:4096].strip()
    return _is_data_url(beginning) or (
        len(beginning) >= _MIN_BASE64_CHARS
        and _BASE64.fullmatch("".join(beginning.split())) is not None
    )


def clip_from_text(
    text: str,
    max_bytes: int,
    cancel: CancelToken = NEVER_CANCELLED,
    *,
    field: Field = Parameter.CLIP,
) -> Clip:
    """Decode the recording in a data URL or in plain base64.

    Call it on a worker thread: a long text takes a while.

    Args:
        max_bytes: how large the recording may be.
        cancel: ends the work when nobody waits for it.
        field: the request's field that holds it, for error messages.

    Raises:
        InvalidClip: it is neither, or is empty.
        TooLarge: over `max_bytes` once decoded.
    """
    text = text.strip()
    if not _is_data_url(text):
        return clip_from_base64(text, max_bytes, cancel, field=field)
    comma = text.find(",", 0, _MOST_HEADER_CHARS)
    # Only the header meets the expression, which takes memory for each parameter.
    match = None if comma < 0 else _DATA_URL.fullmatch(text[:comma])
    if match is None or match[3] is None:
        raise InvalidClip(f"{field} is a data URL without base64 audio", field=field)
    return clip_from_base64(text[comma + 1 :], max_bytes, cancel, field=field)


def clip_from_base64(
    text: str,
    max_bytes: int,
    cancel: CancelToken = NEVER_CANCELLED,
    *,
    field: Field = Parameter.CLIP,
) -> Clip:
    """Decode a recording in base64: standard or URL-safe, with or without padding and line breaks.

    Call it on a worker thread: a long text takes a while.

    Args:
        max_bytes: how large the recording may be.
        cancel: ends the work when nobody waits for it.
        field: the request's field that holds it, for error messages.

    Raises:
        InvalidClip: it is no base64, or is empty.
        TooLarge: over `max_bytes` once decoded.
    """
    if len(text) * 3 // 4 > max_bytes + max_bytes // 16 + 4:  # the surplus is for line breaks
        raise _too_large(field, max_bytes)
    compact = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    refusal = InvalidClip(f"{field} is not base64", field=field)
    if "=" in compact:
        raise refusal
    compact += "=" * (-len(compact) % 4)
    try:
        # Decoding holds the GIL; between two pieces other threads get their turn.
        pieces = []
        for start in range(0, len(compact), _PIECE_CHARS):
            cancel.check()
            piece = compact[start : start + _PIECE_CHARS]
            pieces.append(base64.b64decode(piece, validate=True))
    except (binascii.Error, ValueError):
        raise refusal from None
    data = b"".join(pieces)
    if not data:
        raise InvalidClip(f"{field} is empty", field=field)
    if len(data) > max_bytes:
        raise _too_large(field, max_bytes)
    return Clip(data, named(field), field=field)


def _is_data_url(text: str) -> bool:
    return text[:5].lower() == "data:"


def _too_large(field: Field, max_bytes: int) -> TooLarge:
    return TooLarge(f"{field} is larger than the {max_bytes} bytes allowed", field=field)
