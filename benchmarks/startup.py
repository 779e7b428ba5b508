"""Measures start-up time, memory and time to first audio of this server on an idle machine.

python -m benchmarks.startup --model models/random-english/model.yaml
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from app.engine.resting import REST_AFTER_SECONDS
from app.engine.supervisor import REST_SECONDS
from benchmarks.listener import listen
from benchmarks.machine import describe_machine
from benchmarks.models import model_argument
from benchmarks.scripts import MEDIUM_CHARS, script_of
from benchmarks.servers import Server, our_server

FIRST_SECONDS = 10.0
"""Within these the first voice has been made; how words are timed has hardly been looked at."""
RESTS_AFTER_SECONDS = max(REST_AFTER_SECONDS, REST_SECONDS) + 3.0
UNLOADED_AFTER_SECONDS = RESTS_AFTER_SECONDS + 15.0


def measure(model: Path, *, repeats: int) -> dict[str, float]:
    """Return medians over `repeats` requests after one that warms up."""
    with (
        tempfile.TemporaryDirectory() as folder,
        our_server(
            model, Path(folder), IDLE_UNLOAD_MINUTES=f"{UNLOADED_AFTER_SECONDS / 60}"
        ) as server,
    ):
        ready_mb = server.memory_mb()
        idle_mb = _least_memory_mb(server)
        waits = asyncio.run(_first_audio_seconds(server, repeats))
        return {
            "start_seconds": server.start_seconds,
            "ready_memory_mb": ready_mb,
            "idle_memory_mb": idle_mb,
            "peak_memory_mb": server.memory_mb(peak=True),
            "first_request_seconds": waits[0],
            "first_audio_seconds": statistics.median(waits[1:]),
            **_out_of_memory(server),
        }


def _least_memory_mb(server: Server) -> float:
    """Return the memory once the weights are let go of that only new voices need."""
    least = server.memory_mb()
    until = time.monotonic() + FIRST_SECONDS
    while time.monotonic() < until:
        time.sleep(0.1)
        least = min(least, server.memory_mb())
    return least


def _out_of_memory(server: Server) -> dict[str, float]:
    """Wait for what is let go while nobody speaks, and measure what that saves and costs."""
    loaded_mb = server.memory_mb()
    while _health(server)["engine"]["alignment"] is None:  # how words are timed is found out
        time.sleep(0.2)
    time.sleep(RESTS_AFTER_SECONDS)
    resting_mb = server.memory_mb()
    while _health(server)["model"]["state"] != "idle":
        time.sleep(0.2)
    time.sleep(1)
    unloaded_mb = server.memory_mb()
    (seconds, *_) = asyncio.run(_first_audio_seconds(server, 0))
    return {
        "loaded_memory_mb": loaded_mb,
        "resting_memory_mb": resting_mb,
        "unloaded_memory_mb": unloaded_mb,
        "first_audio_after_idle_seconds": seconds,
    }


def _health(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health") as answer:
        health: dict[str, Any] = json.load(answer)
        return health


async def _first_audio_seconds(server: Server, repeats: int) -> list[float]:
    waits = []
    for index in range(repeats + 1):
        hearing = await listen(
            server, script_of(MEDIUM_CHARS, start=index), scheduled=time.monotonic()
        )
        if hearing.first_audio is None or not hearing.complete:
            raise RuntimeError(f"a request failed: {hearing}")
        waits.append(hearing.first_audio - hearing.scheduled)
    return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model_argument(parser)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    figures = measure(arguments.model, repeats=arguments.repeats)
    print(f"{describe_machine()}\nmodel: {arguments.model}\n")
    print(f"start to ready            {figures['start_seconds']:8.1f} s")
    print(f"first audio, first time   {1000 * figures['first_request_seconds']:8.0f} ms")
    print(f"first audio, median       {1000 * figures['first_audio_seconds']:8.0f} ms")
    print(f"memory, just ready        {figures['ready_memory_mb']:8.0f} MB")
    print(f"memory, seconds later     {figures['idle_memory_mb']:8.0f} MB")
    print(f"memory, peak              {figures['peak_memory_mb']:8.0f} MB")
    print(f"memory, after speech      {figures['loaded_memory_mb']:8.0f} MB")
    print(f"memory, idle after that   {figures['resting_memory_mb']:8.0f} MB")
    print(f"memory, model unloaded    {figures['unloaded_memory_mb']:8.0f} MB")
    print(f"first audio after that    {1000 * figures['first_audio_after_idle_seconds']:8.0f} ms")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
