"""Reads bodies: JSON that says what is wrong with it, and forms of any size, without blocking."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from app.api.http.asked import note_asked
from app.api.http.bodies import json_in
from app.api.http.percent import percent_decoded
from app.bounds import LONG_BODY_BYTES
from app.errors import InvalidRequest, Parameter, shortened
from app.files import scratch_failed
from app.network.connections import ClientLeft
from app.services import Services
from app.wording.encodings import NotText, charset_of, decoded_text
from app.work import HeldBytes

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000
ANSWER_IS_LIVE = "answer_is_live"
"""A request has this in its state once its answer will notice by itself that the client leaves."""


def is_form(content_type: str) -> bool:
    """Tell whether a Content-Type is that of a form."""
    return content_type.lower().startswith(("multipart/", URLENCODED))


class BodyRequest(Request):
    """Reads JSON in words for its sender, and forms of any size that `BodyLimit` lets through.

    Starlette refuses a form with a text of more than a megabyte, and decodes a urlencoded form in
    a single step: for a recording this would block the event loop for half a second.

    Args:
        held: counts the bytes of the body.
        words: what the client calls parameters.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        *,
        services: Services,
        held: HeldBytes,
        words: Mapping[Parameter, str],
    ) -> None:
        super().__init__(scope, receive)
        self._words = words
        self._services = services
        self._held = held
        self._is_read = asyncio.Event()
        if "transfer-encoding" not in self.headers and not self.headers.get(
            "content-length", "0"
        ).strip("0"):
            self._is_read.set()

    async def client_left(self) -> Any:
        """Wait until the body has been read, then until the client leaves.

        Raises:
            ClientLeft: it has, and no live answer has begun, which would notice that itself.
        """
        await self._is_read.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass
        if getattr(self.state, ANSWER_IS_LIVE, False):
            await asyncio.Event().wait()
        raise ClientLeft

    async def stream(self) -> AsyncGenerator[bytes, None]:
        if self._is_read.is_set():
            yield b""
            return
        async for piece in super().stream():
            self._held.take(len(piece))
            yield piece
        self._is_read.set()

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            body = await self.body()
            max_values = self._services.settings.max_json_values
            read = partial(json_in, body, self.headers.get("content-type", ""), max_values)
            is_long = len(body) > LONG_BODY_BYTES
            self._json = await self._services.pools.bodies.run(read) if is_long else read()
            note_asked(self._json, self._words)
        return self._json

    async def _get_form(self, **_limits: object) -> FormData:
        if self._form is None:
            try:
                self._form = await self._read_form()
                note_asked(self._form, self._words)
            except ClientDisconnect:
                raise ClientLeft from None
            except OSError as error:  # large files of a form wait on the disk
                raise scratch_failed(error) from error
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
            if body.lstrip()[:1] == b"{":  # what `curl -d` says of JSON, unless it is told better
                raise InvalidRequest(
                    f"the body is JSON, but Content-Type says {URLENCODED}; send "
                    "Content-Type: application/json"
                )
            return await self._services.pools.bodies.run(partial(urlencoded_form, body))
        if kind == MULTIPART:
            content_type = self.headers["content-type"]
            form = await _WholeForm(
                _without_charset(content_type),
                self.stream(),
                max_fields=MAX_FIELDS,
                max_part_size=sys.maxsize,
            ).parse()
            try:
                read = partial(_with_texts, form, charset_of(content_type))
                return await self._services.pools.bodies.run(read)
            except BaseException:
                await form.close()
                raise
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
        """Keep the bytes of a text: its encoding is found out later, as that may take a while."""
        if self._current_part.file is None:
            data: Any = bytes(self._current_part.data)
            self.items.append((self._current_part.field_name, data))
        else:
            super().on_part_end()

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._ended:
            for file in self._files_to_close_on_error:  # the last one is not in the form yet
                file.close()
            raise MultiPartException("it ends before its closing boundary")
        return form


def _without_charset(content_type: str) -> Headers:
    """Return the header of a form for Starlette, which would take any codec of Python's."""
    _, options = parse_options_header(content_type)
    if (boundary := options.get(b"boundary")) is None:
        return Headers({"content-type": MULTIPART})
    quoted = boundary.decode("latin-1").replace("\\", "\\\\").replace('"', '\\"')
    return Headers({"content-type": f'{MULTIPART}; boundary="{quoted}"'})


def _with_texts(form: FormData, charset: str | None) -> FormData:
    """Read the texts of a form, each in the encoding that it was written in."""
    # UTF-8 is what clients say that never looked.
    encoding = None if charset == "utf-8" else charset
    return FormData(
        [
            (name, _read_as_text(value, encoding) if isinstance(value, bytes) else value)
            for name, value in form.multi_items()
        ]
    )


def urlencoded_form(body: bytes) -> FormData:
    """Read a form as browsers send it, or what stands behind the ? of an address.

    Raises:
        InvalidRequest: it has too many fields, or one that is no text.
    """
    pairs = body.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise InvalidRequest(f"the form has more than the {MAX_FIELDS} fields allowed")
    named = (pair.partition(b"=") for pair in pairs if pair)
    return FormData([(_decoded(name), _decoded(value)) for name, _, value in named])


def _decoded(text: bytes) -> str:
    return _read_as_text(percent_decoded(text))


def _read_as_text(data: bytes, encoding: str | None = None) -> str:
    """Decode a field of a form that holds text.

    Raises:
        InvalidRequest: it is no text.
    """
    try:
        return decoded_text(data, encoding).text
    except NotText as error:
        raise InvalidRequest(f"a field of the form {error}; send it as UTF-8") from None
