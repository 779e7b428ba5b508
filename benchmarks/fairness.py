"""Measures how long one caller waits beside another who asks for too much, with the preview voice.

    python -m benchmarks.fairness                # the figures of docs/operating.md

The first part sends one caller's 200 requests and then another's first; the second sends more
requests at once than may wait, and compares when a place is free with what the refused were told.
Traffic goes to loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.callers.keys_file import add_key
from benchmarks.servers import Server, our_server

TINY = "Yes."
SHORT = "The keeper counts the ships as they pass, and writes each of them into his book."
LONG = " ".join([SHORT] * 12)
FLOODED_SECONDS = 2.0
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)


@dataclass
class Asked:
    """Notes what became of one request. Moments are seconds of the monotonic clock."""

    status: int
    sent: float
    queued_seconds: float
    began: float
    retry_after_seconds: float

    @property
    def admitted(self) -> float:
        """Return when it got its first row."""
        return self.sent + self.queued_seconds


async def ask(client: httpx.AsyncClient, server: Server, key: str, script: str) -> Asked:
    """Ask for speech and read it to its end."""
    sent = time.monotonic()
    body = {"script": script, "format": "wav", "stream": True}
    url = f"http://127.0.0.1:{server.port}/tts"
    async with client.stream("POST", url, json=body, headers={"X-API-Key": key}) as answer:
        began = time.monotonic()
        await answer.aread()
    queue = re.search(r"queue;dur=([0-9.]+)", answer.headers.get("server-timing", ""))
    return Asked(
        answer.status_code,
        sent,
        float(queue[1]) / 1000 if queue else 0.0,
        began,
        int(answer.headers.get("retry-after-ms", 0)) / 1000,
    )


async def beside_another(server: Server, keys: Sequence[str], requests: int, script: str) -> None:
    """Print how long a caller's first request waits alone, and beside many of another caller."""
    flooder, other = keys
    async with httpx.AsyncClient(limits=LIMITS, timeout=600, trust_env=False) as client:
        await ask(client, server, other, script)
        alone = [await ask(client, server, other, script) for _ in range(5)]
        flood = [asyncio.create_task(ask(client, server, flooder, script)) for _ in range(requests)]
        await asyncio.sleep(FLOODED_SECONDS)
        beside = await ask(client, server, other, script)
        later = [each.result() for each in flood if each.done()]
        for each in flood:
            each.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
    before = sum(beside.sent < each.admitted < beside.admitted for each in later)
    print(f"one caller's {requests} requests of {len(script)} characters, and another's first:")
    print(
        f"  first audio alone {statistics.median(each.began - each.sent for each in alone):.2f} s"
    )
    print(
        f"  beside them {beside.began - beside.sent:.2f} s, {beside.queued_seconds:.2f} s in queue"
    )
    print(f"  requests of the many that were admitted before it, after it had come: {before}")


async def burst(server: Server, key: str, requests: int, script: str) -> None:
    """Print what the refused of a burst were told, and whether that was true.

    A place in the queue is free whenever a request begins to be spoken; the first that was free
    is for the one that was told to come back first, and so on.
    """
    refused: list[Asked] = []
    returned: list[Asked] = []
    async with httpx.AsyncClient(limits=LIMITS, timeout=600, trust_env=False) as client:

        async def served() -> Asked:
            asked = await ask(client, server, key, script)
            if asked.status == 200:
                return asked
            refused.append(asked)
            while asked.status != 200:
                await asyncio.sleep(asked.retry_after_seconds)
                asked = await ask(client, server, key, script)
                returned.append(asked)
            return asked

        everybody = await asyncio.gather(*(served() for _ in range(requests)))
    print(f"{requests} requests of {len(script)} characters at once: {len(refused)} refused")
    if not refused:
        return
    told = sorted(each.retry_after_seconds for each in refused)
    print(f"  told to come back after {told[0]:.1f} to {told[-1]:.1f} s")
    turned_away = sum(each.status != 200 for each in returned)
    print(f"  found a place when they came back: all but {turned_away} of {len(returned)} times")
    answered = max(each.began for each in refused)
    free = sorted(each.admitted for each in everybody if each.admitted > answered)
    refused.sort(key=lambda each: each.began + each.retry_after_seconds)
    ratios = sorted(
        each.retry_after_seconds / (place - each.began)
        for each, place in zip(refused, free, strict=False)
    )
    print(
        f"  told, as a multiple of when a place was free: median {statistics.median(ratios):.2f}, "
        f"from {ratios[0]:.2f} to {ratios[-1]:.2f}"
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--burst", type=int, default=130)
    parser.add_argument("--part", choices=["beside", "burst"], help="this part alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        keys = [add_key(work / "keys.toml", name, ["speech"], {}) for name in ("many", "other")]
        settings = {
            "AUTH_DISABLED": "false",
            "API_KEYS_FILE": str(work / "keys.toml"),
            "MODEL_CONFIG": "",
            "MODEL_LANGUAGE": "preview",
            "DEFAULT_VOICE": "sarah",
            "QUEUE_TIMEOUT_SECONDS": "600",
        }
        queue = {"MAX_QUEUED_REQUESTS": str(options.requests)}
        if options.part != "burst":
            with our_server(Path("unused"), work, **settings, **queue) as server:
                asyncio.run(beside_another(server, keys, options.requests, SHORT))
        if options.part != "beside":
            with our_server(Path("unused"), work, **settings) as server:
                for script in (TINY, LONG, LONG):  # the second time it knows how long they take
                    asyncio.run(burst(server, keys[0], options.burst, script))


if __name__ == "__main__":
    main()
