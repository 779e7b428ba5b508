"""Narrates a book with the preview voice on a server that is killed on the way, and checks it.

    python -m benchmarks.narrate --characters 400000 --chapters 20 --kills 3

The recording is opened with ffprobe and mutagen; some of each chapter is heard by pocketsphinx.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.book import book_of, write_epub
from benchmarks.machine import describe_machine
from benchmarks.narrated import check

KEY = "a-key-of-the-benchmark"
LOOK_SECONDS = 2.0
SAY_SECONDS = 60.0
SETTLED_SECONDS = 90.0
"""Caches and pools have filled by then: the slope of the memory is taken after it."""


class Narrator:
    """Runs servers one after the other on the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]

    @contextmanager
    def server(self) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
        """Start a server, and end it after the block unless it was killed."""
        settings = {
            "API_KEY": KEY,
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "MODEL_LANGUAGE": "preview",
            "MAX_SPEECH_SECONDS": "100000",
            **{name: str(self._folder / name) for name in ("JOBS_DIR", "VOICES_DIR", "MODELS_DIR")},
            "VOICE_OUTPUT_DIR": str(self._folder / "saved"),
        }
        command = [sys.executable, "-c", "from app.serve import main; main()"]
        with (self._folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}",
            headers={"X-API-Key": KEY},
            timeout=120,
            trust_env=False,
        )
        try:
            with client:
                _wait_until_ready(client)
                yield process, client
        finally:
            process.terminate()
            process.wait(60)


def _wait_until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            if client.get("/ready").is_success:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not become ready")
        time.sleep(0.2)


@dataclass
class Life:
    """Follows the resident memory of one server, in MB over the seconds since it was ready."""

    began_seconds: float = field(default_factory=time.monotonic)
    looks: list[tuple[float, float]] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def look(self, process: subprocess.Popen[bytes]) -> None:
        """Take note of the memory and of the processor time until now."""
        status = Path(f"/proc/{process.pid}/status").read_text()
        kb = int(status.partition("VmRSS:")[2].split()[0])
        self.looks.append((time.monotonic() - self.began_seconds, kb / 1000))
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:15]
        self.cpu_seconds = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def figures(self) -> dict[str, float | None]:
        """Return what memory was once settled, at the end, at most, and its slope from then on."""
        settled = [each for each in self.looks if each[0] >= SETTLED_SECONDS]
        slope = None
        if len(settled) > 2:
            slope = round(statistics.linear_regression(*zip(*settled, strict=True)).slope * 60, 2)
        return {
            "minutes": round(self.looks[-1][0] / 60, 1),
            "cores_used": round(self.cpu_seconds / self.looks[-1][0], 2),
            "settled_mb": round(settled[0][1]) if settled else None,
            "end_mb": round(self.looks[-1][1]),
            "most_mb": round(max(each for _, each in self.looks)),
            "slope_mb_per_minute": slope,
        }


def narrate(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Narrate, and return the figures."""
    book, narrator = book_of(arguments.characters, arguments.chapters), Narrator(folder)
    write_epub(folder / "book.epub", book)
    began_seconds, job_id, kept = time.monotonic(), "", 0
    kills = [100 * (number + 1) / (arguments.kills + 1) for number in range(arguments.kills)]
    lives: list[Life] = []
    while True:
        with narrator.server() as (process, client):
            job_id = job_id or _begin(client, folder / "book.epub")
            lives.append(Life())
            job = client.get(f"/jobs/{job_id}").json()
            if job["segments_done"] < kept:
                raise RuntimeError("a finished segment was lost")
            job = _follow(process, client, job_id, lives[-1], kills[0] if kills else None)
            kept = job["segments_done"]
            if job["state"] == "failed":
                raise RuntimeError(job["reason"])
            if job["state"] == "done":
                wall_seconds = time.monotonic() - began_seconds
                output = folder / "book.m4b"
                output.write_bytes(client.get(f"/jobs/{job_id}/output").content)
                captions = client.get(f"/jobs/{job_id}/captions.json").json()
                break
            kills.pop(0)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
    return {
        "characters": job["characters"],
        "segments": job["segments"],
        "audio_seconds": round(job["audio_seconds"]),
        "wall_seconds": round(wall_seconds),
        "times_real_time": round(job["audio_seconds"] / wall_seconds, 1),
        **check(output, book, job, captions),
        "servers": [each.figures() for each in lives],
    }


def _begin(client: httpx.Client, book: Path) -> str:
    files = {"document": (book.name, book.read_bytes())}
    answer = client.post("/jobs", files=files, data={"seed": "1"})
    answer.raise_for_status()
    return str(answer.json()["id"])


def _follow(
    process: subprocess.Popen[bytes],
    client: httpx.Client,
    job_id: str,
    life: Life,
    until_percent: float | None,
) -> dict[str, Any]:
    """Watch a job until it has ended or come so far."""
    said_seconds = 0.0
    while True:
        life.look(process)
        job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        if time.monotonic() - said_seconds >= SAY_SECONDS:
            said_seconds = time.monotonic()
            print(
                f"{time.strftime('%H:%M:%S')} {job['state']} {job['percent']} %, "
                f"{job['audio_seconds']:.0f} s of sound, {job['seconds_left']} s left, "
                f"{life.looks[-1][1]:.0f} MB",
                flush=True,
            )
        if job["state"] in ("done", "failed"):
            return job
        if until_percent is not None and job["percent"] > until_percent:
            return job
        time.sleep(LOOK_SECONDS)


def main() -> None:
    """Narrate and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=400_000)
    parser.add_argument("--chapters", type=int, default=20)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave all there")
    arguments = parser.parse_args()
    print(describe_machine())
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        print(json.dumps(narrate(arguments.keep, arguments), indent=2))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(narrate(Path(folder), arguments), indent=2))


if __name__ == "__main__":
    main()
