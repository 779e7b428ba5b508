"""Whatever anybody sends is read or refused in time that is linear in its length."""

from __future__ import annotations

import asyncio
import math
import os
import random
import reprlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.main import create_app
from tests.fakes import FakeEngine
from tests.fuzz.asgi import ask
from tests.fuzz.surfaces import Surface, length, surfaces
from tests.serving import make_settings

QUICK, LONG = 2_000, 100_000
ONE_IN = {"form": 3, "body": 3, "ElevenLabs' socket": 6, "Fish's socket": 6}
"""Of these, which ask a whole app, there are fewer."""
TRIES = 3
"""What is slow once may have been interrupted; what is slow each time is slow."""


@pytest.fixture
def read_by(tmp_path: Path) -> Iterator[tuple[Surface, ...]]:
    """All that reads inputs, some of it in an app that is ready."""
    app = create_app(make_settings(tmp_path), lambda: FakeEngine(frames_per_chunk=1))
    with asyncio.Runner() as runner:
        loop, life = runner.get_loop(), app.router.lifespan_context(app)
        loop.run_until_complete(life.__aenter__())
        while loop.run_until_complete(ask(app, "/ready", method="GET")).status != 200:
            time.sleep(0.01)
        yield surfaces(app, loop, tmp_path)
        loop.run_until_complete(life.__aexit__(None, None, None))


def test_inputs(read_by: tuple[Surface, ...]) -> None:
    """Some thousand inputs, the same in every run."""
    read_all(read_by, QUICK, seed=1)


@pytest.mark.soak
def test_many_inputs(read_by: tuple[Surface, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred thousand, others in each run."""
    seed = int(os.environ.get("FUZZ_SEED", time.time_ns() % 1_000_000))
    with capsys.disabled():
        print(f"\nFUZZ_SEED={seed}")
        print(read_all(read_by, LONG, seed=seed))


def read_all(read_by: tuple[Surface, ...], count: int, *, seed: int) -> str:
    """Have inputs read, and tell how many and how quickly in a table of Markdown."""
    shares = [1 / ONE_IN.get(each.name, 1) for each in read_by]
    rows = ["| what reads | inputs | a second | slowest | of its bound |", "|---|---|---|---|---|"]
    for surface, share in zip(read_by, shares, strict=True):
        began, times = time.monotonic(), math.ceil(count * share / sum(shares))
        worst_share, worst_seconds = max(read(surface, f"{seed}/{each}") for each in range(times))
        rate = times / (time.monotonic() - began)
        rows.append(
            f"| {surface.name} | {times:,} | {rate:,.0f} | {1000 * worst_seconds:.0f} ms | "
            f"{worst_share:.0%} |"
        )
    return "\n".join(rows)


def read(surface: Surface, name: str) -> tuple[float, float]:
    """Have the input of that name read; return its share of what it may take, and the seconds."""
    made = surface.make(random.Random(f"{surface.name}/{name}"))
    try:
        seconds = surface.taken_seconds(made)
        for _ in range(TRIES - 1):
            if seconds > surface.bound_seconds(made):
                seconds = min(seconds, surface.taken_seconds(made))
    except Exception as error:
        error.add_note(f"{surface.name} reads input {name}: {reprlib.repr(made)}")
        raise
    share = seconds / surface.bound_seconds(made)
    assert share <= 1, f"{surface.name} takes {seconds:.3f} s for input {name} of {length(made)}"
    return share, seconds
