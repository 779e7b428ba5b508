"""Runs small web servers on loopback that misbehave as tests want them to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Answer = Callable[[socket.socket, bytes], None]
"""It gets (connection, head of the request) and sends back whatever it likes."""


@dataclass
class Site:
    port: int
    requests: list[bytes] = field(default_factory=list)


@contextlib.contextmanager
def site(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Run a server that hands each connection to `answer` once its request has come."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Site(listener.getsockname()[1])

    def serve_one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(10)
            secured = tls.wrap_socket(connection, server_side=True) if tls else connection
            with secured:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = secured.recv(65536)
                    if not piece:
                        return
                    head += piece
                found.requests.append(head)
                answer(secured, head)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield found
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def ok(body: bytes, *headers: str, length: int | None = None) -> Answer:
    """Answer with the same body always, with a true or an invented length."""

    def answer(connection: socket.socket, _head: bytes) -> None:
        size = len(body) if length is None else length
        lines = ["HTTP/1.1 200 OK", f"Content-Length: {size}", "Connection: close", *headers]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer


def raw(data: bytes) -> Answer:
    return lambda connection, _head: connection.sendall(data)


def redirect(location: str, status: int = 302) -> Answer:
    head = f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    return raw(head.encode())
