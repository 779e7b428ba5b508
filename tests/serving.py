"""Runs real servers on loopback, and talks to them."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from app.api.http.web_server import WebServer
from app.main import create_app
from app.settings import Settings, load_settings
from app.speech_engine import SpeechEngine
from tests.fakes import FakeEngine

KEY = "a-key-for-tests"
START_SECONDS = 30.0
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Served:
    """Holds a running server, and a client that has its key."""

    url: str
    client: httpx.Client
    settings: Settings

    @property
    def address(self) -> tuple[str, int]:
        parsed = httpx.URL(self.url)
        assert parsed.port is not None
        return parsed.host, parsed.port

    def async_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, headers=self.client.headers, timeout=30.0, trust_env=False
        )

    def wait_until(self, holds: Callable[[dict[str, Any]], bool], seconds: float = 5.0) -> None:
        """Wait until /health says what `holds` expects."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.client.get("/health")
            assert answer.status_code == 200, answer.text
            if holds(answer.json()):
                return
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.005)


def make_settings(folder: Path, **fields: Any) -> Settings:
    """Make settings with the test key, whose folders all lie in `folder`."""
    defaults: dict[str, Any] = {
        "api_key": KEY,
        "models_dir": folder / "models",
        "voices_dir": folder / "voices",
        "voice_output_dir": folder / "saved",
        "pronunciations_file": folder / "pronunciations.txt",
        "dictionaries_dir": folder / "dictionaries",
        "jobs_dir": folder / "jobs",
        "shutdown_grace_seconds": 1.0,
        "model_fallback": "none",
        # Frames that follow each other belong together, however slow this machine is.
        "first_text_wait_ms": 10_000,
    }
    return load_settings(folder / "no.env", **(defaults | fields))


@contextlib.contextmanager
def serve(
    settings: Settings,
    build_engine: Callable[[], SpeechEngine] | None = None,
    build_preview: Callable[[], SpeechEngine] | None = None,
) -> Iterator[Served]:
    """Run a real uvicorn over the real app on a free port, until the block ends."""
    app = create_app(settings, build_engine, build_preview)
    with running(app) as url, served_at(url, settings) as served:
        yield served


@contextlib.contextmanager
def served_at(url: str, settings: Settings) -> Iterator[Served]:
    """Open a client of the server at an address."""
    headers = {"X-API-Key": KEY}
    with httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False) as client:
        yield Served(url, client, settings)


@contextlib.contextmanager
def in_process(
    settings: Settings,
    build_engine: Callable[[], SpeechEngine] | None = None,
    build_preview: Callable[[], SpeechEngine] | None = None,
) -> Iterator[Served]:
    """Run the real app on an event loop of its own, without a web server, until the block ends.

    An answer comes when it is complete; use `serve` to see what comes when, or to hang up.
    """
    app = create_app(settings, build_engine, build_preview)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        httpx.Client(
            base_url="http://in.process",
            headers={"X-API-Key": KEY},
            transport=_InProcess(app, portal),
        ) as client,
    ):
        yield Served("http://in.process", client, settings)


class _InProcess(httpx.BaseTransport):
    """Hands requests to an app that lives on the event loop of a portal."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._portal.call(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        content = httpx.ByteStream(await answer.aread())
        return httpx.Response(answer.status_code, headers=answer.headers, stream=content)


@contextlib.contextmanager
def serve_fake(folder: Path, engine: FakeEngine | None = None, **fields: Any) -> Iterator[Served]:
    """Run a server that is ready to speak with a fake engine."""
    fake = engine or FakeEngine()
    with serve(make_settings(folder, **fields), fake.started) as served:
        yield from _once_ready(served, fake)


@contextlib.contextmanager
def fake_in_process(
    folder: Path, engine: FakeEngine | None = None, **fields: Any
) -> Iterator[Served]:
    """Run an app that is ready to speak with a fake engine, without a web server."""
    fake = engine or FakeEngine()
    with in_process(make_settings(folder, **fields), fake.started) as served:
        yield from _once_ready(served, fake)


def _once_ready(served: Served, fake: FakeEngine) -> Iterator[Served]:
    served.wait_until(lambda health: health["model"]["state"] == "ready")
    try:
        yield served
    finally:
        fake.let_go.set()


@contextlib.contextmanager
def running(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve `app` from a thread, at a free port unless one is named; give its base URL."""
    listener = _listener(port)
    server = WebServer(app, app.state.services.settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server takes too long to start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            faulthandler.dump_traceback(all_threads=True)
        assert not thread.is_alive(), "the server does not stop"
        listener.close()


def _listener(port: int) -> socket.socket:
    """Listen on loopback, for connections that asyncio knows to be TCP.

    asyncio turns Nagle's algorithm off only where the socket names its protocol. Otherwise the body
    of every answer waits 40 ms for the client to acknowledge the head.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


class HurriedAsyncio:
    """Stands for `asyncio` in uvicorn, so that it looks more often whether it is to end."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


def error_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """Return the native error body of a response, which must have `status`."""
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error["request_id"] == response.headers["x-request-id"]
    return error


def detail_of(response: httpx.Response, status: int, *, beside: str | None = None) -> str:
    """Return the reason in a body of `detail` and one key `beside` it; check the `status`."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"detail", beside} - {None}
    assert response.headers["x-request-id"]
    return str(body["detail"])


def send_raw(address: tuple[str, int], request: bytes, *, seconds: float = 5.0) -> bytes:
    """Send hand-made bytes and return the answer, read until the server is done or silent."""
    received = b""
    with socket.create_connection(address, timeout=seconds) as connection:
        connection.sendall(request)
        while not _is_whole(received):
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
    return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


class LogRecords(logging.Handler):
    """Keeps what was logged while a test ran, whatever thread said it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)

    def wait_for(self, holds: Callable[[logging.LogRecord], bool]) -> logging.LogRecord:
        """Wait for a record that `holds`; the server may log after it has answered."""
        deadline = time.monotonic() + 5
        while True:
            for record in list(self.kept):
                if holds(record):
                    return record
            assert time.monotonic() < deadline, [each.getMessage() for each in self.kept]
            time.sleep(0.01)


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line]
