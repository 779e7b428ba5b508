"""Runs the system's Redis on loopback, which can go away for a while, for tests alone."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fleet.servers import free_port
from tests.programs import program

START_SECONDS = 10.0


@dataclass
class RedisServer:
    """Holds a Redis, which forgets everything when it goes."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def come(self) -> None:
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command = [program("redis-server"), *where, "--save", ""]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline, "Redis does not start"
            time.sleep(0.02)

    def go(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_on_loopback(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.come()
    try:
        yield server
    finally:
        server.go()
