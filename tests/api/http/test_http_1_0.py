"""Callers that speak HTTP/1.0, for whom the end of a live body and a broken connection are one."""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from app.api.http import delivery
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, send_raw, status_of

TEXT = "The train to the city leaves in ten minutes."

LIVE: dict[str, tuple[str, dict[str, object]]] = {
    "native": ("/tts", {"script": TEXT, "stream": True, "format": "wav"}),
    "openai": ("/openai/v1/audio/speech", {"model": "tts-1", "voice": "alba", "input": TEXT}),
    "openai events": (
        "/openai/v1/audio/speech",
        {"model": "tts-1", "voice": "alba", "input": TEXT, "stream_format": "sse"},
    ),
    "fish": ("/fish/v1/tts", {"text": TEXT}),
    "elevenlabs": ("/elevenlabs/v1/text-to-speech/alba/stream", {"text": TEXT}),
    "elevenlabs lines": (
        "/elevenlabs/v1/text-to-speech/alba/stream/with-timestamps",
        {"text": TEXT},
    ),
    "flash": ("/flash/speak", {"text": TEXT, "stream": True}),
    "chattts": ("/chattts/v1/audio/speech", {"input": TEXT, "stream": True}),
    "pocket": ("/pocket/tts", {"text": TEXT}),
}
"""A live answer of each dialect, with the least body that asks for it."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def asked(address: tuple[str, int], path: str, body: dict[str, object]) -> Answer:
    """The answer to a POST over HTTP/1.0, until its connection is closed."""
    if path.startswith("/pocket/"):
        content, content_type = urlencode(body).encode(), "application/x-www-form-urlencoded"
    else:
        content, content_type = json.dumps(body).encode(), "application/json"
    head = (
        f"POST {path} HTTP/1.0\r\nX-API-Key: {KEY}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    answer = send_raw(address, head.encode() + content)
    answered, _, rest = answer.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in answered.decode().split("\r\n")[1:]]
    return Answer(status_of(answer), {name.lower(): value for name, _, value in lines}, rest)


@pytest.mark.parametrize("name", LIVE)
def test_every_live_answer_is_whole_and_says_its_length(fake_server: ServeFake, name: str) -> None:
    """What has not come to the length that its head says is known not to be whole."""
    answer = asked(fake_server().address, *LIVE[name])
    assert answer.status == 200, answer.body
    assert int(answer.headers["content-length"]) == len(answer.body) > 1000
    assert answer.headers["x-tts-voice"] == "alba"


@pytest.mark.parametrize("name", LIVE)
def test_what_breaks_in_the_middle_is_refused(fake_server: ServeFake, name: str) -> None:
    """Half a speech is never sent, for it would look like all of it."""
    engine = FakeEngine(frames_per_chunk=100, fail_after=60)
    answer = asked(fake_server(engine).address, *LIVE[name])
    assert answer.status == 500


@pytest.mark.parametrize("name", ["native", "openai events"])
def test_what_takes_too_long_is_refused_with_the_remedy(
    fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The error says what to set in nginx, and the work is given up."""
    monkeypatch.setattr(delivery, "WHOLE_WITHIN_SECONDS", 0.2)
    engine = FakeEngine(hold_after=2)
    answer = asked(fake_server(engine).address, *LIVE[name])
    assert (answer.status, answer.headers["upgrade"]) == (426, "HTTP/1.1")
    assert b"proxy_http_version 1.1" in answer.body
    assert engine.streams[0].aborted.wait(5)
