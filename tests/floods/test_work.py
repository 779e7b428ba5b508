"""What some clients have worked on, others do not wait for, and it ends when its clients leave."""

from __future__ import annotations

import json
import random
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from app.bounds import POOLS
from app.speech import TokenCounter
from benchmarks.scripts import script_of
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.full_disk import full_disk
from tests.serving import KEY, LogRecords, Served, error_of

JSON = "application/json"
LONG = script_of(50_000)[:50_000]
FLOOR_SECONDS = 0.4
"""A busy machine may be late by so much by itself; what stalls the server does so for seconds."""
TRIES = 3
"""One of so many comparisons has to be good: what stalls the server does so in each."""


def first_byte_seconds(served: Served, script: str) -> float:
    began = time.monotonic()
    body = {"script": script, "format": "wav", "stream": True}
    with served.client.stream("POST", "/tts", json=body) as answer:
        assert answer.status_code == 200
        next(answer.iter_raw())
        return time.monotonic() - began


def left_alone(served: Served, path: str, body: bytes, kind: str, *, after_seconds: float) -> None:
    """Send a request and hang up before its answer."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Type: {kind}\r\n"
    with socket.create_connection(served.address, timeout=5) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(after_seconds)


@contextmanager
def longest_wait(served: Served) -> Iterator[list[float]]:
    """Ask for /health all the while; collect how long each answer took."""
    waits, stop = [0.0], threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=served.url, timeout=60, trust_env=False) as client:
            while not stop.is_set():
                began = time.monotonic()
                assert client.get("/health").status_code == 200
                waits.append(time.monotonic() - began)
                stop.wait(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.05)
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def multipart(**fields: bytes) -> tuple[bytes, str]:
    head = "--x\r\nContent-Disposition: form-data; "
    parts = (
        f'{head}name="{name}"'.encode()
        + (b'; filename="a.wav"' if name in ("files", "voice_file") else b"")
        + b"\r\n\r\n"
        + data
        + b"\r\n"
        for name, data in fields.items()
    )
    return b"".join(parts) + b"--x--\r\n", "multipart/form-data; boundary=x"


def voiced(voice: str) -> bytes:
    return json.dumps({"input": "Hi.", "voice": voice}, ensure_ascii=False).encode()


LOOKED_AT: dict[str, Callable[[], tuple[str, bytes, str]]] = {
    "data URL": lambda: ("/v1/audio/speech", voiced("data:" + ";a=b" * 4_000_000), JSON),
    "lists": lambda: ("/v1/audio/speech", b'{"input": [' + b"[]," * 3_000_000 + b"0]}", JSON),
    "marks": lambda: ("/v1/audio/speech", voiced("a" + "\u0315\u0300" * 40_000), JSON),
    "marks in a name": lambda: (
        "/voices",
        *multipart(name=("a" + "\u0315\u0300" * 40_000).encode(), files=b"RIFF"),
    ),
    "tags": lambda: ("/voices", *multipart(name=b"a", tags=b"ab," * 10_000_000, files=b"RIFF")),
}


@pytest.mark.parametrize("name", LOOKED_AT)
def test_looking_at_a_body_stalls_nobody(fake_server: ServeFake, name: str) -> None:
    """Whatever a body holds, it is refused soon, and others are answered meanwhile."""
    served = fake_server()
    path, body, kind = LOOKED_AT[name]()
    seen = []
    for _ in range(TRIES):
        with longest_wait(served) as waits:
            began = time.monotonic()
            answer = served.client.post(path, content=body, headers={"Content-Type": kind})
            took_seconds = time.monotonic() - began
        assert 400 <= answer.status_code < 500, answer.text
        assert len(answer.content) < 2000
        seen.append((max(waits), took_seconds))
        if max(waits) < FLOOR_SECONDS and took_seconds < 3:
            return
    pytest.fail(f"seconds for /health at worst, and for the refusal: {seen}")


class SlowTokenizer(FakeEngine):
    """Counts tokens as slowly as the preview's tokenizer does: a second for a long script."""

    read_chars = 0

    def token_counter(self, text: str) -> TokenCounter:
        time.sleep(20e-6 * len(text))
        self.read_chars += len(text)
        return super().token_counter(text)


