"""Bounds what a client can make uvicorn's HTTP and WebSocket protocols keep and do.

These are uvicorn's own protocols, over httptools and websockets, with a few of their methods
extended; `docs/decisions/protocols.md` says why these two. Each connection lies behind a gate
(`app/network/gate.py`), which bounds what every protocol has in common.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request
from websockets.protocol import OPEN

from app.api.http.access import ON_KEY_SEEN
from app.api.http.security_headers import SECURITY_HEADERS
from app.bounds import (
    BARREN_BYTES,
    FRAME_SECONDS,
    HEAD_BYTE_SECONDS,
    KEYLESS_BYTES,
    KEYLESS_DRAIN_BYTES,
    MAX_FRAGMENTS,
    MAX_HEADERS,
    MAX_PIPELINED,
    REQUEST_SECONDS,
)
from app.lifetime import shutting_down
from app.network.connection_table import ConnectionTable
from app.network.gate import Door, Gate, Guest


def plain_answer(status: HTTPStatus, *headers: tuple[str, str]) -> bytes:
    """Make a whole answer to a client that the app cannot answer; it ends the connection."""
    text = f"{status.phrase}\n".encode()
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: text/plain; charset=utf-8",
        f"content-length: {len(text)}",
        "connection: close",
        *(f"{name}: {value}" for name, value in (*SECURITY_HEADERS, *headers)),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


class HttpProtocol(Guest, HttpToolsProtocol):
    """Speaks HTTP, with bounds on heads, trailers, chunk extensions and pipelined requests."""

    refusal = plain_answer(HTTPStatus.SERVICE_UNAVAILABLE, ("retry-after", "5"))
    _barren_bytes = 0
    _refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Door)
        self.door = transport
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._barren_bytes += len(data)
        super().data_received(data)
        if self._barren_bytes > BARREN_BYTES and not self.door.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def owed_bytes(self) -> int:
        if self._refused:
            return KEYLESS_DRAIN_BYTES
        if self.cycle is not None and self.cycle.more_body:
            return KEYLESS_DRAIN_BYTES if self.door.gives_way else self.config.ws_max_size
        return 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][ON_KEY_SEEN] = self._key_seen

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            raise ValueError("too many header fields")

    def on_headers_complete(self) -> None:
        head_bytes, self._barren_bytes = self._barren_bytes, 0
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # otherwise it is to become a WebSocket
            self.door.busy()
            self.door.charge(REQUEST_SECONDS + head_bytes * HEAD_BYTE_SECONDS)
        if len(self.pipeline) > MAX_PIPELINED:
            self.door.abort()

    def on_body(self, body: bytes) -> None:
        self._barren_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._barren_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        others_waited = bool(self.pipeline)
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()  # what is left of the body is of use to nobody
        self.door.give_way(True)
        if not others_waited:
            self.door.idle()
        elif self.pipeline:
            # uvicorn would read on, one more piece of requests for each that it has answered.
            self.flow.pause_reading()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own name
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        """Refuse what cannot be parsed, once the request before it has been answered."""
        self._refused = True
        cycle = self.cycle
        if self.pipeline or (cycle is not None and cycle.more_body and cycle.response_started):
            self.door.abort()  # it stands in the middle of answers
        elif cycle is None or cycle.response_complete or cycle.more_body:
            self.transport.write(plain_answer(status))
            self.transport.close()
        else:
            cycle.keep_alive = False
            self.flow.pause_reading()

    def _key_seen(self) -> None:
        self.door.give_way(False)


class SocketProtocol(Guest, WebSocketsSansIOProtocol):
    """Speaks WebSocket, with bounds on what comes before a key, and on fragments."""

    _bytes_before_key = 0
    _refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Door)
        self.door = transport
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.door.gives_way:
            self._bytes_before_key += len(data)
            if self._bytes_before_key > KEYLESS_BYTES:
                self._refuse(CloseCode.MESSAGE_TOO_BIG, "too much came before a key")
                return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.door.is_closing():
            # A line of the handshake is too long for websockets; uvicorn would keep its answer.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def owed_bytes(self) -> int:
        if not self._refused and self.conn.parser_exc is None:
            return 0
        return KEYLESS_DRAIN_BYTES if self.door.gives_way else self.config.ws_max_size

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self._bytes_before_key = 0
            self.scope["state"][ON_KEY_SEEN] = self._key_seen

    def shutdown(self) -> None:
        """Close the socket because the server ends, and say so; uvicorn would give no reason."""
        if self.handshake_complete and not self.close_sent:
            code = CloseCode.SERVICE_RESTART
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
            self.conn.send_close(code, shutting_down().message)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        super().shutdown()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._refuse(CloseCode.MESSAGE_TOO_BIG, f"a message has over {MAX_FRAGMENTS} fragments")
        elif not self.close_sent:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        self.door.charge(FRAME_SECONDS)
        super().send_receive_event_to_app()

    def _refuse(self, code: CloseCode, reason: str) -> None:
        self._refused = True
        if self.conn.state is not OPEN:  # before the handshake there is nobody to tell
            self.door.abort()
            return
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def _key_seen(self) -> None:
        self.door.busy()
        self.door.give_way(False)


def behind_gates(table: ConnectionTable, *, idle_seconds: float) -> Callable[..., asyncio.Protocol]:
    """Return what makes the protocol of each new connection for uvicorn."""

    def make(**uvicorns: Any) -> asyncio.BufferedProtocol:
        return Gate(HttpProtocol(**uvicorns), table, idle_seconds=idle_seconds)

    return make  # type: ignore[return-value]  # asyncio takes either kind of protocol
