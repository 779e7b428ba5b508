"""Measures the time from the start of a server without a network to its first audible sample.

python -m benchmarks.first_sound
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.engine.preview import PREVIEW_CONFIG
from benchmarks.machine import describe_machine
from benchmarks.servers import Server, our_server

# Nothing listens there, so a connection is refused at once, as on a machine without a route.
UNREACHABLE_HUB = "http://127.0.0.1:9"
AUDIBLE = 0.01
WAV_HEADER_BYTES = 44
BLOCK_BYTES = 3840


@dataclass(frozen=True)
class FirstSound:
    """Tells how long a new user waits.

    Attributes:
        ready_seconds: from the start of the process until /ready says so.
        heard_seconds: until the first sample that can be heard has arrived.
    """

    model: str
    ready_seconds: float
    heard_seconds: float


def measure() -> FirstSound:
    """Start a server whose hub cannot be reached, and listen."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        environment = {"HF_ENDPOINT": UNREACHABLE_HUB, "HF_HUB_CACHE": str(work / "hub")}
        started = time.monotonic()
        # An empty MODEL_CONFIG counts as not set.
        with our_server(PREVIEW_CONFIG, work, MODEL_CONFIG="", **environment) as server:
            ready_seconds = time.monotonic() - started
            model = _first_audible(server)
            return FirstSound(model, ready_seconds, time.monotonic() - started)


def _first_audible(server: Server) -> str:
    """Read a stream until it can be heard; return who is speaking."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{server.path}",
        server.body("Good morning! It is a lovely day."),
        server.headers,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read(WAV_HEADER_BYTES)
        while data := answer.read(BLOCK_BYTES):
            samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2") / 32768
            if np.abs(samples).max() > AUDIBLE:
                return str(answer.headers["x-tts-model"])
    raise RuntimeError("nothing was to be heard")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    found = sorted((measure() for _ in range(arguments.repeats)), key=lambda run: run.heard_seconds)
    middle = found[len(found) // 2]
    print(f"{describe_machine()}\nmodel: {middle.model}, the hub unreachable\n")
    print(f"start to ready                {middle.ready_seconds:6.1f} s")
    print(f"start to first audible sample {middle.heard_seconds:6.1f} s")
    if arguments.json:
        figures = {"ready_seconds": middle.ready_seconds, "heard_seconds": middle.heard_seconds}
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