def test_long_scripts_hold_up_nobody(fake_server: ServeFake) -> None:
    """The first is heard before it is read to its end, and a short text among six sooner."""
    engine = SlowTokenizer(frames_per_chunk=1, hold_after=2)
    served = fake_server(engine)
    first_byte_seconds(served, LONG)
    assert engine.read_chars < len(LONG) / 2
    engine.hold_after = None
    seen = []
    for _ in range(TRIES):
        with ThreadPoolExecutor(6) as pool, longest_wait(served) as waits:
            six = [pool.submit(first_byte_seconds, served, LONG) for _ in range(6)]
            time.sleep(0.05)
            short = first_byte_seconds(served, "Hello there.")
            slowest = max(each.result() for each in six)
        seen.append((short, slowest, max(waits)))
        if short < max(FLOOR_SECONDS, slowest / 4) and max(waits) < FLOOR_SECONDS:
            return
    pytest.fail(f"seconds for a short text, the slowest long one and /health: {seen}")


def test_scripts_whose_clients_left_are_not_read(fake_server: ServeFake) -> None:
    """Whoever comes after eight that hung up does not wait for what they asked for."""
    served = fake_server(SlowTokenizer())
    body = json.dumps({"script": "½" * 12_000}).encode()
    for _ in range(8):
        left_alone(served, "/tts", body, JSON, after_seconds=0.02)
    assert first_byte_seconds(served, "Hello there.") < FLOOR_SECONDS


def test_hours_of_speech_are_refused(fake_server: ServeFake) -> None:
    """Few characters that become many words are counted as such, before anything is spoken."""
    engine = FakeEngine()
    served = fake_server(engine)
    began = time.monotonic()
    answer = served.client.post("/tts", json={"script": "½" * 40_000})
    assert "would sound for more than the 3600 seconds" in error_of(answer, 413)["message"]
    assert time.monotonic() - began < 5
    assert engine.streams == []


def program(folder: Path, script: str) -> Path:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def slow_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("the decoder is a shell script")
    slow = program(tmp_path, "exec sleep 60")
    monkeypatch.setattr("app.assembly.speakers.find_ffmpeg", lambda: slow)


RECORDING = b"RIFF" + bytes(300_000)
CLONING = {
    "clone": ("/tts/clone", *multipart(script=b"Hi.", voice_file=RECORDING)),
    "voice": ("/voices", *multipart(name=b"a", files=RECORDING)),
    "base64": ("/v1/audio/speech", voiced("data:;base64," + "UklGR" * 1000), JSON),
}


def children() -> set[str]:
    """List the processes that any thread of this one has started."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended meanwhile
            found.update((task / "children").read_text().split())
    return found


@pytest.mark.usefixtures("slow_ffmpeg")
@pytest.mark.skipif(sys.platform != "linux", reason="children are counted on Linux")
@pytest.mark.parametrize("way", CLONING)
def test_decoding_ends_when_the_client_leaves(fake_server: ServeFake, way: str) -> None:
    """No process outlasts whoever sent it a recording."""
    served, before = fake_server(), children()
    path, body, kind = CLONING[way]
    sending = threading.Thread(
        target=left_alone, args=(served, path, body, kind), kwargs={"after_seconds": 1.0}
    )
    sending.start()
    while children() <= before:
        assert sending.is_alive()
        time.sleep(0.005)
    sending.join()
    left_seconds = time.monotonic()
    while not children() <= before:
        assert time.monotonic() - left_seconds < 1.0
        time.sleep(0.005)


@pytest.mark.usefixtures("slow_ffmpeg")
def test_recordings_that_wait_are_counted(fake_server: ServeFake) -> None:
    """Beyond what there is memory for they are refused, and may come again."""
    served = fake_server(max_upload_mb=1, max_bodies_mb=0.1)  # one body fits at least
    body, kind = multipart(script=b"Hi.", voice_file=bytes(900_000))

    def send() -> httpx.Response | None:
        with suppress(httpx.ReadTimeout):
            kinds = {"Content-Type": kind}
            return served.client.post("/tts/clone", content=body, headers=kinds, timeout=2)
        return None

    with ThreadPoolExecutor(4) as pool:
        done = [answer for answer in pool.map(lambda _: send(), range(4)) if answer is not None]
    assert 1 <= len(done) <= 2
    for answer in done:
        assert error_of(answer, 429)["type"] == "overloaded"
        assert answer.headers["retry-after"] == "5"


def made_files(served: Served, recording: bytes) -> list[httpx.Response]:
    client = served.client
    complete = {"script": "Hello.", "stream": False}
    return [
        client.post("/tts", json={**complete, "format": "mp3"}),
        client.post("/voices", data={"name": "a"}, files={"files": ("a.wav", recording)}),
        client.post("/tts/clone", data={"script": "Hi."}, files={"voice_file": ("a", recording)}),
    ]


def test_ffmpeg_has_vanished(
    fake_server: ServeFake,
    tmp_path: Path,
    recording: bytes,
    log_records: LogRecords,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever needs it is a 503 that says so, with one line in the log and no trace."""
    monkeypatch.setattr("app.assembly.speakers.find_ffmpeg", lambda: tmp_path / "gone")
    served = fake_server()
    live = served.client.post("/tts", json={"script": "Hello.", "format": "mp3"})
    for answer in (live, *made_files(served, recording)):
        assert error_of(answer, 503)["type"] == "ffmpeg_unavailable"
    assert served.client.post("/tts", json={"script": "Hi.", "format": "wav"}).status_code == 200
    told = [each for each in log_records.kept if each.levelname == "ERROR"]
    assert [each.getMessage()[:22] for each in told] == ["FFmpeg does not start:"] * 4
    assert not any(each.exc_info for each in told)


