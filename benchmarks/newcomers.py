"""Simulates how long newcomers wait and whether listeners hear gaps, on the real scheduler.

    python -m benchmarks.newcomers
    python -m benchmarks.newcomers --steps benchmarks/out/engine_step.json

Nothing is computed and no time passes: batches take as long as `engine_step` measured them, on two
cores. So a policy can be judged in seconds, on any machine, and twice the same.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.engine.keeping_up import Need, keeps_up
from benchmarks.scripts import LONG_CHARS, MEDIUM_CHARS, SHORT_CHARS
from benchmarks.simulated import Listener, SimulatedEngine, Steps

AUDIBLE_GAP_SECONDS = 0.1
LENGTHS = (SHORT_CHARS, MEDIUM_CHARS, MEDIUM_CHARS, LONG_CHARS)
WARM_UP_SECONDS = 3.0
CLOSED_SECONDS = 60.0
POISSON_SECONDS = 150.0
POISSON_LOAD = 0.8
SHARE = 0.95
SEEDS = 12


@dataclass(frozen=True)
class Heard:
    """Tells what some listeners heard. Times are in seconds.

    Attributes:
        audio_rate: this many seconds of audio were made each second.
        waits: how long each waited for the first sound, in order.
        gaps: the longest silence of each after that.
    """

    audio_rate: float
    waits: Sequence[float]
    gaps: Sequence[float]

    @classmethod
    def by(cls, listeners: Sequence[Listener], begin: float, end: float) -> Heard:
        """Sum up what listeners have heard from `begin` to `end`."""
        heard = [each.hearing for each in listeners]
        audio_seconds = sum(each.audio_seconds for each in heard)
        # Whoever still waits at the end has waited at least this long.
        firsts = [end if each.first_audio is None else each.first_audio for each in heard]
        return cls(
            audio_seconds / (end - begin),
            sorted(first - each.scheduled for first, each in zip(firsts, heard, strict=True)),
            [each.largest_gap_seconds for each in heard if each.first_audio is not None],
        )

    @classmethod
    def together(cls, runs: Sequence[Heard]) -> Heard:
        """Take several runs as one."""
        return cls(
            sum(each.audio_rate for each in runs) / len(runs),
            sorted(wait for each in runs for wait in each.waits),
            [gap for each in runs for gap in each.gaps],
        )

    def waited(self, share: float) -> float:
        """Tell how long this share of the listeners waited at most."""
        return self.waits[min(len(self.waits) - 1, int(share * len(self.waits)))]

    @property
    def with_gaps(self) -> float:
        """Tell which share of the listeners heard a gap."""
        return sum(gap > AUDIBLE_GAP_SECONDS for gap in self.gaps) / len(self.gaps)


def warm_engine(steps: Steps, share: float, seed: int) -> SimulatedEngine:
    """Return an engine that has spoken one short script."""
    engine = SimulatedEngine(steps, share=share, seed=seed)
    engine.ask(SHORT_CHARS)
    engine.run(WARM_UP_SECONDS)
    engine.listeners.clear()
    return engine


def within_a_second(engine: SimulatedEngine, listeners: int) -> Heard:
    """Let all come within one second, and listen until they have heard everything."""
    begin = engine.now
    moments = sorted(begin + engine.dice.random() for _ in range(listeners))
    lengths = [LENGTHS[index % len(LENGTHS)] for index in range(listeners)]
    engine.dice.shuffle(lengths)
    for moment, chars in zip(moments, lengths, strict=True):
        engine.run(moment - engine.now)
        engine.ask(chars)
    while not all(each.hearing.complete for each in engine.listeners):
        engine.run(1.0)
    return Heard.by(engine.listeners, begin, engine.now)


def closed_loop(engine: SimulatedEngine, listeners: int) -> Heard:
    """Let each ask for a next script as soon as the last has been read, as `serve_load` does."""
    begin, end = engine.now, engine.now + CLOSED_SECONDS

    def ask(index: int) -> None:
        asked = engine.ask(LENGTHS[index % len(LENGTHS)])
        asked.then = partial(ask, index + 1)

    for index in range(listeners):
        ask(7 * index)
        engine.run(min(0.05, 1.0 / listeners))
    engine.run(end - engine.now)
    return Heard.by(engine.listeners, begin, end)


def poisson(engine: SimulatedEngine, audio_rate: float) -> Heard:
    """Let listeners come at random, who want so much audio a second on average."""
    begin, end = engine.now, engine.now + POISSON_SECONDS
    mean = Listener.of(SHORT_CHARS, 0.0, random.Random(0)).audio_seconds / SHORT_CHARS
    mean *= sum(LENGTHS) / len(LENGTHS)
    while (pause := engine.dice.expovariate(audio_rate / mean)) < end - engine.now:
        engine.run(pause)
        engine.ask(engine.dice.choice(LENGTHS))
    engine.run(end - engine.now)
    return Heard.by(engine.listeners, begin, end)


def least_rate(listeners: int, wait_seconds: float) -> float:
    """Tell how fast a machine has to be for all to hear no gap, if they wait so long at most.

    They come evenly within one second, and nothing but speech takes time.
    """
    dice = random.Random(0)
    needs = [
        Need(
            index / listeners + wait_seconds,
            Listener.of(LENGTHS[index % len(LENGTHS)], 0.0, dice).audio_seconds,
        )
        for index in range(listeners)
    ]
    rate = 1.0
    while not keeps_up(needs, rate):
        rate += 0.1
    return rate


HEAD = f"{'':28}{'audio s/s':>10}{'first p50':>11}{'p95':>8}{'p99':>8}{'gaps':>8}{'worst gap':>11}"


def row(name: str, heard: Heard) -> str:
    """Format a line of the table under `HEAD`."""
    waits = "".join(f"{heard.waited(share):>8.2f}" for share in (0.95, 0.99))
    return (
        f"{name:<28}{heard.audio_rate:>10.1f}{heard.waited(0.5):>11.2f}{waits}"
        f"{heard.with_gaps:>8.1%}{max(heard.gaps):>11.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=Path, help="what engine_step --json wrote")
    parser.add_argument(
        "--share", type=float, default=SHARE, help="of the cores that the engine has"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how often each is repeated")
    arguments = parser.parse_args()
    steps = Steps.of_file(arguments.steps) if arguments.steps else Steps()

    def repeated(load: Callable[[SimulatedEngine], Heard]) -> Heard:
        seeds = range(arguments.seeds)
        return Heard.together([load(warm_engine(steps, arguments.share, seed)) for seed in seeds])

    print(HEAD)
    for listeners in (8, 16, 24):
        heard = repeated(partial(within_a_second, listeners=listeners))
        print(row(f"{listeners} within a second", heard), flush=True)
    for listeners in (16, 24):
        heard = repeated(partial(closed_loop, listeners=listeners))
        print(row(f"{listeners} again and again", heard), flush=True)
        if listeners == 16:
            capacity = heard.audio_rate
    heard = repeated(partial(poisson, audio_rate=POISSON_LOAD * capacity))
    print(row(f"at random, {POISSON_LOAD * capacity:.1f} s/s wanted", heard))
    for listeners, wait_seconds in ((16, 0.3), (24, 0.6)):
        rate = least_rate(listeners, wait_seconds)
        print(f"{listeners} within a second, {wait_seconds} s each: needs {rate:.1f} audio s/s")


if __name__ == "__main__":
    main()
