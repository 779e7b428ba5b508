"""Several requests at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.speech import TokenCounter
from tests.conftest import ServeFake
from tests.fakes import FakeEngine


def _speak(client: httpx.Client, number: int) -> int:
    body = {"script": f"Hello, this is request number {number}.", "stream": number % 2 == 0}
    answer = client.post("/tts", json=body | {"format": "wav"})
    assert answer.headers["content-type"] == "audio/wav"
    return answer.status_code


def test_requests_at_once(client: httpx.Client) -> None:
    """Requests that come at once are all spoken by the real model."""
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda number: _speak(client, number), range(4))) == [200] * 4


def test_one_request_does_not_wait_for_another(fake_server: ServeFake) -> None:
    """While one request hangs, others are answered."""
    engine = FakeEngine(hold_after=2)
    client = fake_server(engine).client
    body = {"script": "Hello.", "format": "wav", "stream": True}
    with client.stream("POST", "/tts", json=body) as hanging:
        pieces = hanging.iter_raw()
        assert next(pieces)
        engine.hold_after = None
        assert _speak(client, 1) == 200
        assert client.get("/health").json()["engine"]["running_rows"] == 1
        engine.let_go.set()
        assert list(pieces)


class SlowReader(FakeEngine):
    """Takes long over a script."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.read = threading.Event(), threading.Event()

    def token_counter(self, text: str) -> TokenCounter:
        self.reading.set()
        assert self.read.wait(10)
        return super().token_counter(text)


def test_too_many_scripts_at_once(fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts that come faster than they can be read wait for their turn."""
    monkeypatch.setattr("app.speaking.door.SCRIPTS_IN_READING", 1)
    engine = SlowReader()
    client = fake_app(engine).client
    with ThreadPoolExecutor(3) as pool:
        spoken = [pool.submit(_speak, client, 1) for _ in range(3)]
        assert engine.reading.wait(5)
        assert not any(each.done() for each in spoken)
        engine.read.set()
        assert [each.result() for each in spoken] == [200] * 3