def test_the_disk_is_full(
    fake_server: ServeFake, recording: bytes, log_records: LogRecords
) -> None:
    """Whatever needs a temporary file is a 507 that says so, and works again afterwards."""
    served = fake_server()
    with full_disk():
        refused = made_files(served, recording)
    for answer in refused:
        assert error_of(answer, 507)["type"] == "storage_failed"
    assert not any(each.exc_info for each in log_records.kept)
    assert [each.status_code for each in made_files(served, recording)] == [200, 201, 200]


def leftovers() -> tuple[int, int, int]:
    """Count the threads, open files and children of this process."""
    return (
        threading.active_count(),
        len(list(Path("/proc/self/fd").iterdir())),
        len(children()),
    )


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="leftovers are counted on Linux")
def test_nothing_is_left_of_heavy_work(
    fake_server: ServeFake, tmp_path: Path, recording: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute of every kind of heavy work, half of it left alone, leaves nothing behind."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    served = fake_server(SlowTokenizer(frames_per_chunk=1))
    script = json.dumps({"script": LONG, "format": "mp3", "stream": False}).encode()
    kinds = [
        ("/tts", script, JSON),
        ("/tts", json.dumps({"script": "½" * 6000}).encode(), JSON),
        ("/tts/clone", *multipart(script=b"Hi.", voice_file=recording + bytes(5_000_000))),
        ("/voices", *multipart(name=b"a", replace=b"true", files=recording)),
        *CLONING.values(),
        *(made() for made in LOOKED_AT.values()),
    ]
    chance, stop_seconds = random.Random(7), time.monotonic() + 60

    def work(number: int) -> None:
        while time.monotonic() < stop_seconds:
            path, body, kind = kinds[(number := number + 1) % len(kinds)]
            with suppress(OSError, httpx.HTTPError):
                if chance.random() < 0.5:
                    left_alone(served, path, body, kind, after_seconds=chance.random())
                else:
                    headers = {"Content-Type": kind}
                    answer = served.client.post(path, content=body, headers=headers, timeout=60)
                    assert answer.status_code < 500 or answer.status_code == 503

    before = leftovers()
    with longest_wait(served) as waits, ThreadPoolExecutor(12) as pool:
        for done in [pool.submit(work, number) for number in range(12)]:
            done.result()
    deadline_seconds = time.monotonic() + 10
    idle_threads = sum(bounds.threads for bounds in POOLS.values()) + 40
    while True:
        threads, files, processes = leftovers()
        quiet = threads <= before[0] + idle_threads and files <= before[1] + 20
        if quiet and processes <= before[2] and not any(scratch.iterdir()):
            break
        assert time.monotonic() < deadline_seconds, (before, leftovers(), [*scratch.iterdir()])
        time.sleep(0.1)
    assert statistics.median(waits) < FLOOR_SECONDS
