"""Narrates a book with the preview voice on a server that is killed on the way, and checks it.

python -m benchmarks.narrate --characters 400000 --chapters 20 --kills 3
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
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.machine import describe_machine
from benchmarks.scripts import script_of

KEY = "a-key-of-the-benchmark"
LOOK_SECONDS = 1.0


_CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
_PACKAGE = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">a-book</dc:identifier>
<dc:title>A Long Walk</dc:title><dc:creator>Nobody</dc:creator><dc:language>en</dc:language>
</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>
"""


def write_book(path: Path, characters: int, chapters: int) -> None:
    """Write an EPUB of so many characters in so many chapters."""
    text = script_of(characters)
    size = -(-len(text) // chapters)
    names = [f"c{number}" for number in range(1, chapters + 1)]
    items = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in names
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", _CONTAINER)
        archive.writestr("book.opf", _PACKAGE.format(items=items, spine=spine))
        for number, name in enumerate(names, start=1):
            own = text[(number - 1) * size : number * size]
            cuts = range(0, len(own), 800)
            paragraphs = "".join(f"<p>{own[cut : cut + 800].strip()}</p>" for cut in cuts)
            body = f"<body><h1>Chapter {number}</h1>{paragraphs}</body>"
            page = f'<html xmlns="http://www.w3.org/1999/xhtml">{body}</html>'
            archive.writestr(f"{name}.xhtml", page)


class Narrator:
    """Runs servers one after the other on the same folder.

    Attributes:
        memory_mb: the resident memory at each look, with the seconds since the beginning.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.memory_mb: list[tuple[float, float]] = []
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

    def look(self, process: subprocess.Popen[bytes], began_seconds: float) -> None:
        """Take note of the memory."""
        status = Path(f"/proc/{process.pid}/status").read_text()
        kb = int(status.partition("VmRSS:")[2].split()[0])
        self.memory_mb.append((time.monotonic() - began_seconds, kb / 1000))


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


def narrate(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Narrate, and return the figures."""
    book, narrator = folder / "book.epub", Narrator(folder)
    write_book(book, arguments.characters, arguments.chapters)
    began_seconds, job_id = time.monotonic(), ""
    kept = 0
    marks = [100 * (number + 1) / (arguments.kills + 1) for number in range(arguments.kills)]
    while True:
        with narrator.server() as (process, client):
            if not job_id:
                files = {"document": ("book.epub", book.read_bytes())}
                answer = client.post("/jobs", files=files, data={"seed": "1"})
                answer.raise_for_status()
                job_id = answer.json()["id"]
            job = client.get(f"/jobs/{job_id}").json()
            if job["segments_done"] < kept:
                raise RuntimeError("a finished segment was lost")
            while job["state"] not in ("done", "failed"):
                time.sleep(LOOK_SECONDS)
                narrator.look(process, began_seconds)
                job = client.get(f"/jobs/{job_id}").json()
                kept = job["segments_done"]
                if marks and job["percent"] > marks[0]:
                    marks.pop(0)
                    process.send_signal(signal.SIGKILL)
                    process.wait(60)
                    break
            else:
                wall_seconds = time.monotonic() - began_seconds
                output = folder / "book.m4b"
                output.write_bytes(client.get(f"/jobs/{job_id}/output").content)
                captions = client.get(f"/jobs/{job_id}/captions.json").json()
                return _figures(job, output, captions, wall_seconds, narrator)


def _figures(
    job: dict[str, Any],
    output: Path,
    captions: dict[str, Any],
    wall_seconds: float,
    narrator: Narrator,
) -> dict[str, Any]:
    if job["state"] != "done":
        raise RuntimeError(job["reason"])
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_chapters", "-show_format"]
    probed = json.loads(subprocess.check_output([*command, str(output)]))
    chapters = [each["tags"]["title"] for each in probed["chapters"]]
    expected = [each["heading"] for each in job["chapters"]]
    starts = zip(probed["chapters"], job["chapters"], strict=True)
    off = max(abs(float(a["start_time"]) - b["start_seconds"]) for a, b in starts)
    later = narrator.memory_mb[len(narrator.memory_mb) // 2 :]
    slope = None
    if len(later) > 2:
        seconds, memory = zip(*later, strict=True)
        slope = statistics.linear_regression(seconds, memory).slope * 60
    return {
        "characters": job["characters"],
        "segments": job["segments"],
        "audio_seconds": round(job["audio_seconds"]),
        "wall_seconds": round(wall_seconds),
        "times_real_time": round(job["audio_seconds"] / wall_seconds, 1),
        "file_seconds": round(float(probed["format"]["duration"])),
        "chapters_right": chapters == expected,
        "chapters_off_seconds": round(off, 3),
        "captions_end_seconds": captions["sentences"][-1]["end"],
        "sentences": len(captions["sentences"]),
        "memory_mb_most": round(max(each for _, each in narrator.memory_mb)),
        "memory_slope_mb_per_minute": None if slope is None else round(slope, 2),
    }


def main() -> None:
    """Narrate and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=400_000)
    parser.add_argument("--chapters", type=int, default=20)
    parser.add_argument("--kills", type=int, default=3)
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(narrate(Path(folder), arguments), indent=2))


if __name__ == "__main__":
    main()
