"""Asks for ten times the speech that the server can make, and notes what each client gets.

    python -m benchmarks.overload --minutes 10

The server speaks with the preview voice. How much it can make is measured first, with a few
listeners that ask again and again. Then listeners come at random, ten times as many, and whoever is
refused leaves. The clients are bare sockets in one process, which shares the machine's cores with
the server: what they use of them is printed beside.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.listener import Hearing
from benchmarks.machine import describe_machine
from benchmarks.player import HEALTH_REQUEST, Player, speech_request
from benchmarks.scripts import mixed_scripts
from benchmarks.servers import Server, our_server
from benchmarks.trend import Trend, trend

TIMES = 10
AUDIBLE_GAP_SECONDS = 0.1
ENOUGH_LISTENERS = 16
"""So many make a server of two cores do all it can."""
CAPACITY_SECONDS = 15.0
PAUSE_SECONDS = 0.05
WARM_SHARE = 0.2
"""Memory is looked at after this part of the load: queues and caches fill up at first."""
FULL_SPEED = 0.9
RECOVERY_SECONDS = 30.0
SETTINGS = {"MODEL_CONFIG": "", "MODEL_LANGUAGE": "preview", "LOG_LEVEL": "warning"}


@dataclass(frozen=True)
class Capacity:
    """Says what the server can do for listeners who ask again and again."""

    audio_rate: float
    """This many seconds of audio came each second."""
    seconds_per_answer: float
    first_sound_seconds: float
    """Of one listener alone, at best."""
    server_cores: float


@dataclass
class Load:
    """Holds what came of the load. Times are in seconds."""

    seconds: float
    asked: int = 0
    players: list[Player] = field(default_factory=list)
    """Those whose answers have ended."""
    health_seconds: list[float] = field(default_factory=list)
    lag_seconds: list[float] = field(default_factory=list)
    """By how much the clients' own event loop was late."""
    memory_mb: list[tuple[float, float]] = field(default_factory=list)
    """With the minute of each."""
    server_cpu: float = 0.0
    clients_cpu: float = 0.0

    @property
    def heard(self) -> list[Hearing]:
        return [each.hearing for each in self.players if each.hearing.first_audio is not None]

    @property
    def refused(self) -> list[Player]:
        return [each for each in self.players if each.hearing.status in (429, 503)]

    @property
    def refusal_seconds(self) -> list[float]:
        return [
            each.answered - each.hearing.scheduled
            for each in self.refused
            if each.answered is not None
        ]

    @property
    def gap_free_share(self) -> float:
        gaps = [each.largest_gap_seconds for each in self.heard]
        return sum(gap <= AUDIBLE_GAP_SECONDS for gap in gaps) / max(1, len(gaps))

    @property
    def broken(self) -> list[Player]:
        """Those that were neither served to the end nor refused with a word on coming again."""
        return [
            each
            for each in self.players
            if not each.hearing.complete and not (each in self.refused and each.retry_after)
        ]

    @property
    def memory(self) -> Trend:
        return trend(self.memory_mb[int(WARM_SHARE * len(self.memory_mb)) :])


@dataclass(frozen=True)
class Report:
    """Holds all figures of one run."""

    capacity: Capacity
    load: Load
    recovery_seconds: float
    """After the load the server was at full speed again within this; nan if it never was."""

    def rows(self) -> dict[str, str]:
        """Return the figures in words, each under what it is of."""
        load, capacity = self.load, self.capacity
        waits = [each.first_audio - each.scheduled for each in load.heard if each.first_audio]
        gaps = [each.largest_gap_seconds for each in load.heard]
        audio_rate = sum(each.audio_seconds for each in load.heard) / load.seconds
        return {
            "the server can make, audio s/s": f"{capacity.audio_rate:.1f}",
            "seconds of audio in an answer": f"{capacity.seconds_per_answer:.1f}",
            f"answers asked for, {TIMES} times as many": f"{load.asked}",
            "answers served": f"{len(load.heard)}",
            "audio served, audio s/s": f"{audio_rate:.1f}",
            "streams free of gaps over 100 ms": f"{load.gap_free_share:.2%}",
            "gaps, the longest of each stream": told_ms(gaps),
            "first sound of those served": told_ms(waits),
            "refused, by status": f"{dict(Counter(each.hearing.status for each in load.refused))}",
            "until the refusal": told_ms(load.refusal_seconds),
            "neither served whole nor refused with Retry-After": f"{len(load.broken)}",
            "/health": told_ms(load.health_seconds),
            "the clients' own lateness": told_ms(load.lag_seconds),
            "memory, MB a minute": load.memory.told(),
            "memory in the end, MB": f"{load.memory_mb[-1][1]:.0f}",
            "cores of the server, measuring what it can": f"{capacity.server_cores:.2f}",
            "cores of the server, under load": f"{load.server_cpu / load.seconds:.2f}",
            "cores of the clients": f"{load.clients_cpu / load.seconds:.2f}",
            "full speed again after": f"{self.recovery_seconds:.1f} s",
        }

    def __str__(self) -> str:
        return "\n".join(f"{name:<52}{value}" for name, value in self.rows().items())


