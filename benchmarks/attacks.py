"""Attacks a server with what one client can send, until told to stop."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgpack

_RECONNECT_SECONDS = 0.05
_KEY_OF_HANDSHAKE = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclass
class Target:
    """Holds where to attack, and counts what came of it."""

    host: str
    port: int
    key: str
    wyoming_port: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    sent_bytes: int = 0
    answers: int = 0

    def connect(self, *, port: int | None = None) -> socket.socket:
        """Open a connection that gives up after a second without progress."""
        return socket.create_connection((self.host, port or self.port), timeout=1.0)


Attack = Callable[[Target], None]


@contextlib.contextmanager
def under(attack: Attack, target: Target, *, clients: int = 1) -> Iterator[Target]:
    """Attack from threads while the block runs; a client that is cut off comes again."""

    def again() -> None:
        while not target.stop.is_set():
            with contextlib.suppress(OSError):
                attack(target)
            target.stop.wait(_RECONNECT_SECONDS)

    threads = [threading.Thread(target=again, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield target
    finally:
        target.stop.set()
        for thread in threads:
            thread.join()


def masked(first_byte: int, payload: bytes = b"") -> bytes:
    """Make a WebSocket frame of less than 64 kB, masked with zeros."""
    size = len(payload)
    if size < 126:
        return bytes([first_byte, 0x80 | size]) + bytes(4) + payload
    return bytes([first_byte, 0x80 | 126]) + size.to_bytes(2, "big") + bytes(4) + payload


def open_websocket(target: Target, path: str, *, with_key: bool) -> socket.socket:
    """Open a WebSocket, and return its connection once the server has answered."""
    connection = target.connect()
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {_KEY_OF_HANDSHAKE}"]
    lines += [f"X-API-Key: {target.key}"] if with_key else []
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    if b" 101 " not in connection.recv(4096):
        raise ConnectionError("the server did not open a WebSocket")
    return connection


OPEN_SOCKET = "/v1/text-to-speech/alba/stream-input"
"""On this path the key may come in the first message, so anybody gets a WebSocket."""


def flood(
    target: Target, connection: socket.socket, piece: bytes, *, mb_per_second: float | None = 1.0
) -> None:
    """Send the same again and again, at a rate or (None) as fast as it is taken."""
    with connection:
        data = piece * max(1, 10_000 // len(piece))
        began = time.monotonic()
        sent_bytes = 0
        while not target.stop.is_set():
            connection.sendall(data)
            sent_bytes += len(data)
            target.sent_bytes += len(data)
            if mb_per_second is not None:
                due = began + sent_bytes / (mb_per_second * 1e6)
                target.stop.wait(max(0.0, due - time.monotonic()))


def tiny_frames(target: Target) -> None:
    """Send a megabyte a second of frames of six bytes, without a key."""
    flood(target, open_websocket(target, OPEN_SOCKET, with_key=False), masked(0x8A))


def tiny_frames_with_key(target: Target) -> None:
    """Send a megabyte a second of frames of six bytes, with the key."""
    flood(target, open_websocket(target, "/v1/tts/live", with_key=True), masked(0x8A))


def tiny_messages(target: Target) -> None:
    """Send a megabyte a second of messages of one letter each, with the key."""
    connection = open_websocket(target, "/v1/tts/live", with_key=True)
    start = {"event": "start", "request": {"text": "", "format": "wav"}}
    connection.sendall(masked(0x82, msgpack.packb(start)))
    flood(target, connection, masked(0x82, msgpack.packb({"event": "text", "text": "a"})))


def tiny_fragments(target: Target) -> None:
    """Send a megabyte a second of fragments of one message, with the key."""
    connection = open_websocket(target, "/v1/tts/live", with_key=True)
    connection.sendall(masked(0x02, b"a"))
    flood(target, connection, masked(0x00, b"a"))


def _post(target: Target, path: str, *, key: str, headers: str) -> socket.socket:
    connection = target.connect()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n{headers}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


_CHUNKED = "Content-Type: application/json\r\nTransfer-Encoding: chunked"


def tiny_chunks(target: Target) -> None:
    """Send a megabyte a second of chunks of one byte, with the key."""
    flood(target, _post(target, "/tts", key=target.key, headers=_CHUNKED), b"1\r\n \r\n")


def keyless_chunks(target: Target) -> None:
    """Send a megabyte a second of chunks of one byte, with a wrong key."""
    flood(target, _post(target, "/tts", key="", headers=_CHUNKED), b"1\r\n \r\n")


def tiny_headers(target: Target) -> None:
    """Send a megabyte a second of the smallest header fields."""
    connection = target.connect()
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
    flood(target, connection, b"a:\r\n")


def pipelined(target: Target) -> None:
    """Send a megabyte a second of requests, and read no answer."""
    flood(target, target.connect(), b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")


def refused_body(target: Target) -> None:
    """Send a body as fast as it is taken, although the key is wrong."""
    headers = "Content-Length: 99999999999"
    flood(
        target,
        _post(target, "/tts/clone", key="", headers=headers),
        bytes(1 << 16),
        mb_per_second=None,
    )


def unread_pongs(target: Target) -> None:
    """Send pings with 100 bytes as fast as they are taken, and read no answer."""
    connection = open_websocket(target, "/v1/tts/live", with_key=True)
    flood(target, connection, masked(0x89, bytes(100)), mb_per_second=None)


def tiny_events(target: Target) -> None:
    """Send a megabyte a second of Wyoming's smallest events."""
    flood(target, target.connect(port=target.wyoming_port), b'{"type":"x"}\n')


def wyoming_pings(target: Target) -> None:
    """Send Wyoming's pings as fast as they are taken, and read no answer."""
    ping = b'{"type":"ping","data":{"text":"' + b"x" * 100 + b'"}}\n'
    flood(target, target.connect(port=target.wyoming_port), ping, mb_per_second=None)


def first_frames(target: Target) -> None:
    """Begin a message of 26 MB without a key, and wait with its end."""
    size_bytes = 26_000_000
    with open_websocket(target, OPEN_SOCKET, with_key=False) as connection:
        connection.sendall(b"\x82\xff" + size_bytes.to_bytes(8, "big") + bytes(4))
        for _ in range(size_bytes // (1 << 16)):
            connection.sendall(bytes(1 << 16))
            target.sent_bytes += 1 << 16
        target.stop.wait()


def half_sent(target: Target) -> None:
    """Send half of a head, and keep the connection until the server ends it."""
    with target.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        connection.settimeout(0.2)
        while not target.stop.is_set():
            with contextlib.suppress(TimeoutError):
                if not connection.recv(1024):
                    return


def wrong_keys(target: Target) -> None:
    """Try one key after the other on one connection, as fast as they are answered."""
    with target.connect() as connection:
        connection.settimeout(10.0)
        request = f"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-API-Key: {'x' * 20}\r\n\r\n".encode()
        while not target.stop.is_set():
            connection.sendall(request)
            if not connection.recv(1 << 16):
                return
            target.answers += 1


STALLING: tuple[Attack, ...] = (
    tiny_frames,
    tiny_frames_with_key,
    tiny_messages,
    tiny_fragments,
    tiny_chunks,
    keyless_chunks,
    tiny_headers,
    pipelined,
    refused_body,
    unread_pongs,
    tiny_events,
    wyoming_pings,
)
"""One client of each of these must not be noticed by anybody else."""
