"""Measures what heavy work of some clients does to all others, with the preview voice.

    python -m benchmarks.heavy_work                   # everything, some five minutes
    python -m benchmarks.heavy_work scripts forms
    python -m benchmarks.heavy_work --root ../older   # the server of another checkout

Each line gives what a listener and /health wait for while the work goes on, and the memory. A quiet
listener is measured first, in the same run: on a busy machine only the ratio says anything.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import socket
import statistics
import tempfile
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks import servers
from benchmarks.machine import describe_machine
from benchmarks.scripts import script_of
from benchmarks.servers import SAMPLE_RATE_HZ, Server, our_server, voice_like_prompt

PREVIEW = servers.ROOT / "app/preview/preview.yaml"
LONG_CHARS = 50_000
JSON = "application/json"
_BOUNDARY = "a-boundary-that-is-not-in-it"


@dataclass
class Answer:
    """Holds what came of one request."""

    seconds: float
    status: int
    retry_after: str | None


@dataclass
class Watch:
    """Collects how long others wait meanwhile."""

    health_seconds: list[float] = field(default_factory=list)
    hello_seconds: list[float] = field(default_factory=list)

    def told(self) -> str:
        """Return the figures in words."""
        first = max(self.hello_seconds, default=float("nan"))
        usual = statistics.median(self.health_seconds)
        worst = max(self.health_seconds)
        return (
            f"first sound at worst {first:.2f} s, /health {worst:.2f} s "
            f"(median {1000 * usual:.0f} ms)"
        )


def ask(
    server: Server, path: str, body: bytes | None = None, kind: str = JSON, *, bytes_read: int = -1
) -> Answer:
    """Send a request, and read all of its answer or its beginning."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    began = time.monotonic()
    try:
        connection.request("GET" if body is None else "POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        answer.read(None if bytes_read < 0 else bytes_read)
    finally:
        connection.close()
    took = time.monotonic() - began
    return Answer(took, answer.status, answer.headers.get("Retry-After"))


def hello(server: Server) -> float:
    """Return after how long a listener of a short text hears something."""
    return ask(server, server.path, server.body("Hello there, my friend."), bytes_read=45).seconds


@contextmanager
def watched(server: Server) -> Iterator[Watch]:
    """Ask for /health, and for a short text, again and again while the block runs."""
    watch, stop = Watch(), threading.Event()

    def repeat(measure: Callable[[], float], into: list[float], pause: float) -> None:
        while not stop.is_set():
            into.append(measure())
            stop.wait(pause)

    tasks = (
        (lambda: ask(server, "/health").seconds, watch.health_seconds, 0.02),
        (lambda: hello(server), watch.hello_seconds, 0.05),
    )
    threads = [threading.Thread(target=repeat, args=task) for task in tasks]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    try:
        yield watch
    finally:
        time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()


def in_form(fields: dict[str, bytes], **files: bytes) -> tuple[bytes, str]:
    """Make a multipart body, and return its Content-Type as well."""
    parts = [(f'name="{name}"', value) for name, value in fields.items()]
    parts += [(f'name="{name}"; filename="a.wav"', data) for name, data in files.items()]
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
    body = b"".join(f"{head}{name}\r\n\r\n".encode() + data + b"\r\n" for name, data in parts)
    return body + f"--{_BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={_BOUNDARY}"


def recording(padding_bytes: int = 0, *, number: int = 0) -> bytes:
    """Make six seconds of something like a voice as a WAV file, and silence after it."""
    pcm = (voice_like_prompt() * (20_000 + number)).astype("<i2").tobytes() + bytes(padding_bytes)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(pcm)
    return buffer.getvalue()


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """Make several calls at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def scripts(server: Server) -> None:
    """Read six honest scripts of 50,000 characters, then what eight clients left behind."""
    long = script_of(LONG_CHARS)[:LONG_CHARS]
    alone = min(ask(server, "/tts", server.body(long), bytes_read=45).seconds for _ in range(3))
    print(f"  first sound of 50,000 characters, alone: {alone:.2f} s")
    with watched(server) as watch:
        six = at_once(*[lambda: ask(server, "/tts", server.body(long), bytes_read=45)] * 6)
    print(
        f"  six of them at once: {watch.told()}; theirs {max(each.seconds for each in six):.2f} s"
    )
    halves = server.body("½" * 12_000)
    head = f"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: "
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", server.port)) as left:
            left.sendall(f"{head}{len(halves)}\r\n\r\n".encode() + halves)
            time.sleep(0.03)
    print(f"  after eight clients sent 12,000 × ½ and left: first sound {hello(server):.2f} s")


def lengths(server: Server) -> None:
    """Ask for hours of speech in a few characters."""
    answer = ask(server, "/tts", server.body("½" * 40_000), bytes_read=45)
    print(f"  40,000 × ½: status {answer.status} after {answer.seconds:.2f} s")


def uploads(server: Server) -> None:
    """Send what takes long to look at, though it is refused."""
    data_url = json.dumps({"input": "Hi.", "voice": "data:" + ";a=b" * 9_000_000}).encode()
    lists = b'{"input": "Hi.", "x": [' + b"[]," * 10_000_000 + b"0]}"
    marks = json.dumps({"input": "Hi.", "voice": "a" + "\u0315\u0300" * 20_000}).encode()
    for name, body in (("data URL", data_url), ("lists", lists), ("marks", marks)):
        with watched(server) as watch:
            answer = ask(server, "/v1/audio/speech", body)
        peak = f"memory at most {server.memory_mb(peak=True):.0f} MB"
        told = f"status {answer.status} after {answer.seconds:.2f} s; {watch.told()}"
        print(f"  {name}, {len(body) / 1e6:.1f} MB: {told}; {peak}")
    body, kind = in_form({"name": b"x", "tags": b"ab," * 10_000_000}, files=recording())
    with watched(server) as watch:
        answer = ask(server, "/voices", body, kind)
    print(f"  tags, {len(body) / 1e6:.1f} MB: status {answer.status}; {watch.told()}")


def forms(server: Server) -> None:
    """Send a urlencoded form that is all escapes."""
    body = b"text=Hi.&voice_url=" + b"%" * 9_000_000 + b"%41" * 3_000_000
    before = server.cpu_seconds()
    with watched(server) as watch:
        answer = ask(server, "/pocket/tts", body, "application/x-www-form-urlencoded")
    cpu = (server.cpu_seconds() - before) / (len(body) / 1e6)
    print(f"  {len(body) / 1e6:.0f} MB of %: status {answer.status}; {cpu:.3f} s of CPU per MB, "
          f"listeners' included; {watch.told()}")  # fmt: skip


def clones(server: Server) -> None:
    """Send 25 recordings of 20 MB at once."""
    bodies = [
        in_form(
            {"script": b"Hi.", "stream": b"true"}, voice_file=recording(19_500_000, number=each)
        )
        for each in range(25)
    ]
    before = server.memory_mb()
    answers = at_once(*[lambda body=body: ask(server, "/tts/clone", *body) for body in bodies])
    told = dict(Counter((each.status, each.retry_after) for each in answers))
    print(f"  25 clones of 20 MB: (status, Retry-After) {told}; memory {before:.0f} → "
          f"{server.memory_mb(peak=True):.0f} MB at most")  # fmt: skip


KINDS: dict[str, Callable[[Server], None]] = {
    "scripts": scripts,
    "lengths": lengths,
    "uploads": uploads,
    "forms": forms,
    "clones": clones,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="all of them by default")
    parser.add_argument("--root", type=Path, default=servers.ROOT, help="the checkout to serve")
    arguments = parser.parse_args()
    print(describe_machine())
    settings: dict[str, Any] = {"MODEL_CONFIG": "", "MODEL_LANGUAGE": "preview"}
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(servers, "ROOT", arguments.root.resolve()),
        our_server(PREVIEW, Path(folder), ALLOW_VOICE_URLS="true", **settings) as server,
    ):
        hello(server)
        quiet = statistics.median(hello(server) for _ in range(9))
        print(f"quiet listener: first sound {quiet:.3f} s; memory {server.memory_mb():.0f} MB")
        for name in arguments.kinds or KINDS:
            print(f"{name}: {KINDS[name].__doc__}")
            KINDS[name](server)


if __name__ == "__main__":
    main()
