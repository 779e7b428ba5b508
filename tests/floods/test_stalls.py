"""No client of its own can make the others wait, whatever it sends as fast as it likes."""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.attacks import STALLING, Attack, Target, half_sent, under
from tests.fakes import FakeEngine
from tests.serving import KEY
from tests.wyoming.home import Home, fake_home

FLOOR_SECONDS = 0.1
"""A first sound within this is soon enough, however soon it comes on a quiet server."""

WITHIN = 2.0
QUICK, LONG = 5, 60
COMPARISONS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with fake_home(tmp_path_factory.mktemp("floods"), FakeEngine(frames_per_chunk=2)) as made:
        yield made


def target_of(made: Home) -> Target:
    host, port = made.served.address
    return Target(host, port, KEY, made.port)


def first_sound_seconds(target: Target) -> float:
    """How long a listener who comes now waits for the first byte after the header of a WAV."""
    body = b'{"script": "Hello.", "format": "wav", "stream": true}'
    head = f"POST /tts HTTP/1.1\r\nHost: x\r\nX-API-Key: {target.key}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    began = time.monotonic()
    with socket.create_connection((target.host, target.port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while len(received.partition(b"\r\n\r\n")[2]) < 100:
            piece = connection.recv(1 << 16)
            assert piece, received
            received += piece
        assert b" 200 " in received[:20], received
        return time.monotonic() - began


def health_seconds(target: Target) -> float:
    began = time.monotonic()
    with socket.create_connection((target.host, target.port), timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        return time.monotonic() - began


MEASURES = (first_sound_seconds, health_seconds)


def median(measure: Callable[[Target], float], target: Target, times: int) -> float:
    return statistics.median(measure(target) for _ in range(times))


def assert_unnoticed(attack: Attack, target: Target, *, times: int) -> None:
    """Compare what others wait for without the attack and under it.

    A busy machine may be late by itself, so the best of several comparisons counts; what stalls the
    server does so in each of them, for seconds.
    """
    seen = []
    for _ in range(COMPARISONS):
        quiet = [median(measure, target, times) for measure in MEASURES]
        with under(attack, replace(target, stop=threading.Event())) as attacker:
            time.sleep(0.1)
            flooded = [median(measure, target, times) for measure in MEASURES]
        assert attacker.sent_bytes
        seen.append((quiet, flooded))
        allowed = [max(WITHIN * each, FLOOR_SECONDS) for each in quiet]
        if all(each < most for each, most in zip(flooded, allowed, strict=True)):
            return
    pytest.fail(f"seconds for the first sound and for /health, quiet and flooded: {seen}")


@pytest.mark.parametrize("attack", STALLING, ids=lambda each: each.__name__)
def test_one_client_is_not_noticed(made: Home, attack: Attack) -> None:
    """A listener's first sound and /health come as soon as on a quiet server."""
    assert_unnoticed(attack, target_of(made), times=QUICK)


@pytest.mark.soak
@pytest.mark.parametrize("attack", STALLING, ids=lambda each: each.__name__)
def test_eight_clients_for_long(made: Home, attack: Attack) -> None:
    """Nor are eight at once, nor do they make the process grow."""
    target = target_of(made)
    before_bytes = resident_bytes()
    with under(attack, target, clients=7):
        assert_unnoticed(attack, target_of(made), times=LONG)
    assert resident_bytes() - before_bytes < 100e6


def resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("this system does not say how much memory a process has")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_half_sent_requests(tmp_path: Path) -> None:
    """Whoever asks is served, though others hold every place and send nothing more."""
    with fake_home(tmp_path, FakeEngine(frames_per_chunk=2), max_connections=20) as made:
        target = target_of(made)
        with under(half_sent, target, clients=40):
            time.sleep(0.3)
            assert median(health_seconds, target, 9) < 0.5
            assert median(first_sound_seconds, target, 5) < 0.5


def test_idle_connections_are_closed(tmp_path: Path) -> None:
    """Half a head is not waited for, nor is a connection kept on which nothing is asked."""
    beginnings = (b"", b"GET /health HTT", b"GET /health HTTP/1.1\r\nHost: x\r\n")
    answered = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with fake_home(tmp_path, connection_idle_seconds=0.4) as made:
        for beginning in (*beginnings, answered, answered + beginnings[1]):
            with socket.create_connection(made.served.address, timeout=5) as connection:
                connection.sendall(beginning)
                began = time.monotonic()
                with suppress(ConnectionResetError):
                    while connection.recv(1 << 16):
                        pass
                assert 0.2 < time.monotonic() - began < 2.0
