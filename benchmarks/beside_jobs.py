"""Measures how long live requests wait for their first audio, with and without three jobs running.

    python -m benchmarks.beside_jobs --seconds 300

The jobs rest and go on in turns, so that whatever else the machine does is the same for both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.machine import describe_machine
from benchmarks.narrate import Narrator
from benchmarks.scripts import script_of

PHASE_SECONDS = 30.0
"""The jobs rest or run for so long at a time; segments that are not finished then are lost."""
SETTLE_SECONDS = 7.0
JOBS = 3
JOB_CHARACTERS = 200_000
WARM_REQUESTS = 5


def first_audio_seconds(client: httpx.Client, number: int) -> float:
    """Ask for a live stream, and return when its first sound came."""
    body = {"script": f"This is request number {number}, and it is a live one.", "seed": number}
    began_seconds = time.monotonic()
    with client.stream("POST", "/tts", json={**body, "stream": True, "format": "pcm"}) as answer:
        answer.raise_for_status()
        pieces = answer.iter_raw()
        next(pieces)
        waited_seconds = time.monotonic() - began_seconds
        for _ in pieces:
            pass
    return waited_seconds


def measured(client: httpx.Client, seconds: float) -> dict[str, list[float]]:
    """Return the waits of requests, one after the other, without and with the jobs."""
    script = script_of(JOB_CHARACTERS)
    ids = [client.post("/jobs", json={"script": script}).json()["id"] for _ in range(JOBS)]
    waits: dict[str, list[float]] = {"alone": [], "beside jobs": []}
    for number in range(WARM_REQUESTS):
        first_audio_seconds(client, number)
    for turn in range(2 * max(1, round(seconds / PHASE_SECONDS / 2))):
        for job_id in ids:
            changed = client.post(f"/jobs/{job_id}/{'resume' if turn % 2 else 'pause'}")
            changed.raise_for_status()
        time.sleep(SETTLE_SECONDS)
        found = waits["beside jobs" if turn % 2 else "alone"]
        ends_seconds = time.monotonic() + PHASE_SECONDS - SETTLE_SECONDS
        while time.monotonic() < ends_seconds:
            found.append(first_audio_seconds(client, len(found)))
    jobs = [client.get(f"/jobs/{job_id}").json() for job_id in ids]
    print(f"sound made for the jobs: {sum(each['audio_seconds'] for each in jobs):.0f} s")
    return waits


def figures(waits: list[float]) -> dict[str, Any]:
    """Return the wait in the middle, and that which one in twenty exceeds, in ms."""
    p95 = statistics.quantiles(waits, n=20)[-1]
    return {
        "requests": len(waits),
        "p50_ms": round(1000 * statistics.median(waits)),
        "p95_ms": round(1000 * p95),
    }


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    arguments = parser.parse_args()
    print(f"{describe_machine()}; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder, Narrator(Path(folder)).server() as (_, client):
        waits = measured(client, arguments.seconds)
    found = {name: figures(each) for name, each in waits.items()}
    ratio = found["beside jobs"]["p95_ms"] / found["alone"]["p95_ms"]
    print(json.dumps({**found, "p95_ratio": round(ratio, 2)}, indent=2))


if __name__ == "__main__":
    main()
