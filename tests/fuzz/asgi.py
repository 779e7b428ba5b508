"""Asks an app in process, with bodies and frames of any kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from tests.serving import KEY

PATIENCE_SECONDS = 60.0
_QUIET_SECONDS = 0.02


@dataclass(frozen=True)
class Answer:
    """The status of an answer, or the code with which a socket was closed, and what was sent."""

    status: int
    sent: bytes


async def ask(
    app: FastAPI, path: str, body: bytes = b"", content_type: str = "", *, method: str = "POST"
) -> Answer:
    """Send a body; an exception that no handler foresaw is raised here as well."""
    scope = _scope("http", path, [(b"content-type", content_type.encode("latin-1"))])
    scope |= {"method": method, "scheme": "http"}
    scope["headers"].append((b"content-length", str(len(body)).encode()))
    coming = [{"type": "http.request", "body": body, "more_body": False}]
    answered = asyncio.Event()
    sent: list[Any] = []

    async def receive() -> Any:
        if coming:
            return coming.pop()
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    async with asyncio.timeout(PATIENCE_SECONDS):
        await app(scope, receive, send)
    return Answer(sent[0]["status"], b"".join(each.get("body", b"") for each in sent))


async def talk(app: FastAPI, path: str, frames: Sequence[str | bytes]) -> Answer:
    """Open a WebSocket, send frames, and leave once the app has had a moment to answer."""
    scope = _scope("websocket", path, []) | {"scheme": "ws", "subprotocols": []}
    coming: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        *(
            {"type": "websocket.receive", "bytes" if isinstance(each, bytes) else "text": each}
            for each in frames
        ),
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        if coming:
            return coming.pop(0)
        await asyncio.sleep(_QUIET_SECONDS)
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await app(scope, receive, send)
    codes = [each["code"] for each in sent if each["type"] == "websocket.close"]
    return Answer(codes[0] if codes else 1000, b"".join(map(_payload, sent)))


def _payload(message: dict[str, Any]) -> bytes:
    sent = message.get("bytes") or message.get("text") or message.get("reason") or b""
    return sent if isinstance(sent, bytes) else sent.encode()


def _scope(kind: str, path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"in.process"), (b"x-api-key", KEY.encode()), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
