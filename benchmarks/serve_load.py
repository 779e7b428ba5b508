"""Measures many listeners at once, here and at `pocket-tts serve` on the same weights.

    python -m benchmarks.serve_load
    python -m benchmarks.serve_load --reader realtime --rounds 3   # as in docs/performance.md
    python -m benchmarks.serve_load --streams 16 --rounds 3 --arrivals poisson

Each level runs A B A B on both servers, so that a noisy machine disturbs both alike. Each is
started afresh for each round and stopped after it, for upstream goes on speaking for listeners who
have left, and would burden whoever is measured next. A closed loop has as many listeners as
streams, each asking again when its speech has been played (`--reader realtime`) or read
(`--reader fast`); Poisson arrivals come at the rate at which that many listeners would ask. Traffic
goes to loopback only. Beside the figures stands how much of what the hardware could do at best they
are (`benchmarks/roofline.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.listener import Hearing, listen
from benchmarks.machine import describe_machine
from benchmarks.models import model_argument
from benchmarks.roofline import Roof, measure_roof
from benchmarks.scripts import SHORT_CHARS, mixed_scripts, script_of
from benchmarks.servers import Server, our_server, upstream_server

AUDIBLE_GAP_SECONDS = 0.1
SUSTAINED_SHARE = 0.99
MEAN_SPEECH_SECONDS = 15.0
"""A model that never ends early speaks a mixed script for this long; sets the Poisson rate."""


@dataclass
class Level:
    """Tells what one server did under one load. Times are in seconds."""

    server: str
    streams: int
    audio_rate: float
    """This many seconds of audio came each second."""
    first_audio_p50: float
    first_audio_p95: float
    first_audio_p99: float
    queue_p50: float
    gap_worst: float
    gap_free_share: float
    requests: int
    refused: int
    failed: int
    cpu_per_audio_second: float
    memory_mb: float


async def closed_loop(
    server: Server, streams: int, seconds: float, *, realtime: bool
) -> list[Hearing]:
    """Let `streams` listeners each ask for a next script as soon as the last has ended."""
    end = time.monotonic() + seconds
    heard: list[Hearing] = []

    async def one_listener(index: int) -> None:
        # Listeners do not all begin in the same instant.
        await asyncio.sleep(index * min(0.05, 1.0 / streams))
        for script in mixed_scripts(seed=7 * index):
            now = time.monotonic()
            if now >= end:
                return
            hearing = await _listen_until(server, script, now, end, realtime=realtime)
            heard.append(hearing)
            if realtime and hearing.complete:
                await asyncio.sleep(max(0.0, min(hearing.played_until, end) - time.monotonic()))

    await asyncio.gather(*(one_listener(index) for index in range(streams)))
    return heard


async def poisson(server: Server, streams: int, seconds: float, *, realtime: bool) -> list[Hearing]:
    """Let listeners come at random, of whom on average `streams` listen at a time."""
    dice = random.Random(streams)
    start = time.monotonic()
    end, at = start + seconds, start
    scripts = mixed_scripts(seed=streams)
    tasks = []
    while (at := at + dice.expovariate(streams / MEAN_SPEECH_SECONDS)) < end:
        tasks.append(_listen_until(server, next(scripts), at, end, realtime=realtime))
    return list(await asyncio.gather(*tasks))


async def _listen_until(
    server: Server, script: str, scheduled: float, end: float, *, realtime: bool
) -> Hearing:
    """Listen, but hang up at `end`; what was heard until then counts."""
    task = asyncio.create_task(listen(server, script, scheduled=scheduled, realtime=realtime))
    _, unfinished = await asyncio.wait({task}, timeout=end - time.monotonic())
    if unfinished:
        task.cancel()
    return await task


def summarise(
    server: Server,
    streams: int,
    seconds: float,
    heard: Sequence[Hearing],
    *,
    cpu_seconds: float,
    ended: float,
) -> Level:
    """Make one row of the table from what the listeners noted."""
    audio = sum(hearing.audio_seconds for hearing in heard)
    waits = sorted(
        # Whoever still waits at the end has waited at least this long.
        (ended if hearing.first_audio is None else hearing.first_audio) - hearing.scheduled
        for hearing in heard
    )
    started = [hearing for hearing in heard if hearing.first_audio is not None]
    gaps = [hearing.largest_gap_seconds for hearing in started]
    queues = [h.server_timing["queue"] for h in started if "queue" in h.server_timing]
    refused = sum(hearing.status in (429, 503) for hearing in heard)
    failed = sum(
        hearing.error not in (None, "cut off") or hearing.status == 500 for hearing in heard
    )
    return Level(
        server=server.name,
        streams=streams,
        audio_rate=audio / seconds,
        first_audio_p50=_percentile(waits, 0.50),
        first_audio_p95=_percentile(waits, 0.95),
        first_audio_p99=_percentile(waits, 0.99),
        queue_p50=statistics.median(queues) if queues else float("nan"),
        gap_worst=max(gaps, default=float("nan")),
        gap_free_share=sum(gap <= AUDIBLE_GAP_SECONDS for gap in gaps) / max(1, len(heard)),
        requests=len(heard),
        refused=refused,
        failed=failed,
        cpu_per_audio_second=cpu_seconds / audio if audio else float("nan"),
        memory_mb=server.memory_mb(),
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run_level(
    server: Server,
    streams: int,
    seconds: float,
    load: Callable[..., Any],
    *,
    realtime: bool,
) -> Level:
    """Put one load on one server."""
    cpu_before = server.cpu_seconds()
    heard = asyncio.run(load(server, streams, seconds, realtime=realtime))
    ended = time.monotonic()
    cpu_seconds = server.cpu_seconds() - cpu_before
    return summarise(server, streams, seconds, heard, cpu_seconds=cpu_seconds, ended=ended)


def combine(rounds: Sequence[Level]) -> Level:
    """Take the median of each figure over the rounds of one server at one level."""
    values: dict[str, Any] = {
        name: statistics.median(getattr(each, name) for each in rounds)
        for name, value in asdict(rounds[0]).items()
        if not isinstance(value, str)
    }
    return Level(
        server=rounds[0].server, **{**values, "gap_worst": max(r.gap_worst for r in rounds)}
    )


HEAD = (
    f"{'server':<9}{'streams':>8}{'audio s/s':>11}{'TTFA p50':>10}{'p95':>8}{'p99':>8}"
    f"{'queue':>8}{'worst gap':>11}{'gap-free':>10}{'refused':>9}{'failed':>8}{'CPU/s':>8}{'MB':>7}"
    f"{'of roof':>9}"
)


def row(level: Level, roof: Roof) -> str:
    """Format a line of the table under `HEAD`."""
    return (
        f"{level.server:<9}{level.streams:>8}{level.audio_rate:>11.2f}"
        f"{level.first_audio_p50:>10.3f}{level.first_audio_p95:>8.2f}{level.first_audio_p99:>8.2f}"
        f"{level.queue_p50:>8.3f}{level.gap_worst:>11.2f}{level.gap_free_share:>10.0%}"
        f"{level.refused:>9.0f}{level.failed:>8.0f}{level.cpu_per_audio_second:>8.3f}"
        f"{level.memory_mb:>7.0f}{level.audio_rate / roof.audio_rate(level.streams):>9.0%}"
    )


def sustained(levels: Sequence[Level]) -> int:
    """Return the most streams up to which (nearly) nobody heard a gap."""
    best = 0
    for level in sorted(levels, key=lambda each: each.streams):
        if level.gap_free_share < SUSTAINED_SHARE:
            break
        best = level.streams
    return best


@contextmanager
def started(name: str, model: Path) -> Iterator[Server]:
    """Run a server that has spoken once, in a folder of its own, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        makers = {
            "ours": lambda: our_server(model, work),
            "upstream": lambda: upstream_server(model, work),
            "upstream-int8": lambda: upstream_server(model, work, "--quantize"),
        }
        with makers[name]() as server:
            asyncio.run(listen(server, script_of(SHORT_CHARS), scheduled=time.monotonic()))
            yield server


