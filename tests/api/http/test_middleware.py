"""What happens to every request: its id, its line in the log, its origin."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api.http.dialect import NATIVE
from app.api.http.middleware import RequestContext
from app.api.http.security_headers import SECURITY_HEADERS
from app.main import READABLE_HEADERS
from app.telemetry.meter import Meter
from app.telemetry.requests import Requests
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, LogRecords, Served, send_raw, status_of

ORIGIN = "https://app.example.com"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/nothing"),
        ("GET", "/tts"),
        ("POST", "/tts"),
        ("GET", "/voice/x"),
        ("GET", "/docs"),
    ],
)
def test_every_answer_has_an_id(client: httpx.Client, method: str, path: str) -> None:
    """Good or bad, each answer carries a request id of its own."""
    ids = {client.request(method, path).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)


def test_id_of_the_client(client: httpx.Client) -> None:
    """A sane id that the client sent is kept, so that it can follow its request."""
    answer = client.get("/health", headers={"X-Request-Id": "job-7_a.B"})
    assert answer.headers["x-request-id"] == "job-7_a.B"


@pytest.mark.parametrize("offered", ["", "a b", "x" * 129, 'a"b', "a;b", "../x"])
def test_insane_id_of_the_client(client: httpx.Client, offered: str) -> None:
    """An id that could spoil a log or a header is replaced."""
    answer = client.get("/health", headers={"X-Request-Id": offered})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


def test_line_in_the_log(client: httpx.Client, log_records: LogRecords) -> None:
    """Each request is one line with method, path, status, time and its id."""
    client.get("/health", headers={"X-Request-Id": "follow-me"})
    line = log_records.wait_for(lambda each: getattr(each, "request_id", "") == "follow-me")
    assert re.fullmatch(r"GET /health 200 in \d+\.\d{3} s", line.getMessage())


def test_no_forged_line_in_the_log(server: Served, log_records: LogRecords) -> None:
    """A path cannot put a line of its own into the log."""
    request = b"GET /%0aGET%20/forged HTTP/1.1\r\nHost: x\r\n\r\n"
    assert status_of(send_raw(server.address, request)) == 404
    line = log_records.wait_for(lambda each: each.getMessage().endswith(" s"))
    assert line.getMessage().startswith("GET /%0AGET%20/forged 404 in ")


def test_cross_origin(fake_app: ServeFake) -> None:
    """Web pages of CORS_ORIGINS may call the server and read its headers; others may not."""
    client = fake_app(cors_origins=ORIGIN).client
    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    allowed = client.options("/tts", headers=asking)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    answer = client.post("/tts", json={"script": "Hi."}, headers={"Origin": ORIGIN})
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    refused = client.options("/tts", headers=asking | {"Origin": "https://evil.example.com"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


def test_a_page_may_ask_a_server_in_a_private_network(fake_app: ServeFake) -> None:
    """Chromium asks first whether a page of the internet may; one that is listed may."""
    client = fake_app(cors_origins=(ORIGIN,)).client
    asking = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
    }
    allowed = client.options("/tts", headers=asking)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-private-network"] == "true"
    refused = client.options("/tts", headers=asking | {"Origin": "https://evil.example.com"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


STANDARD = {"cache-control", "content-length", "content-type"}
"""A page may read these always."""
FOR_BROWSERS = {"vary", "date", "connection", *(name for name, _ in SECURITY_HEADERS)}


def test_a_page_may_read_what_an_answer_says(fake_app: ServeFake) -> None:
    """Every header that tells something is exposed by its name, of speech and of a refusal."""
    engine = FakeEngine()
    client = fake_app(engine, cors_origins=(ORIGIN,)).client
    spoken = client.post("/tts", json={"script": "Hi."}, headers={"Origin": ORIGIN})
    engine.overloaded = True
    refused = client.post("/tts", json={"script": "Hi."}, headers={"Origin": ORIGIN})
    assert (spoken.status_code, refused.status_code) == (200, 429)
    for answer in (spoken, refused):
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        told = {name for name in answer.headers if not name.startswith("access-control-")}
        assert told - STANDARD - FOR_BROWSERS <= set(exposed)
        assert "*" in exposed


def test_a_page_may_read_every_header_that_is_documented() -> None:
    """Some come seldom, such as those about takes."""
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text("utf-8")
    table = page.partition("## What the headers say")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = {name.lower() for row in rows for name in re.findall(r"`([A-Za-z-]+)`", row)}
    assert "x-takes" in documented
    assert documented <= set(READABLE_HEADERS)


def test_no_origin_is_allowed_by_default(client: httpx.Client) -> None:
    """Without CORS_ORIGINS no web page may read an answer."""
    answer = client.get("/health", headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers


HALF_A_FORM = (
    b"POST /voices HTTP/1.1\r\nHost: x\r\nX-API-Key: " + KEY.encode() + b"\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nname="
)


def test_a_body_that_stands_still(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins a body and does not go on is told so, and does not stay for ever."""
    monkeypatch.setattr("app.api.http.middleware.STANDSTILL_SECONDS", 0.3)
    answer = send_raw(server.address, HALF_A_FORM)
    assert status_of(answer) == 408
    assert b"nothing more of the request body came for 0.3 s" in answer


def test_a_client_that_leaves_in_its_form(server: Served, log_records: LogRecords) -> None:
    """It is no fault of ours: one line in the log, no trace."""
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(HALF_A_FORM.replace(b"Host: x", b"Host: x\r\nX-Request-Id: who-left"))
        time.sleep(0.2)
    line = log_records.wait_for(lambda each: getattr(each, "request_id", "") == "who-left")
    assert line.getMessage().startswith("POST /voices 499 in ")
    assert not [each for each in log_records.kept if each.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("method", "length", "how"),
    [
        ("GET", b"3", "answered"),
        ("GET", b"4", "left"),
        ("GET", None, "left"),
        ("HEAD", b"4", "answered"),
    ],
)
async def test_who_has_all_may_close(method: str, length: bytes | None, how: str) -> None:
    """A client that knows the length, or wants none, closes before it is told that this was all."""
    ends: list[str] = []

    class Listening(Requests):
        def end(self, *said: Any, **_: Any) -> None:
            ends.append(said[3])

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        headers = [] if length is None else [(b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await receive()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        return

    context = RequestContext(
        app,
        at_work=set(),
        dialect_of=lambda _: NATIVE,
        requests=Listening(Meter("1"), None),
    )
    scope: Scope = {"type": "http", "method": method, "path": "/", "headers": []}
    await context(scope, receive, send)
    assert ends == [how]
