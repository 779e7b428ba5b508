"""Gives every request an id, a bounded body and a line in the log."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.allowing import ANSWER_HEADERS, UNTIL_END
from app.api.http.dialect import Dialect
from app.api.http.security_headers import add_security_headers
from app.bounds import LOG_PATH_CHARACTERS
from app.errors import TooLarge, TooSlow, shortened
from app.request_record import RequestRecord

STANDSTILL_SECONDS = 60.0

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
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        at_work: set[asyncio.Future[Any]],
        dialect_of: Callable[[Scope], Dialect],
    ) -> None:
        self._app = app
        self._at_work = at_work
        self._dialect_of = dialect_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id", "")
        request_id = offered if _SANE_ID.fullmatch(offered) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        record = RequestRecord(request_id)
        outcome: object = "unanswered"
        complete = False
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)

        async def send_with_id(message: Message) -> None:
            nonlocal outcome, complete
            if message["type"] in _ANSWERS:
                outcome = message.get("status", 101)
                await _add_headers(MutableHeaders(scope=message), scope)
            elif message["type"] == "websocket.close":
                outcome = f"{outcome}, closed with {message.get('code', 1000)}"
            complete = complete or _ends_answer(message)
            record.sent(_size_bytes(message))
            await send(message)

        async def noted_receive() -> Message:
            nonlocal outcome
            message = await receive()
            record.bytes_in += _size_bytes(message)
            if message["type"] == "websocket.disconnect" and outcome == 101:
                outcome = f"101, left with {message.get('code', 1005)}"
            elif message["type"] == "http.disconnect" and outcome == 200 and not complete:
                outcome = "200, left"
            return message

        try:
            with ExitStack() as until_end, record.is_current():
                scope["state"][UNTIL_END] = until_end
                await self._app(scope, noted_receive, send_with_id)
        except BaseException:
            if outcome != "unanswered":
                outcome = f"{outcome}, broken off"
            raise
        finally:
            self._at_work.discard(task)
            record.dialect = self._dialect_of(scope).name or "native"
            record.log(scope.get("method", "WEBSOCKET"), _route_of(scope), outcome)


async def _add_headers(headers: MutableHeaders, scope: Scope) -> None:
    headers["x-request-id"] = request_id_of(scope)
    if more := scope["state"].get(ANSWER_HEADERS):
        headers.update(await more())
    add_security_headers(headers)


def _route_of(scope: Scope) -> str:
    """Return the template of the path that was called; the path itself where nothing is there."""
    template = getattr(scope.get("route"), "path", None)
    if template is None:
        path = shortened(scope["path"], LOG_PATH_CHARACTERS)
        return quote(path)  # decoded, it could put a line of its own into the log
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
