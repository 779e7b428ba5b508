"""Asks a fleet for speech from many callers at once, and counts what became of each request."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.serving import KEY

SCRIPT = "The ship sailed at dawn, and nobody on the quay waved."
LONG_SCRIPT = " ".join([SCRIPT] * 8)
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


def ask(
    load: Load,
    client: httpx.Client,
    seed: int,
    *,
    script: str = SCRIPT,
    begun: Callable[[], object] = lambda: None,
) -> None:
    """Ask for a live answer, and read it to its end.

    Args:
        begun: is called once its first bytes are here.
    """
    body = {"script": script, "format": "wav", "stream": True, "seed": seed}
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
                    begun()
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
        with _client(url) as client:
            while not stop.is_set():
                ask(load, client, next(seeds))

    with _threads(call, callers):
        try:
            yield load
        finally:
            stop.set()


@contextmanager
def listening(url: str, callers: int) -> Iterator[Load]:
    """Let so many listen to something long, of which all have heard the beginning in the block.

    At its end all have heard the rest, or were cut off.
    """
    load, begun = Load(), threading.Semaphore(0)
    seeds = itertools.count(1)

    def listen() -> None:
        with _client(url) as client:
            ask(load, client, next(seeds), script=LONG_SCRIPT, begun=begun.release)

    with _threads(listen, callers):
        for _ in range(callers):
            assert begun.acquire(timeout=PATIENCE_SECONDS), f"nobody speaks: {load.ended}"
        yield load


def _client(url: str) -> httpx.Client:
    headers = {"X-API-Key": KEY}
    return httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)


@contextmanager
def _threads(work: Callable[[], None], count: int) -> Iterator[None]:
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
