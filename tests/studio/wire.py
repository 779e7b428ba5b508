"""Lies between a browser and a server as a network that can be slow, cut, or lead elsewhere."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE_BYTES = 4096


class Wire:
    """Carries connections to `upstream`, whose address may change.

    Attributes:
        bytes_per_second: how fast answers come; None is as fast as they can.
        cut_after_bytes: so many bytes of answers go through from now on, then all is cut.
    """

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream: tuple[str, int] | None = upstream
        self.bytes_per_second: float | None = None
        self.cut_after_bytes: int | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections at once, as a network that fails."""
        with self._lock:
            ended, self._open = self._open, set()
        for each in ended:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                browser, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(browser,), daemon=True).start()

    def _carry(self, browser: socket.socket) -> None:
        with browser, suppress(OSError):
            if self.upstream is None:
                return
            with socket.create_connection(self.upstream) as server:
                with self._lock:
                    self._open |= {browser, server}
                asking = threading.Thread(target=_pass_on, args=(browser, server), daemon=True)
                asking.start()
                self._answer(server, browser)
                browser.shutdown(socket.SHUT_RDWR)
                asking.join()

    def _answer(self, server: socket.socket, browser: socket.socket) -> None:
        while piece := server.recv(PIECE_BYTES):
            browser.sendall(piece)
            if self.bytes_per_second is not None:
                time.sleep(len(piece) / self.bytes_per_second)
            if self.cut_after_bytes is not None:
                self.cut_after_bytes -= len(piece)
                if self.cut_after_bytes <= 0:
                    self.cut_after_bytes = None
                    self.cut()


def _pass_on(browser: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while piece := browser.recv(PIECE_BYTES):
            server.sendall(piece)
        server.shutdown(socket.SHUT_WR)


@contextmanager
def wire_to(upstream: tuple[str, int]) -> Iterator[Wire]:
    """Lay a wire to a server, until the block ends."""
    wire = Wire(upstream)
    try:
        yield wire
    finally:
        wire.listener.close()
        wire.cut()