def told_ms(seconds: Sequence[float]) -> str:
    """Return the middle, the 99th percentile and the largest of some times, in words."""
    if not seconds:
        return "none"
    middle, most = 1000 * statistics.median(seconds), 1000 * max(seconds)
    return (
        f"median {middle:.0f} ms, p99 {1000 * share_of(seconds, 0.99):.0f} ms, worst {most:.0f} ms"
    )


def share_of(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of all lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def closed_loop(port: int, listeners: int, seconds: float) -> list[Hearing]:
    """Let each listener ask again as soon as the last answer has ended; all leave at the end."""
    ends = time.monotonic() + seconds
    heard: list[Hearing] = []

    async def listen(index: int) -> None:
        for script in mixed_scripts(seed=7 * index):
            player = await Player.ask(port, speech_request(script))
            heard.append(player.hearing)
            await asyncio.wait({player.ended}, timeout=max(0.0, ends - time.monotonic()))
            if time.monotonic() >= ends:
                player.hang_up()
                return

    await asyncio.gather(*(listen(index) for index in range(listeners)))
    return heard


async def first_sound(port: int) -> float:
    """Return after how long a listener of a short text hears something, and leave."""
    player = await Player.ask(port, speech_request("Hello there, my friend."))
    await player.heard.wait()
    player.hang_up()
    if player.hearing.first_audio is None:
        return float("inf")
    return player.hearing.first_audio - player.hearing.scheduled


async def measure_capacity(server: Server) -> Capacity:
    sounds = [await first_sound(server.port) for _ in range(5)]
    began_cpu = server.cpu_seconds()
    heard = await closed_loop(server.port, ENOUGH_LISTENERS, CAPACITY_SECONDS)
    whole = [each.audio_seconds for each in heard if each.complete]
    return Capacity(
        audio_rate=sum(each.audio_seconds for each in heard) / CAPACITY_SECONDS,
        seconds_per_answer=statistics.mean(whole),
        first_sound_seconds=min(sounds),
        server_cores=(server.cpu_seconds() - began_cpu) / CAPACITY_SECONDS,
    )


async def put_load(server: Server, answers_per_second: float, seconds: float) -> Load:
    """Let listeners come at random for so long, and then all leave at once."""
    load = Load(seconds)
    began, ends = time.monotonic(), time.monotonic() + seconds
    server_began, clients_began = server.cpu_seconds(), time.process_time()
    present: set[Player] = set()
    arriving: set[asyncio.Task[None]] = set()

    async def arrive(script: str) -> None:
        player = await Player.ask(server.port, speech_request(script))
        present.add(player)
        await player.ended
        present.discard(player)
        load.players.append(player)

    async def come() -> None:
        chance, at = random.Random(7), began
        for script in mixed_scripts(seed=1):
            at += chance.expovariate(answers_per_second)
            if at >= ends:
                return
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            load.asked += 1
            task = asyncio.create_task(arrive(script))
            arriving.add(task)
            task.add_done_callback(arriving.discard)

    async def watch() -> None:
        while (now := time.monotonic()) < ends:
            player = await Player.ask(server.port, HEALTH_REQUEST)
            await player.ended
            if player.answered is not None:
                load.health_seconds.append(player.answered - player.hearing.scheduled)
            load.memory_mb.append(((now - began) / 60, server.memory_mb()))
            asleep = time.monotonic()
            await asyncio.sleep(PAUSE_SECONDS)
            load.lag_seconds.append(time.monotonic() - asleep - PAUSE_SECONDS)

    await asyncio.gather(come(), watch())
    load.server_cpu = server.cpu_seconds() - server_began
    load.clients_cpu = time.process_time() - clients_began
    for task in arriving:
        task.cancel()
    for player in present:
        player.hang_up()
    return load


async def recovery_seconds(port: int, capacity: Capacity) -> float:
    """Return how long it takes until the server is as quick as before."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERY_SECONDS:
        sound = await first_sound(port)
        heard = await closed_loop(port, ENOUGH_LISTENERS, 2.0)
        rate = sum(each.audio_seconds for each in heard) / 2.0
        is_quick = sound < max(2 * capacity.first_sound_seconds, AUDIBLE_GAP_SECONDS)
        if is_quick and rate > FULL_SPEED * capacity.audio_rate:
            # It was so all through those two seconds.
            return time.monotonic() - began - 2.0
    return float("nan")


async def measure(server: Server, minutes: float) -> Report:
    """Find out what can be served, ask for ten times that, and look how the server comes back."""
    capacity = await measure_capacity(server)
    rate = TIMES * capacity.audio_rate / capacity.seconds_per_answer
    load = await put_load(server, rate, 60 * minutes)
    return Report(capacity, load, await recovery_seconds(server.port, capacity))


def run(minutes: float) -> Report:
    """Start a server, measure it, and stop it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        our_server(Path("none"), Path(folder), **SETTINGS) as server,
    ):
        return asyncio.run(measure(server, minutes))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    print(describe_machine())
    print(run(arguments.minutes))


if __name__ == "__main__":
    main()
