"""Runs an S3 server on loopback, which can go away for a while."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_REGION": "us-east-1"}


@dataclass
class S3:
    """Holds a running server. What it keeps stays while it is away."""

    port: int
    _server: ThreadedMotoServer | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which every client of S3 finds this server."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.address}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self) -> str:
        """Make a new bucket; return its address."""
        name = f"bucket-{secrets.token_hex(8)}"
        httpx.put(f"{self.address}/{name}", trust_env=False).raise_for_status()
        return f"s3://{name}"

    def come(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def go(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def age(self, url: str, key: str, seconds: float) -> None:
        """Let an object have been written so long ago."""
        self._objects(url)[key].last_modified = datetime.now(UTC).replace(tzinfo=None) - timedelta(
            seconds=seconds
        )

    def keys(self, url: str) -> set[str]:
        return set(self._objects(url))

    @staticmethod
    def _objects(url: str) -> Any:
        name, _, _ = url.removeprefix("s3://").partition("/")
        account: Any = s3_backends["123456789012"]["aws"]
        return account.buckets[name].keys


@contextmanager
def s3_on_loopback() -> Iterator[S3]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = S3(free.getsockname()[1])
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it has a line for each request
    before = {name: os.environ.get(name) for name in server.environment}
    os.environ.update(server.environment)
    server.come()
    try:
        yield server
    finally:
        server.go()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
