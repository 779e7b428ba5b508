"""Checks a voice state that somebody sent, before the engine opens it."""

from __future__ import annotations

import json
import struct
from typing import Any, cast

from app.errors import Field, InvalidRequest, shortened
from app.speech_engine import VOICE_MODEL_KEY

_MAX_HEADER_BYTES = 1 << 20
_LENGTH_BYTES = 8
_ELEMENT_TYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float64"}
# Every server rounds its own states from float32, so states in it fit any server.
_EXACT = "float32"


def check_state_file(data: bytes, *, model: str, precision: str, field: Field) -> None:
    """Refuse a file that cannot be a voice state for this model, without giving it to any library.

    A safetensors file has the length of a JSON header as a 64-bit little-endian number, the header,
    then the tensors; see https://huggingface.co/docs/safetensors, "Format".

    Args:
        model: fingerprint of the loaded model.
        precision: element type of its voice states, such as `float32`.
        field: where the file stood in the request, for errors.

    Raises:
        InvalidRequest: the error says what the file is instead, or what it was made for.
    """
    header = _header(data, field)
    metadata = header.pop("__metadata__", None) or {}
    made_for = metadata.get(VOICE_MODEL_KEY) if isinstance(metadata, dict) else None
    if made_for is not None and made_for != model:
        raise InvalidRequest(
            f"{field} was made for another model ({shortened(str(made_for), 16)}); this server has "
            f"{shortened(model, 16)}; create the voice from its recording instead",
            field=field,
        )
    types = {
        _ELEMENT_TYPES.get(str(tensor.get("dtype")), shortened(str(tensor.get("dtype")), 16))
        for name, tensor in header.items()
        if isinstance(tensor, dict) and name.endswith("/cache")
    }
    if not types:
        raise InvalidRequest(f"{field} is a safetensors file, but no voice state", field=field)
    wrong = sorted(types - {precision, _EXACT})
    if wrong:
        raise InvalidRequest(
            f"{field} was made in {', '.join(wrong)}; this server's voices are in {precision}",
            field=field,
        )


def _header(data: bytes, field: Field) -> dict[str, Any]:
    if data[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise InvalidRequest(
            f"{field} is a pickled PyTorch file or an archive, which can run code when it is "
            "opened; only .safetensors files are read",
            field=field,
        )
    not_safetensors = InvalidRequest(f"{field} is not a safetensors file", field=field)
    if len(data) < _LENGTH_BYTES:
        raise not_safetensors
    (length,) = struct.unpack("<Q", data[:_LENGTH_BYTES])
    if length > min(_MAX_HEADER_BYTES, len(data) - _LENGTH_BYTES):
        raise not_safetensors
    try:
        header = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + length])
    except (ValueError, RecursionError):
        raise not_safetensors from None
    if not isinstance(header, dict):
        raise not_safetensors
    return cast("dict[str, Any]", header)
