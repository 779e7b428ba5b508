"""Measures what others notice of each flood, and what it costs the server.

    python -m benchmarks.floods --root /path/of/another/checkout --root .

Each checkout's server speaks with the preview voice, on loopback, and is attacked in the same way.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import attacks
from benchmarks.attacks import Attack, Target, under
from benchmarks.servers import Server, our_server

KEY = "key-of-the-benchmark"
SECONDS = 6.0
WARM_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 30.0
FEW_DESCRIPTORS = 256


@contextlib.contextmanager
def served(
    root: Path, work: Path, *, descriptors: int | None = None
) -> Iterator[tuple[Server, Target]]:
    """Run the server of a checkout; give it and where to attack it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        wyoming_port = probe.getsockname()[1]
    settings = {
        "MODEL_CONFIG": "",
        "MODEL_LANGUAGE": "preview",
        "AUTH_DISABLED": "false",
        "API_KEY": KEY,
        "WYOMING_PORT": str(wyoming_port),
        "LOG_LEVEL": "info",
        "PYTHONPATH": str(root.resolve()),
    }
    with our_server(Path("none"), work, descriptors, **settings) as server:
        yield server, Target("127.0.0.1", server.port, KEY, wyoming_port)


def wait_seconds(
    target: Target,
    request: bytes,
    enough_bytes: int,
    patience_seconds: float = LONGEST_WAIT_SECONDS,
) -> float:
    """Return how long it takes until so many bytes of an answer are there."""
    began = time.monotonic()
    try:
        address = (target.host, target.port)
        with socket.create_connection(address, timeout=patience_seconds) as connection:
            connection.sendall(request)
            received = 0
            while received < enough_bytes:
                piece = connection.recv(1 << 16)
                if not piece:
                    return LONGEST_WAIT_SECONDS
                received += len(piece)
    except OSError:
        return LONGEST_WAIT_SECONDS
    return time.monotonic() - began


def first_sound_seconds(target: Target) -> float:
    body = b'{"script": "Hello.", "format": "wav", "stream": true}'
    head = f"POST /tts HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return wait_seconds(target, head.encode() + body, 2000)


def health_seconds(target: Target, patience_seconds: float = LONGEST_WAIT_SECONDS) -> float:
    request = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    return wait_seconds(target, request, 200, patience_seconds)


def waits(target: Target, measure: Callable[[Target], float], seconds: float) -> list[float]:
    ends = time.monotonic() + seconds
    found: list[float] = []
    while time.monotonic() < ends or len(found) < 3:
        found.append(measure(target))
        time.sleep(0.1)
    return found


def stalls(root: Path, work: Path) -> dict[str, str]:
    """First sound and /health, in milliseconds: the median (and the longest)."""
    rows = {}
    with served(root, work) as (_, target):
        waits(target, first_sound_seconds, SECONDS / 2)
        for attack in (None, *attacks.STALLING):
            fresh = Target(target.host, target.port, KEY, target.wyoming_port)
            with under(attack, fresh) if attack else contextlib.nullcontext():
                time.sleep(0.5)
                sound = waits(target, first_sound_seconds, SECONDS / 2)
                health = waits(target, health_seconds, SECONDS / 2)
            name = attack.__name__ if attack else "nothing"
            rows[f"{name}: first sound, ms"] = told_ms(sound)
            rows[f"{name}: /health, ms"] = told_ms(health)
            time.sleep(0.5)
    return rows


def told_ms(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f} ({1000 * max(seconds):.0f})"


def growth(root: Path, work: Path) -> dict[str, str]:
    """By how much memory grows within ten seconds, in MB."""
    rows = {}
    cases: tuple[tuple[Attack, int], ...] = (
        (attacks.unread_pongs, 1),
        (attacks.pipelined, 1),
        (attacks.wyoming_pings, 1),
        (attacks.first_frames, 20),
    )
    for attack, clients in cases:
        with served(root, work) as (server, target):
            first_sound_seconds(target)
            time.sleep(WARM_SECONDS)  # some of the model is loaded a while after it speaks
            before_mb = server.memory_mb()
            with under(attack, target, clients=clients):
                time.sleep(10)
                rows[f"{attack.__name__}, {clients} for 10 s: memory, MB"] = (
                    f"+{server.memory_mb() - before_mb:.0f}"
                )
    return rows


def half_sent(root: Path, work: Path) -> dict[str, str]:
    """What 260 half-sent requests do to a server that may open 256 files."""
    with served(root, work, descriptors=FEW_DESCRIPTORS) as (server, target):
        with under(attacks.half_sent, target, clients=260):
            time.sleep(1)
            answered = waits(target, partial(health_seconds, patience_seconds=1.0), 15)
        log = (work / f"server-{server.port}.log").read_text(errors="replace")
        good = sum(seconds < 1 for seconds in answered)
        return {
            "half_sent, 260 at 256 descriptors: /health within 1 s": f"{good} of {len(answered)}",
            "half_sent: lines in the log after 16 s": f"{log.count(chr(10)):,}",
        }


def strangers(root: Path, work: Path) -> dict[str, str]:
    """What somebody without a key can make the server take, try and write."""
    with served(root, work) as (server, target):
        with under(attacks.refused_body, target):
            time.sleep(5)
        rows = {"refused_body, 5 s: taken, MB": f"{target.sent_bytes / 1e6:,.0f}"}
        fresh = Target(target.host, target.port, KEY)
        with under(attacks.wrong_keys, fresh, clients=8):
            time.sleep(5)
            rows["wrong_keys, 8 clients for 5 s: answered"] = f"{fresh.answers:,}"
        path = b"/" + b"%C3%A4" * 10_000
        wait_seconds(target, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n", 100)
        time.sleep(0.5)
        log = (work / f"server-{server.port}.log").read_text(errors="replace")
        longest = max(map(len, log.splitlines()))
        return rows | {"a path of 60 kB: longest line in the log": f"{longest:,}"}


PARTS = {"stalls": stalls, "growth": growth, "half-sent": half_sent, "strangers": strangers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", action="append", type=Path, help="a checkout; several compare")
    parser.add_argument("--part", action="append", choices=PARTS, help="all if left out")
    options = parser.parse_args()
    roots: list[Path] = options.root or [Path()]
    print("| flood |", " | ".join(map(str, roots)), "|")
    print("|---|" + "---|" * len(roots))
    for part in options.part or PARTS:
        found = []
        for root in roots:
            with tempfile.TemporaryDirectory() as work:
                found.append(PARTS[part](root, Path(work)))
        for name in found[0]:
            print(f"| {name} |", " | ".join(each[name] for each in found), "|", flush=True)


if __name__ == "__main__":
    main()
