"""The one line that the log has of each request: what it says, and what it never says."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.callers.keys_file import add_key
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, LogRecords

SECRET = "the launch code is 0000"


def line_of(log_records: LogRecords, request_id: str) -> tuple[str, dict[str, Any]]:
    """What came of a request, and the fields of its line."""
    record = log_records.wait_for(
        lambda each: getattr(each, "request_id", "") == request_id and hasattr(each, "fields")
    )
    fields: dict[str, Any] = dict(record.__dict__["fields"])
    seconds = fields.pop("first_byte_seconds", 0.0)
    assert 0 <= seconds < 30
    return record.getMessage().partition(" in ")[0], fields


def test_of_speech(fake_server: ServeFake, log_records: LogRecords) -> None:
    """It has the caller, who was heard, how much was asked for, and how much came of that."""
    body = {"script": SECRET, "stream": True, "format": "wav"}
    answer = fake_server().client.post("/tts", json=body, headers={"X-Request-Id": "spoken"})
    said, fields = line_of(log_records, "spoken")
    assert said == "POST /tts 200"
    assert fields == {
        "caller": "operator",
        "dialect": "native",
        "voice": "alba",
        "characters": len(SECRET),
        "audio_seconds": 0.4,
        "bytes_in": len(answer.request.content),
        "bytes_out": len(answer.content),
    }


@pytest.mark.parametrize("prefix", ["", "/elevenlabs"])
def test_of_a_dialect(fake_app: ServeFake, log_records: LogRecords, prefix: str) -> None:
    """It has the template of a path, so that lines of one kind are alike, and the dialect."""
    path = f"{prefix}/v1/text-to-speech/alba"
    fake_app().client.post(path, json={"text": "Hi."}, headers={"X-Request-Id": "x"})
    said, fields = line_of(log_records, "x")
    assert said == f"POST {prefix}/v1/text-to-speech/{{voice_id}} 200"
    assert (fields["dialect"], fields["voice"]) == ("elevenlabs", "alba")


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason", "about"),
    [
        ({"script": ""}, {}, 400, "invalid_request", "script"),
        ({"script": "Hi.", "speed": 99}, {}, 400, "invalid_request", "speed"),
        ({"script": "Hi.", SECRET: 1}, {}, 400, "invalid_request", None),
        ({"script": "Hi.", "voice": "no\nbody"}, {}, 404, "voice_not_found", "voice"),
        ({"script": "Hi."}, {"X-API-Key": SECRET}, 401, "unauthorized", None),
    ],
)
def test_of_a_refusal(
    fake_app: ServeFake,
    log_records: LogRecords,
    body: dict[str, object],
    headers: dict[str, str],
    status: int,
    reason: str,
    about: str | None,
) -> None:
    """It has the reason and the field, unless the client made that up."""
    answer = fake_app().client.post("/tts", json=body, headers={"X-Request-Id": "x"} | headers)
    assert answer.status_code == status
    said, fields = line_of(log_records, "x")
    assert said == f"POST /tts {status}"
    assert (fields["reason"], fields.get("field")) == (reason, about)
    assert fields["bytes_out"] == len(answer.content)
    assert fields["caller"] == ("-" if status == 401 else "operator")
    if status != 401:
        assert fields.get("voice", "alba") == body.get("voice", "alba")
        assert fields.get("characters", 0) == len(str(body["script"]))


def test_of_what_a_key_does_not_allow(
    fake_app: ServeFake, log_records: LogRecords, tmp_path: Path
) -> None:
    """It has the voice and the size, which are what the limit is about."""
    path = tmp_path / "keys.toml"
    limits = {"characters_per_minute": 5, "stored_bytes": 10}
    key = {"X-API-Key": add_key(path, "shop", ["speech"], limits)}
    client = fake_app(api_keys_file=path).client
    for number, (sent, reason) in enumerate(
        [
            ({"script": "A long text."}, "too_large"),
            ({"script": "Hi.", "type": "url"}, "limit_reached"),
        ]
    ):
        headers = {**key, "X-Request-Id": f"x{number}"}
        client.post("/tts", json={**sent, "voice": "alba"}, headers=headers)
        _, fields = line_of(log_records, f"x{number}")
        assert (fields["caller"], fields["reason"]) == ("shop", reason)
        assert (fields["voice"], fields["characters"]) == ("alba", len(sent["script"]))


@pytest.mark.parametrize(
    ("method", "headers", "status", "reason"),
    [
        (
            "OPTIONS",
            {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"},
            400,
            "bad_request",
        ),
        ("GET", {"Range": "bytes=9999999-"}, 416, "requested_range_not_satisfiable"),
    ],
)
def test_of_what_a_library_refuses(
    fake_app: ServeFake,
    log_records: LogRecords,
    method: str,
    headers: dict[str, str],
    status: int,
    reason: str,
) -> None:
    """It has a reason as well, and counts as refused."""
    client = fake_app(cors_origins=("https://app.example.com",)).client
    url = client.post("/tts", json={"script": "Hi.", "type": "url"}).json()["url"]
    path = httpx.URL(url).path
    answer = client.request(method, path, headers={**headers, "X-Request-Id": "x"})
    assert answer.status_code == status
    assert line_of(log_records, "x")[1]["reason"] == reason


def test_of_a_path_that_leads_nowhere(fake_app: ServeFake, log_records: LogRecords) -> None:
    """It has the path, in which nothing can pose as a line of its own."""
    fake_app().client.get("/no%0Athing", headers={"X-Request-Id": "x"})
    said, fields = line_of(log_records, "x")
    assert (said, fields["reason"]) == ("GET /no%0Athing 404", "not_found")


def test_of_a_stream_that_breaks(fake_server: ServeFake, log_records: LogRecords) -> None:
    """It says that the stream was broken off, why, and how much had been heard."""
    served = fake_server(FakeEngine(frames_per_chunk=100, fail_after=60))
    body = {"script": "Hi.", "stream": True, "format": "wav"}
    with pytest.raises(httpx.RemoteProtocolError):
        served.client.post("/tts", json=body, headers={"X-Request-Id": "x"})
    said, fields = line_of(log_records, "x")
    assert (said, fields["reason"]) == ("POST /tts 200, broken off", "internal_error")
    assert fields["audio_seconds"] > 0


def test_of_a_listener_who_leaves(fake_server: ServeFake, log_records: LogRecords) -> None:
    """It says that the client left, which is no success."""
    served = fake_server(FakeEngine(hold_after=2))
    body = {"script": "Hi.", "stream": True, "format": "wav"}
    with served.client.stream("POST", "/tts", json=body, headers={"X-Request-Id": "x"}) as answer:
        next(answer.iter_raw())
    assert line_of(log_records, "x")[0] == "POST /tts 200, left"


def test_of_a_socket(fake_server: ServeFake, log_records: LogRecords) -> None:
    """A session is one line with all that was spoken in it."""
    served = fake_server()
    url = f"{served.url}/v1/text-to-speech/alba/stream-input".replace("http", "ws", 1)
    headers = {"xi-api-key": KEY, "X-Request-Id": "x"}
    with connect(url, additional_headers=headers, proxy=None) as socket:
        socket.send('{"text": "One sentence. "}')
        socket.send('{"text": ""}')
        received = sum(len(frame) for frame in socket)
    said, fields = line_of(log_records, "x")
    assert said == "WEBSOCKET /v1/text-to-speech/{voice_id}/stream-input 101, closed with 1000"
    assert (fields["caller"], fields["dialect"]) == ("operator", "elevenlabs")
    assert (fields["voice"], fields["characters"]) == ("alba", len("One sentence. "))
    assert (fields["bytes_in"], fields["bytes_out"]) == (38, received)


@pytest.mark.parametrize(
    ("path", "dialect"),
    [("/v1/tts/live", "fish"), ("/ws/tts", "native"), ("/tts/ws", "pocket")],
)
def test_of_a_socket_that_is_refused(
    fake_server: ServeFake, log_records: LogRecords, path: str, dialect: str
) -> None:
    """Refused before it is opened or after, it has the reason, and the dialect that is spoken."""
    url = f"{fake_server().url}{path}".replace("http", "ws", 1)
    headers = {"X-API-Key": "wrong", "X-Request-Id": "x"}
    with (
        connect(url, additional_headers=headers, proxy=None) as socket,
        suppress(ConnectionClosed),
    ):
        while True:
            socket.recv(10)
    _, fields = line_of(log_records, "x")
    assert (fields["dialect"], fields["reason"]) == (dialect, "unauthorized")


def test_of_a_voice_that_no_socket_has(fake_server: ServeFake, log_records: LogRecords) -> None:
    """It has the voice that was asked for."""
    url = f"{fake_server().url}/v1/text-to-speech/nobody/stream-input".replace("http", "ws", 1)
    headers = {"xi-api-key": KEY, "X-Request-Id": "x"}
    with connect(url, additional_headers=headers, proxy=None) as socket:
        socket.send('{"text": "One sentence. "}')
        assert "voice_not_found" in str(socket.recv(10))
    _, fields = line_of(log_records, "x")
    assert (fields["voice"], fields["reason"]) == ("nobody", "voice_not_found")


def test_of_a_socket_that_is_not_there(fake_server: ServeFake, log_records: LogRecords) -> None:
    """It says so."""
    url = f"{fake_server().url}/nothing".replace("http", "ws", 1)
    with connect(url, additional_headers={"X-Request-Id": "x"}, proxy=None) as socket:
        assert "there is no WebSocket at /nothing" in str(socket.recv(10))
    assert line_of(log_records, "x")[1]["reason"] == "not_found"


def test_nothing_secret_is_logged(fake_server: ServeFake, log_records: LogRecords) -> None:
    """Wherever a client puts its text or its key, no line has them."""
    client = fake_server().client
    attempts: list[dict[str, Any]] = [
        {"script": SECRET},
        {"script": SECRET, "voice": 5},
        {"script": 5, SECRET: SECRET},
        {"script": SECRET * 5000},
        {"script": f"<speak>{SECRET}"},
    ]
    for number, body in enumerate(attempts):
        client.post("/tts", json=body, headers={"X-Request-Id": f"x{number}"})
        client.post("/tts", json=body, headers={"X-API-Key": SECRET})
        client.post("/tts", content=SECRET, headers={"Content-Type": "application/json"})
        client.get(f"/voice/x?token={SECRET}&signature={KEY}")
        line_of(log_records, f"x{number}")
    for record in log_records.kept:
        said = f"{record.getMessage()} {record.__dict__.get('fields')}"
        if not record.name.startswith("httpx"):
            assert SECRET not in said
            assert KEY not in said
