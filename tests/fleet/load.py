"""Asks a fleet for speech from many callers at once, and counts what became of each request."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.serving import KEY

SCRIPT = "The ship sailed at dawn, and nobody on the quay waved."
RATE_BYTES = 48_000
HEADER_BYTES = 44
PATIENCE_SECONDS = 60.0


@dataclass
class Load:
    """Holds what became of the requests that have ended.

    Attributes:
        ended: how often each thing happened: `whole`, `aborted` after the first byte, `lost` before
            it, and the statuses of refusals.
        sizes: how many bytes of sound each whole answer had.
    """

    ended: Counter[str] = field(default_factory=Counter)
    sizes: list[int] = field(default_factory=list)
    first_seconds: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, how: str) -> None:
        with self._lock:
            self.ended[how] += 1

    @property
    def audio_seconds(self) -> float:
        return sum(self.sizes) / RATE_BYTES


def ask(load: Load, client: httpx.Client, seed: int) -> None:
    """Ask for a live answer, and read it to its end."""
    body = {"script": SCRIPT, "format": "wav", "stream": True, "seed": seed}
    began_seconds = time.monotonic()
    heard = 0
    try:
        with client.stream("POST", "/tts", json=body) as answer:
            if answer.status_code != 200:
                answer.read()
                load.count(str(answer.status_code))
                time.sleep(0.2)
                return
            for piece in answer.iter_raw():
                if not heard:
                    load.first_seconds.append(time.monotonic() - began_seconds)
                heard += len(piece)
    except httpx.TransportError:
        load.count("aborted" if heard else "lost")
        return
    load.sizes.append(heard - HEADER_BYTES)
    load.count("whole")


@contextmanager
def under_load(url: str, callers: int) -> Iterator[Load]:
    """Keep so many callers asking until the end of the block, and then wait for their answers."""
    load, stop = Load(), threading.Event()
    seeds = itertools.count(1)

    def call() -> None:
        headers = {"X-API-Key": KEY}
        with httpx.Client(
            base_url=url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False
        ) as client:
            while not stop.is_set():
                ask(load, client, next(seeds))

    threads = [threading.Thread(target=call, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
