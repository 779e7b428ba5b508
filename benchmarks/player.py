"""Asks over a bare socket and plays the answer in thought, which costs little processor time."""

from __future__ import annotations

import asyncio
import json
import time

from benchmarks.listener import WAV_HEADER_BYTES, Hearing

_END_OF_CHUNKS = b"0\r\n\r\n"


def speech_request(script: str) -> bytes:
    """Make a request for a script as a live WAV stream, on a connection of its own."""
    body = json.dumps({"script": script, "format": "wav", "stream": True}).encode()
    head = "POST /tts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


HEALTH_REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Player(asyncio.Protocol):
    """Sends one request, and notes what comes when; what frames the chunks counts as sound.

    Attributes:
        hearing: what was heard; its status is 0 until there is one.
        answered: when the head of the answer was there, on the monotonic clock; None until then.
        retry_after: what that says of coming again.
        heard: is set once there is sound, or will never be.
        ended: is done once the connection is closed.
    """

    def __init__(self, request: bytes) -> None:
        self.hearing = Hearing(time.monotonic())
        self.answered: float | None = None
        self.retry_after: str | None = None
        self.heard = asyncio.Event()
        self.ended = asyncio.get_running_loop().create_future()
        self._request = request
        self._head = b""
        self._header_left = WAV_HEADER_BYTES
        self._tail = b""
        self._transport: asyncio.BaseTransport | None = None

    @classmethod
    async def ask(cls, port: int, request: bytes) -> Player:
        """Connect and send; the answer is noted as it comes."""
        player = cls(request)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: player, "127.0.0.1", port)
        except OSError as error:
            player.connection_lost(error)
        return player

    def hang_up(self) -> None:
        """Leave at once, whatever is still to come."""
        if self._transport is not None:
            self._transport.abort()  # type: ignore[attr-defined]

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self.answered is None:
            self._head += data
            head, separator, data = self._head.partition(b"\r\n\r\n")
            if not separator:
                return
            self.answered = now
            self._read_head(head)
        if self.hearing.status != 200:
            return
        self._tail = (self._tail + data[-len(_END_OF_CHUNKS) :])[-len(_END_OF_CHUNKS) :]
        sound_bytes = max(0, len(data) - self._header_left)
        self._header_left = max(0, self._header_left - len(data))
        if sound_bytes:
            self.hearing.hear(now, sound_bytes)
            self.heard.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.hearing.complete = self._tail == _END_OF_CHUNKS
        self.hearing.error = str(exc) if exc is not None else None
        self.heard.set()
        if not self.ended.done():
            self.ended.set_result(None)

    def _read_head(self, head: bytes) -> None:
        first, *fields = head.split(b"\r\n")
        self.hearing.status = int(first.split(b" ", 2)[1])
        for field in fields:
            name, _, value = field.partition(b":")
            if name.lower() == b"retry-after":
                self.retry_after = value.strip().decode()
