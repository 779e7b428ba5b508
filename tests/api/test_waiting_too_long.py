"""Who waits for longer than is of use is refused, however they ask, and nothing waits on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect
from wyoming.error import Error
from wyoming.tts import Synthesize

from tests.fakes import FakeEngine
from tests.serving import KEY, error_of
from tests.wyoming.home import Home, fake_home, hear


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with fake_home(tmp_path, FakeEngine(hold_after=0), queue_timeout_seconds=0.3) as made:
        yield made
        time.sleep(0.05)
        assert made.served.client.get("/health").json()["engine"]["running_rows"] == 0


@pytest.mark.parametrize("body", [{"stream": True}, {"stream": False}, {"type": "url"}])
def test_over_http(home: Home, body: dict[str, object]) -> None:
    refused = home.served.client.post("/tts", json={"script": "Hello there.", **body})
    assert "no audio within 0.3 s" in error_of(refused, 429)["message"]
    assert refused.headers["retry-after"] == "1"


def test_over_a_socket(home: Home) -> None:
    url = f"{home.served.url.replace('http', 'ws')}/v1/text-to-speech/alba/stream-input"
    with connect(url, additional_headers={"xi-api-key": KEY}, proxy=None) as socket:
        socket.send(json.dumps({"text": "Hello there. "}))
        socket.send(json.dumps({"text": ""}))
        assert "no audio within 0.3 s" in json.loads(socket.recv(10))["message"]


async def test_over_wyoming(home: Home) -> None:
    async with home.client() as client:
        await client.write_event(Synthesize("Hello there.").event())
        heard = await hear(client)
    assert isinstance(heard.error, Error)
    assert "no audio within 0.3 s" in heard.error.text
