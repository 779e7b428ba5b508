"""Measures how long live requests wait for their first audio, with and without three jobs running.

python -m benchmarks.beside_jobs --requests 100
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.machine import describe_machine
from benchmarks.narrate import Narrator
from benchmarks.scripts import script_of

ROUNDS = 5
JOBS = 3
JOB_CHARACTERS = 60_000


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


def p95(waits: list[float]) -> float:
    """Return the wait that one in twenty exceeds."""
    return statistics.quantiles(waits, n=20)[-1]


def main() -> None:
    """Measure, interleaved, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100, help="with and without jobs each")
    arguments = parser.parse_args()
    print(describe_machine())
    waits: dict[str, list[float]] = {"alone": [], "beside jobs": []}
    with tempfile.TemporaryDirectory() as folder, Narrator(Path(folder)).server() as (_, client):
        script = script_of(JOB_CHARACTERS)
        ids = [client.post("/jobs", json={"script": script}).json()["id"] for _ in range(JOBS)]
        for turn in range(2 * ROUNDS):
            name = "beside jobs" if turn % 2 else "alone"
            for job_id in ids:
                client.post(f"/jobs/{job_id}/{'resume' if turn % 2 else 'pause'}")
            time.sleep(2)
            for number in range(arguments.requests // ROUNDS):
                waits[name].append(first_audio_seconds(client, number))
        states = [client.get(f"/jobs/{job_id}").json() for job_id in ids]
    figures = {
        name: {"p50": round(statistics.median(found), 4), "p95": round(p95(found), 4)}
        for name, found in waits.items()
    }
    ratio = p95(waits["beside jobs"]) / p95(waits["alone"])
    done = [each["percent"] for each in states]
    print(json.dumps({**figures, "p95_ratio": round(ratio, 2), "percent_done": done}, indent=2))


if __name__ == "__main__":
    main()
