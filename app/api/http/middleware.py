"""Gives every request an id, a bounded body and a line in the log."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.allowing import ANSWER_HEADERS, UNTIL_END
from app.api.http.dialect import Dialect
from app.api.http.security_headers import add_security_headers
from app.bounds import LOG_PATH_CHARACTERS
from app.errors import TooLarge, TooSlow, shortened
from app.request_record import Outcome, RequestRecord
from app.telemetry.requests import Requests

STANDSTILL_SECONDS = 60.0

CLIENT_CLOSED_REQUEST = 499
_POLITE_CODES = (1000, 1001, 1005)
"""Who closes a socket with one of these has heard enough, and who just goes away has not."""

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ANSWERS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


def request_id_of(scope: Scope) -> str:
    """Return the id of the request that `scope` belongs to."""
    return str(scope.get("state", {}).get("request_id", "none"))


class RequestContext:
    """Gives each request an id (the client's own where it sent a sane one) and logs its end.

    Args:
        at_work: a set that this keeps filled with the tasks of the requests that have not ended.
        dialect_of: returns the dialect that a request was spoken in.
        requests: makes the record of each request, and tells of its end.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        at_work: set[asyncio.Future[Any]],
        dialect_of: Callable[[Scope], Dialect],
        requests: Requests,
    ) -> None:
        self._app = app
        self._requests = requests
        self._at_work = at_work
        self._dialect_of = dialect_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        offered = headers.get("x-request-id", "")
        request_id = offered if _SANE_ID.fullmatch(offered) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        record = self._requests.begin(request_id, headers)
        ending = _Ending(scope.get("method", ""))
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)

        async def send_with_id(message: Message) -> None:
            if message["type"] in _ANSWERS:
                await _add_headers(MutableHeaders(scope=message), scope)
            ending.sent(message)
            record.sent(_size_bytes(message))
            await send(message)

        async def noted_receive() -> Message:
            message = await receive()
            record.bytes_in += _size_bytes(message)
            ending.received(message)
            return message

        try:
            with ExitStack() as until_end, record.is_current():
                scope["state"][UNTIL_END] = until_end
                await self._app(scope, noted_receive, send_with_id)
        except BaseException:
            ending.broken_off()
            raise
        finally:
            self._at_work.discard(task)
            if record.reason is None and ending.code is not None and 400 <= ending.code < 500:
                # A library has refused it: a preflight, or a range that no file has.
                record.refused(HTTPStatus(ending.code).name.lower())
            record.dialect = self._dialect_of(scope).name or "native"
            template = _template_of(scope)
            self._requests.end(
                record,
                scope.get("method", "WEBSOCKET"),
                template,
                ending.outcome(record),
                code=ending.code,
                shown=(template or _path_of(scope), ending.shown),
            )


class _Ending:
    """Finds out how a request ends, from the messages that go to and fro.

    Attributes:
        code: the status of the answer, 101 for a socket; None while there is none.
        shown: how it ended, as the log has it.
    """

    def __init__(self, method: str) -> None:
        self.code: int | None = None
        self.shown = "unanswered"
        self._has_body = method != "HEAD"
        self._complete = False
        self._bytes_to_come: int | None = None
        self._left = False
        self._broken = False

    def sent(self, message: Message) -> None:
        if message["type"] in _ANSWERS:
            code: int = message.get("status", 101)
            self.code, self.shown = code, str(code)
            length = Headers(scope=message).get("content-length")
            self._bytes_to_come = None if length is None else int(length)
            self._complete = not self._has_body
        elif message["type"] == "websocket.close":
            self.shown = f"{self.shown}, closed with {message.get('code', 1000)}"
        if message["type"] == "http.response.body" and self._bytes_to_come is not None:
            # A client that knows the length may close before it is told that this was all.
            self._bytes_to_come -= len(message.get("body", b""))
            self._complete = self._complete or self._bytes_to_come <= 0
        self._complete = self._complete or _ends_answer(message)

    def received(self, message: Message) -> None:
        if message["type"] == "websocket.disconnect" and self.shown == "101":
            code = message.get("code", 1005)
            self.shown = f"101, left with {code}"
            self._left = code not in _POLITE_CODES
        elif message["type"] == "http.disconnect" and self.shown == "200" and not self._complete:
            self.shown = "200, left"
            self._left = True

    def broken_off(self) -> None:
        if self.code is not None:
            self.shown = f"{self.shown}, broken off"
        self._broken = True

    def outcome(self, record: RequestRecord) -> Outcome:
        if self._left or self.code == CLIENT_CLOSED_REQUEST:
            return "left"
        if self._broken:
            return "broken off"
        return "refused" if record.reason is not None else "answered"


async def _add_headers(headers: MutableHeaders, scope: Scope) -> None:
    headers["x-request-id"] = request_id_of(scope)
    if more := scope["state"].get(ANSWER_HEADERS):
        headers.update(await more())
    add_security_headers(headers)


def _path_of(scope: Scope) -> str:
    """Return the path that was called, which a client may have made up."""
    path = shortened(scope["path"], LOG_PATH_CHARACTERS)
    return quote(path)  # decoded, it could put a line of its own into the log


def _template_of(scope: Scope) -> str | None:
    """Return the template of the path that was called; None where nothing is there."""
    template = getattr(scope.get("route"), "path", None)
    if template is None:
        return None
    prefix: str = scope.get("root_path", "").removeprefix(scope.get("app_root_path", ""))
    return f"{prefix}{template}"


def _ends_answer(message: Message) -> bool:
    is_body = message["type"] in ("http.response.body", "websocket.http.response.body")
    return is_body and not message.get("more_body", False)


def _size_bytes(message: Message) -> int:
    """Return the size of what a message carries: a part of a body, or a frame."""
    return (
        len(message.get("body") or b"")
        + len(message.get("bytes") or b"")
        + len((message.get("text") or "").encode())
    )


async def _in_time(receive: Receive) -> Message:
    try:
        async with asyncio.timeout(STANDSTILL_SECONDS):
            return await receive()
    except TimeoutError:
        raise TooSlow(
            f"nothing more of the request body came for {STANDSTILL_SECONDS:g} s"
        ) from None


class BodyLimit:
    """Refuses a body as soon as it exceeds the limit, and one of which nothing more comes.

    An answer before the end of the body says that the connection closes: what is left of the body
    is of use to nobody.

    Args:
        limit_bytes: returns the limit for a path and a Content-Type.
    """

    def __init__(self, app: ASGIApp, *, limit_bytes: Callable[[str, str], int]) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit_bytes = self._limit_bytes(scope["path"], headers.get("content-type", ""))
        declared = headers.get("content-length", "")
        declared_bytes = int(declared) if declared.isdigit() else 0
        too_large = TooLarge(f"the request body is larger than the {limit_bytes} bytes allowed")
        counted_bytes = 0
        complete = declared_bytes == 0 and "transfer-encoding" not in headers

        async def bounded_receive() -> Message:
            nonlocal counted_bytes, complete
            if declared_bytes > limit_bytes and not complete:
                raise too_large
            # After the body the next message is that the client has left: wait without a limit.
            message = await (receive() if complete else _in_time(receive))
            complete = complete or not message.get("more_body", False)
            counted_bytes += len(message.get("body", b""))
            if counted_bytes > limit_bytes:
                raise too_large
            return message

        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and not complete:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, bounded_receive, closing_send)
