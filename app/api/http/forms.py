"""Reads bodies: JSON that says what is wrong with it, and forms of any size, without blocking."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from app.api.http.bodies import json_in
from app.connections import ClientLeft
from app.errors import InvalidRequest, shortened
from app.wording.encodings import NotText, decoded_text

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000

_PIECE_BYTES = 1 << 16


def is_form(content_type: str) -> bool:
    """Tell whether a Content-Type is that of a form."""
    return content_type.lower().startswith(("multipart/", URLENCODED))


class BodyRequest(Request):
    """Reads JSON in words for its sender, and forms of any size that `BodyLimit` lets through.

    Starlette refuses a form with a text of more than a megabyte, and decodes a urlencoded form in
    a single step: for a recording this would block the event loop for half a second.
    """

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = json_in(await self.body(), self.headers.get("content-type", ""))
        return self._json

    async def _get_form(self, **_limits: object) -> FormData:
        if self._form is None:
            try:
                self._form = await self._read_form()
            except ClientDisconnect:
                raise ClientLeft from None
            except MultiPartException as error:
                reason = error.message[:1].lower() + error.message[1:].rstrip(".")
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
        if kind == MULTIPART:
            return await _WholeForm(
                self.headers, self.stream(), max_fields=MAX_FIELDS, max_part_size=sys.maxsize
            ).parse()
        if not kind and not await self.body():
            return FormData()
        raise InvalidRequest(
            f"the body must be a form, sent as {MULTIPART} or {URLENCODED}; it is "
            f"{shortened(kind) or 'of no type'}"
        )


class _WholeForm(MultiPartParser):
    """Parses a form as Starlette does, but refuses one that was cut off."""

    _ended = False

    def on_end(self) -> None:
        self._ended = True

    def on_part_end(self) -> None:
        """Read a text in the encoding that it was written in; Starlette's takes it for Latin-1."""
        if self._current_part.file is None and self._charset == "utf-8":
            text = _read_as_text(bytes(self._current_part.data))
            self.items.append((self._current_part.field_name, text))
        else:
            super().on_part_end()

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._ended:
            for file in self._files_to_close_on_error:  # the last one is not in the form yet
                file.close()
            raise MultiPartException("it ends before its closing boundary")
        return form


def _urlencoded_form(body: bytes) -> FormData:
    pairs = body.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise InvalidRequest(f"the form has more than the {MAX_FIELDS} fields allowed")
    named = (pair.partition(b"=") for pair in pairs if pair)
    return FormData([(_decoded(name), _decoded(value)) for name, _, value in named])


def _decoded(text: bytes) -> str:
    decoded = b"".join(unquote_to_bytes(piece.replace(b"+", b" ")) for piece in _pieces(text))
    return _read_as_text(decoded)


def _read_as_text(data: bytes) -> str:
    """Decode a field of a form that holds text.

    Raises:
        InvalidRequest: it is no text.
    """
    try:
        return decoded_text(data).text
    except NotText as error:
        raise InvalidRequest(f"a field of the form {error}; send it as UTF-8") from None


def _pieces(text: bytes) -> Iterator[bytes]:
    """Split a text, so that other threads get their turn while it is decoded."""
    start = 0
    while start < len(text):
        end = start + _PIECE_BYTES
        # Keep an escape such as %2B in one piece.
        escape = text.rfind(b"%", end - 2, end)
        end = end if escape < 0 else escape
        yield text[start:end]
        start = end
