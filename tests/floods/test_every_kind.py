"""Ten thousand requests of every kind, of whom half are not waited for, leave nothing behind."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.trend import trend
from tests.faults.processes import Leftovers, ServerProcess, server_process
from tests.floods.visits import KINDS, Visits

REQUESTS = 10_000
CLIENTS = 24
WARM_SHARE = 0.2
"""Caches, pools of threads and the system's own memory grow during this part."""

QUIET_SECONDS = 30.0
MOST_MB = 2.0
"""Memory may grow by so much for each thousand requests, at the upper end of the interval."""

LATE_THREADS = 8
"""A pool starts a thread when all that it has are busy, which may be for the first time late."""

FINE = {"200", "201", "204", "1000", "audio-stop", "left", "slow"}
EXPECTED = {("voices", "404"), ("voices", "503"), ("refused", "404"), ("saved", "404")}
"""Others delete voices of the same names meanwhile, and old audio gives way to new."""


async def work(server: ServerProcess, visits: Visits, requests: int) -> list[tuple[float, float]]:
    """Make so many requests; return the memory after each some, by thousands of requests."""
    kinds = itertools.cycle(KINDS)
    memory: list[tuple[float, float]] = []

    async def client() -> None:
        while visits.requests < requests:
            await visits.make(next(kinds))
            memory.append((visits.requests / 1000, server.memory_mb()))

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    return memory


def quiet(server: ServerProcess, before: Leftovers) -> Leftovers:
    """What is left once the server had time to clear up."""
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        left = server.leftovers()
        at_rest = left.rows == left.children == left.temporary_files == 0
        if at_rest and left.tasks <= before.tasks and left.descriptors <= before.descriptors:
            return left
        if time.monotonic() > deadline:
            return left
        time.sleep(0.2)


@pytest.mark.soak
def test_nothing_is_left_of_every_kind(
    tmp_path: Path, tiny_model: Path, recording: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """No rows, threads, tasks, descriptors, processes or files are left, and memory is flat."""
    settings = {"wyoming_port": 0, "voice_max_files": 50, "voice_cache_mb": 2.0}
    with server_process(tmp_path, tiny_model, **settings) as server:
        found = re.search(r"\(Wyoming\) is served at \S+ port (\d+)", server.log)
        assert found, server.log
        assert server.client.base_url.port
        visits = Visits(server.client.base_url.port, int(found[1]), recording)
        warm = int(WARM_SHARE * REQUESTS)
        asyncio.run(work(server, visits, warm))
        server.client.get("/health")
        before = quiet(server, Leftovers(0, 0, 10, 1000, 0, 0))
        began = time.monotonic()
        memory = asyncio.run(work(server, visits, REQUESTS))
        took_seconds = time.monotonic() - began
        after = quiet(server, before)
        complaints = Counter(re.sub(r"^\S+ ", "", line)[:100] for line in server.complaints)
    growth = trend(memory[:: max(1, len(memory) // 1000)])
    by_outcome: Counter[str] = Counter()
    for (_, outcome), times in visits.outcomes.items():
        by_outcome[outcome] += times
    with capsys.disabled():
        print(f"\n{visits.requests} requests of {len(KINDS)} kinds, {CLIENTS} at a time, the last "
              f"{1 - WARM_SHARE:.0%} in {took_seconds:.0f} s: {dict(by_outcome)}\n"
              f"before: {before}\nafter:  {after}\n"
              f"memory: {memory[-1][1]:.0f} MB, MB per 1000 requests {growth.told()}")  # fmt: skip
    unforeseen = {
        each: times
        for each, times in visits.outcomes.items()
        if each[1] not in FINE and each not in EXPECTED
    }
    assert not unforeseen, complaints
    assert not any("Traceback" in line or "unforeseen" in line for line in complaints), complaints
    assert (after.rows, after.children, after.temporary_files) == (0, 0, 0)
    assert after.threads <= before.threads + LATE_THREADS
    assert after.tasks <= before.tasks
    assert after.descriptors <= before.descriptors
    assert growth.high < MOST_MB
