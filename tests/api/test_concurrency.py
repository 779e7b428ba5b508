"""Several requests at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

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
