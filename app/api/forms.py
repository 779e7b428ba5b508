"""Forms of any size, read without holding up the event loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from fastapi import Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.api.error_handlers import ClientLeft
from app.errors import InvalidRequest, shortened

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000

_PIECE_BYTES = 1 << 16


def is_form(content_type: str) -> bool:
    return content_type.lower().startswith(("multipart/", URLENCODED))


class FormRequest(Request):
    """A request whose form may be as large as its body, which is bounded while it is read.

    Starlette refuses any text of more than a megabyte in a form, and decodes the text of a
    urlencoded one in a single step: half a second for a recording, in which nobody is served.
    """

    async def _get_form(self, **_limits: object) -> FormData:
        if self._form is None:
            try:
                self._form = await self._read_form()
            except ClientDisconnect:
                raise ClientLeft from None
            except HTTPException as error:
                reason = error.detail[:1].lower() + error.detail[1:].rstrip(".")
                raise InvalidRequest(
                    f"the body is not a valid form: {reason}; let your HTTP library write both the "
                    "form and its Content-Type, as `curl -F` does"
                ) from None
        return self._form

    async def _read_form(self) -> FormData:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == URLENCODED:
            body = b"".join([piece async for piece in self.stream()])
            return await asyncio.to_thread(_urlencoded_form, body)
        if kind in ("", MULTIPART):
            return await super()._get_form(max_fields=MAX_FIELDS, max_part_size=sys.maxsize)
        raise InvalidRequest(
            f"the body must be a form, sent as {MULTIPART} or {URLENCODED}; it is {shortened(kind)}"
        )


def _urlencoded_form(body: bytes) -> FormData:
    pairs = body.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise InvalidRequest(f"the form has more than the {MAX_FIELDS} fields allowed")
    named = (pair.partition(b"=") for pair in pairs if pair)
    return FormData([(_decoded(name), _decoded(value)) for name, _, value in named])


def _decoded(text: bytes) -> str:
    decoded = b"".join(map(unquote_to_bytes, _pieces(text.replace(b"+", b" "))))
    return decoded.decode("utf-8", "replace")


def _pieces(text: bytes) -> Iterator[bytes]:
    """Between two of them other threads have their turn."""
    start = 0
    while start < len(text):
        end = start + _PIECE_BYTES
        # An escape such as %2B stays in one piece.
        escape = text.rfind(b"%", end - 2, end)
        end = end if escape < 0 else escape
        yield text[start:end]
        start = end
