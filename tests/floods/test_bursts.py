"""Whoever is refused in a burst finds a place when it was told to come back."""

from __future__ import annotations

import asyncio

import httpx

from tests.serving import KEY, Served

REQUESTS = 130
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)


async def test_a_burst_of_tiny_requests(server: Served) -> None:
    """All are served in the end, and nearly all of the refused at their first return."""
    refused: list[float] = []
    turned_away: list[float] = []
    async with httpx.AsyncClient(
        base_url=server.url, headers={"X-API-Key": KEY}, limits=LIMITS, timeout=60, trust_env=False
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
    assert len(turned_away) <= 0.2 * len(refused)
