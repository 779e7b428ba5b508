"""Measures the time from the start of a server to its first audible sample.

python -m benchmarks.first_sound
python -m benchmarks.first_sound --model models/random-english/model.yaml

Without a model there is no network either, and the preview voice fills in.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import urllib.request
from dataclasses import asdict, dataclass
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
        cpu_seconds: processor time of the server until then.
    """

    model: str
    ready_seconds: float
    heard_seconds: float
    cpu_seconds: float


def measure(config: Path | None) -> FirstSound:
    """Start a server and listen.

    Args:
        config: the model that speaks, on this disk; None for a hub that cannot be reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        environment = {"HF_ENDPOINT": UNREACHABLE_HUB, "HF_HUB_CACHE": str(work / "hub")}
        if config is None:
            environment["MODEL_CONFIG"] = ""  # counts as not set
        started = time.monotonic()
        with our_server(config or PREVIEW_CONFIG, work, **environment) as server:
            ready_seconds = time.monotonic() - started
            model = _first_audible(server)
            heard_seconds = time.monotonic() - started
            return FirstSound(model, ready_seconds, heard_seconds, server.cpu_seconds())


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
    parser.add_argument("--model", type=Path, help="a Pocket TTS YAML whose weights are here")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    runs = [measure(arguments.model) for _ in range(arguments.repeats)]
    found = sorted(runs, key=lambda run: run.heard_seconds)
    middle = found[len(found) // 2]
    print(f"{describe_machine()}\nmodel: {arguments.model or middle.model}, the hub unreachable\n")
    print(f"start to ready                {middle.ready_seconds:6.1f} s")
    print(f"start to first audible sample {middle.heard_seconds:6.1f} s")
    print(f"processor time until then     {middle.cpu_seconds:6.1f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(middle), indent=2))


if __name__ == "__main__":
    main()