def compare(arguments: argparse.Namespace, roof: Roof) -> list[Level]:
    """Run all levels, interleaved over the servers, and print the table."""
    load = {"closed": closed_loop, "poisson": poisson}[arguments.arrivals]
    realtime = arguments.reader == "realtime"
    combined: dict[str, list[Level]] = {name: [] for name in arguments.servers}
    print(HEAD)
    for streams in arguments.streams:
        rounds: dict[str, list[Level]] = {name: [] for name in arguments.servers}
        for _ in range(arguments.rounds):
            for name, levels in rounds.items():
                with started(name, arguments.model) as server:
                    level = run_level(server, streams, arguments.seconds, load, realtime=realtime)
                levels.append(level)
        for name, levels in rounds.items():
            combined[name].append(combine(levels))
            print(row(combined[name][-1], roof), flush=True)
        print_ratio(list(rounds.values()))
    for name, levels in combined.items():
        print(f"{name}: {sustained(levels)} streams sustained")
    return [level for levels in zip(*combined.values(), strict=True) for level in levels]


def print_ratio(rounds: Sequence[Sequence[Level]]) -> None:
    """Print the first server's throughput over each other one's, as the median of the pairs."""
    first, *others = rounds
    for other in others:
        ratios = [
            mine.audio_rate / theirs.audio_rate
            for mine, theirs in zip(first, other, strict=True)
            if theirs.audio_rate
        ]
        if ratios:
            print(f"{'':9}{statistics.median(ratios):.1f}x the throughput of {other[0].server}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model_argument(parser)
    parser.add_argument(
        "--streams", type=int, nargs="+", default=[1, 2, 4, 8, 16, 24, 32], metavar="N"
    )
    parser.add_argument(
        "--servers",
        nargs="+",
        choices=["ours", "upstream", "upstream-int8"],
        default=["ours", "upstream"],
    )
    parser.add_argument("--arrivals", choices=["closed", "poisson"], default="closed")
    parser.add_argument("--reader", choices=["fast", "realtime"], default="fast")
    parser.add_argument("--seconds", type=float, default=20.0, help="of load per level and round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    print(f"{describe_machine()}\nmodel: {arguments.model}")
    print(f"{arguments.arrivals} arrivals, {arguments.reader} readers\n")
    roof = measure_roof(arguments.model)
    print(f"{roof.told()}\n")
    levels = compare(arguments, roof)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(level) for level in levels], indent=2))


if __name__ == "__main__":
    main()
