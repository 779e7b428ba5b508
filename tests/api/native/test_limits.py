"""A caller gets what its key allows, is told what is left, and when to come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.callers.keys_file import add_key
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served, error_of

SPEECH = {"script": "Hello there.", "format": "wav"}


class Shop:
    """A server, and the key of one caller who has limits."""

    def __init__(self, serve: ServeFake, folder: Path, engine: FakeEngine, **limits: int) -> None:
        path = folder / "keys.toml"
        self.headers = {"X-API-Key": add_key(path, "shop", ["speech"], limits)}
        self.served: Served = serve(engine, api_keys_file=path)

    def speak(self, **fields: Any) -> httpx.Response:
        return self.served.client.post("/tts", json={**SPEECH, **fields}, headers=self.headers)


def test_requests(fake_app: ServeFake, tmp_path: Path) -> None:
    """Every answer tells what is left; beyond the limit it is a 429 with the seconds to wait."""
    shop = Shop(fake_app, tmp_path, FakeEngine(), requests_per_minute=2)
    first = shop.speak()
    assert first.headers["ratelimit-policy"] == '"requests";q=2;w=60'
    assert first.headers["ratelimit"].startswith('"requests";r=1;t=')
    assert shop.speak().headers["ratelimit"].startswith('"requests";r=0;t=')
    refused = shop.speak()
    error = error_of(refused, 429)
    assert "2 requests a minute" in error["message"]
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"requests";r=0;t=')
    # The operator has none of these limits, and hears of none.
    operator = shop.served.client.post("/tts", json=SPEECH)
    assert operator.status_code == 200
    assert "ratelimit" not in operator.headers


def test_characters(fake_app: ServeFake, tmp_path: Path) -> None:
    """Scripts count by their characters, in every dialect; what is refused counts for nothing."""
    shop = Shop(fake_app, tmp_path, FakeEngine(), characters_per_minute=30)
    assert shop.speak().headers["ratelimit"].startswith('"characters";r=18;t=')
    assert "30 characters a minute" in error_of(shop.speak(script="x" * 19), 429)["message"]
    body = {"input": "x" * 18, "stream": False}
    answer = shop.served.client.post("/v1/audio/speech", json=body, headers=shop.headers)
    assert answer.headers["ratelimit"].startswith('"characters";r=0;t=')
    too_large = error_of(shop.speak(script="y" * 31), 413)
    assert "31 characters are more than 30" in too_large["message"]
    assert too_large["field"] == "script"


@pytest.mark.parametrize("stream", [True, False])
async def test_streams(fake_server: ServeFake, tmp_path: Path, stream: bool) -> None:
    """While one is answered another is refused; once the client has left there is room again."""
    engine = FakeEngine(hold_after=2)
    shop = Shop(fake_server, tmp_path, engine, concurrent_streams=1)
    body = {**SPEECH, "stream": stream}
    async with shop.served.async_client() as client:
        client.headers.update(shop.headers)
        async with client.stream("POST", "/tts", json={**SPEECH, "stream": True}) as answer:
            assert answer.status_code == 200
            refused = await client.post("/tts", json=body)
            assert refused.status_code == 429
            assert "being answered already" in refused.json()["error"]["message"]
        engine.let_go.set()
        for _ in range(100):
            again = await client.post("/tts", json=body)
            if again.status_code == 200:
                return
    raise AssertionError(again.text)
