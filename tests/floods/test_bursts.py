"""Whoever is refused in a burst finds a place when it was told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from tests.serving import KEY, Served, make_settings, serve

pytestmark = pytest.mark.long

REQUESTS = 130
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose model speaks as long as its text takes, which random weights do not."""
    folder = tmp_path_factory.mktemp("speaking")
    with serve(make_settings(folder, model_fallback="preview")) as served:
        served.wait_until(lambda health: health["speaking"], seconds=30)
        yield served


async def test_a_burst_of_tiny_requests(speaking: Served) -> None:
    """All are served in the end, and most of the refused at their first or second return."""
    refused: list[float] = []
    turned_away: list[float] = []
    async with httpx.AsyncClient(
        base_url=speaking.url,
        headers={"X-API-Key": KEY},
        limits=LIMITS,
        timeout=60,
        trust_env=False,
    ) as client:

        async def served() -> None:
            told = refused
            while (answer := await client.post("/tts", json={"script": "Yes."})).status_code != 200:
                assert answer.status_code in (429, 503), answer.text
                told.append(int(answer.headers["retry-after-ms"]) / 1000)
                assert int(answer.headers["retry-after"]) >= told[-1]
                await asyncio.sleep(told[-1])
                told = turned_away

        await asyncio.gather(*(served() for _ in range(REQUESTS)))
    assert refused, "there was a place for everybody"
    # On a quiet machine a tenth is turned away once more; other tests run beside this one.
    assert len(turned_away) <= 1.5 * len(refused)
