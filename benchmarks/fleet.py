"""Says what a fleet of any size would do, by a simulation that is held against one and two servers.

    python -m benchmarks.fleet measure              # one server, then two behind nginx: figures
    python -m benchmarks.fleet check                # the same simulated, and how far off that is
    python -m benchmarks.fleet simulate --plots docs/images  # 10, 100 and 1,000 replicas

`measure` runs servers with the preview voice on loopback, each on a core of its own, in rounds, and
prints what two make beside one. A machine of few cores, on which callers and others work as well,
gives a server less than a core; so what it makes is brought to what it would with a whole one, by
how long it had to wait. `check` makes the service of a replica of what one server did beside some
numbers of callers, and holds the simulation against other numbers of callers and two servers.
`simulate` takes the service from `--service`, a JSON of what `measure` writes; without it that of
the full `english` model on two cores, of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.fleet_model import (
    Fleet,
    Outcome,
    Scaling,
    Service,
    bursty,
    poisson,
    spoken_lengths,
)
from benchmarks.machine import describe_machine
from tests.fleet.load import under_load
from tests.fleet.processes import keep_on, thread_seconds, worked_seconds
from tests.fleet.servers import Server, nginx_before, servers

FIGURES = Path("benchmarks/out/fleet.json")
LEVELS = (1, 2, 4, 8, 16)
"""Beside so many callers one server is measured to make the model,"""
BETWEEN = (3, 6, 12)
"""beside so many to check it,"""
CHECKED = (2, 4, 8, 16)
"""and beside so many two servers are."""
ROUNDS = 4
MEASURED_SECONDS = 4.0
SIMULATED_SECONDS = 120.0
MEAN_AUDIO_SECONDS = 8.0
DAY_SECONDS = 86_400.0
ENGLISH = Service(
    # docs/performance.md, "Beside pocket-tts serve": two cores.
    streams=(1, 8, 16, 20),
    audio_rates=(14.0, 14.0, 16.6, 18.1),
    first_seconds=(0.05, 0.18, 0.33, 0.91),
    late_seconds=(0.06, 0.29, 2.34, 9.82),
)
ENGLISH_CORES = 2


@dataclass
class Level:
    """Holds what callers who ask again at once got of some servers.

    Attributes:
        server_cores: so many cores worked for the servers, on average.
        caller_cores: the same for nginx and the callers.
        waits: the share of the time in which the busiest thread of a server wanted a core that
            others had.
    """

    servers: int
    callers: int
    audio_rate: float
    first_audio_p50: float
    first_audio_p95: float
    server_cores: float
    caller_cores: float
    waits: float

    def with_whole_cores(self) -> Level:
        """Return what it would be if no server had had to wait for its core.

        A first sound is short work, which a system lets go before long work: it stays as it was.
        """
        return replace(self, audio_rate=self.audio_rate / (1 - self.waits))


def measure() -> dict[str, Any]:
    """Load one server and two in turns, and return what came of it."""
    levels, lengths = [], []
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        with servers(folder / "servers", {}, 2) as two:
            for number, each in enumerate(two):
                keep_on(each.pid, {cores[number % len(cores)]})
            for number, (count, callers) in enumerate(_in_turns() * ROUNDS):
                ports = [each.port for each in two[:count]]
                with (
                    _on_cores(set(cores[count:] or cores)),
                    nginx_before(ports, folder / f"nginx-{number}") as url,
                ):
                    level, heard = _level(url, two[:count], callers)
                levels.append(level)
                lengths += heard
                print(f"{level}", flush=True)
    return {
        "machine": describe_machine(),
        "audio_seconds": statistics.mean(lengths),
        "levels": [asdict(each) for each in levels],
    }


def _in_turns() -> list[tuple[int, int]]:
    """List servers and callers so that what is compared is measured in the same minute."""
    one, two = [(1, callers) for callers in (*LEVELS, *BETWEEN)], [(2, each) for each in CHECKED]
    return sorted(one + two, key=lambda each: (each[1] / each[0], each[0]))


@contextmanager
def _on_cores(cores: set[int]) -> Iterator[None]:
    """Keep this thread, and all that it starts in the block, on some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _level(url: str, of: Sequence[Server], callers: int) -> tuple[Level, list[float]]:
    with under_load(url, callers):
        time.sleep(1)
    began_seconds, at_servers, at_all = time.monotonic(), _worked(of), worked_seconds()
    before = [thread_seconds(each.pid) for each in of]
    with under_load(url, callers) as load:
        time.sleep(MEASURED_SECONDS)
    passed_seconds = time.monotonic() - began_seconds
    at_servers, at_all = _worked(of) - at_servers, worked_seconds() - at_all
    busiest = [_busiest(each.pid, known) for each, known in zip(of, before, strict=True)]
    waits = statistics.mean(waited for _, waited in busiest) / passed_seconds
    firsts = sorted(load.first_seconds)
    level = Level(
        len(of),
        callers,
        load.audio_seconds / passed_seconds,
        firsts[len(firsts) // 2],
        firsts[math.ceil(0.95 * len(firsts)) - 1],
        at_servers / passed_seconds,
        (at_all - at_servers) / passed_seconds,
        waits,
    )
    return level, [size / 48_000 for size in load.sizes]


def _busiest(pid: int, before: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Return how long the thread worked and waited since then that worked most."""
    nothing = (0.0, 0.0)
    return max(
        (worked - before.get(thread, nothing)[0], waited - before.get(thread, nothing)[1])
        for thread, (worked, waited) in thread_seconds(pid).items()
    )


def _worked(of: Sequence[Server]) -> float:
    return sum(worked_seconds(each.pid) for each in of)


def levels_of(figures: dict[str, Any]) -> list[Level]:
    """Return the medians of all rounds, with whole cores."""
    rounds: defaultdict[tuple[int, int], list[Level]] = defaultdict(list)
    for each in (Level(**level).with_whole_cores() for level in figures["levels"]):
        rounds[each.servers, each.callers].append(each)
    found = []
    for (count, callers), several in rounds.items():
        columns = [*zip(*map(astuple, several), strict=True)][2:]
        found.append(Level(count, callers, *map(statistics.median, columns)))
    return found


def compare(figures: dict[str, Any]) -> None:
    """Print what two servers make beside one, each with a core and as many callers."""
    levels = {(each.servers, each.callers): each for each in levels_of(figures)}
    print("| callers of each | one: audio s/s | two | times | callers and nginx, core s/audio s |")
    print("|---|---|---|---|---|")
    for callers in LEVELS:
        one, two = levels.get((1, callers)), levels.get((2, 2 * callers))
        if one is not None and two is not None:
            own = two.caller_cores / two.server_cores / (two.audio_rate / two.servers)
            print(
                f"| {callers} | {one.audio_rate:.1f} | {two.audio_rate:.1f} | "
                f"{two.audio_rate / one.audio_rate:.2f} | {own:.4f} |"
            )


def service_of(figures: dict[str, Any]) -> Service:
    """Make the service of a replica of what one server was measured to do."""
    one = [each for each in levels_of(figures) if each.servers == 1 and each.callers in LEVELS]
    return Service(
        tuple(each.callers for each in one),
        tuple(each.audio_rate for each in one),
        tuple(each.first_audio_p50 for each in one),
        tuple(each.first_audio_p95 for each in one),
    )


def check(figures: dict[str, Any]) -> None:
    """Print what was measured beside what is simulated, and the error."""
    service, length = service_of(figures), figures["audio_seconds"]
    print(
        "| servers | callers | audio s/s | simulated | error | first audio p50 | simulated | "
        "error | p95 | simulated | error |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    errors: dict[int, list[tuple[float, ...]]] = {1: [], 2: []}
    for each in levels_of(figures):
        if each.servers == 1 and each.callers in LEVELS:
            continue  # the model was made of these
        fleet = Fleet(service, each.servers, lambda: length, closed=each.callers)
        outcome = fleet.run(iter(()), SIMULATED_SECONDS)
        rate = outcome.audio_seconds / SIMULATED_SECONDS
        p50, p95 = outcome.percentile(0.5), outcome.percentile(0.95)
        found = (
            rate / each.audio_rate - 1,
            p50 / each.first_audio_p50 - 1,
            p95 / each.first_audio_p95 - 1,
        )
        errors[each.servers].append(found)
        print(
            f"| {each.servers} | {each.callers} | {each.audio_rate:.1f} | {rate:.1f} | "
            f"{found[0]:+.0%} | {each.first_audio_p50:.3f} s | {p50:.3f} s | {found[1]:+.0%} | "
            f"{each.first_audio_p95:.3f} s | {p95:.3f} s | {found[2]:+.0%} |"
        )
    for count, several in errors.items():
        means = [statistics.mean(map(abs, each)) for each in zip(*several, strict=True)]
        print(
            f"\nmean error, {count} server{'s' * (count > 1)}: audio {means[0]:.0%}, "
            f"first audio p50 {means[1]:.0%}, p95 {means[2]:.0%}"
        )


@dataclass
class Scene:
    """Is one load on one fleet."""

    name: str
    replicas: int
    use: float
    """So much of what all replicas can do is asked for, on average."""
    seconds: float
    shape: str
    scaling: Scaling | None = None

    def rate(self, service: Service) -> float:
        """Return how many requests come in a second on average."""
        return self.use * self.replicas * service.most / MEAN_AUDIO_SECONDS

    def arrivals(self, service: Service) -> Iterator[float]:
        """Yield when they come."""
        rate = self.rate(service)
        if self.shape == "bursty":
            return bursty(rate, seed=2)
        if self.shape == "day":
            return poisson(_by_day(rate, self.seconds), 1.7 * rate, seed=2)
        return poisson(lambda _: rate, rate, seed=2)


def _by_day(rate: float, day_seconds: float) -> Callable[[float], float]:
    """Return the rate at a time of a day: 0.3 of the mean at night, 1.7 in the evening."""
    return lambda now: rate * (1.0 - 0.7 * math.cos(2 * math.pi * now / day_seconds))


def scenes() -> list[Scene]:
    """List what is simulated."""
    found = []
    for replicas, seconds in ((10, 3600.0), (100, 900.0), (1000, 120.0)):
        name = f"{replicas} replicas"
        found += [Scene(name, replicas, use, seconds, "poisson") for use in (0.5, 0.7, 0.85)]
        found.append(Scene(name, replicas, 0.7, seconds, "bursty"))
    for start_seconds in (10.0, 60.0, 300.0):
        scaling = Scaling(3, 40, start_seconds)
        name = f"3 to 40 replicas, ready after {start_seconds:.0f} s"
        # A day is simulated in a tenth of its time: what takes minutes of it is ten times as hard.
        found.append(Scene(name, 10, 0.6, DAY_SECONDS / 10, "day", scaling))
    return found


def simulate(service: Service, cores: int, price: float, plots: Path | None) -> None:
    """Print a table of all scenes, and draw them."""
    print(f"a replica makes {service.most:.1f} s of audio a second on {cores} cores")
    print(
        "| fleet | load | asked of it | first audio p50 | p95 | p99 | refused | "
        f"cost of an hour of audio at {price:g} a core-hour |"
    )
    print("|---|---|---|---|---|---|---|---|")
    outcomes = []
    for scene in scenes():
        first = scene.scaling.least if scene.scaling else scene.replicas
        lengths = spoken_lengths(MEAN_AUDIO_SECONDS, seed=3)
        fleet = Fleet(service, first, lengths, scaling=scene.scaling)
        outcome = fleet.run(scene.arrivals(service), scene.seconds)
        outcomes.append((scene, outcome))
        cost = outcome.replica_seconds * cores / 3600 * price / (outcome.audio_seconds / 3600)
        print(
            f"| {scene.name} | {scene.shape} | {100 * scene.use:.0f} % | "
            f"{outcome.percentile(0.5):.2f} s | {outcome.percentile(0.95):.2f} s | "
            f"{outcome.percentile(0.99):.2f} s | {100 * outcome.share_refused:.2f} % | "
            f"{cost:.4f} |",
            flush=True,
        )
    if plots is not None:
        _draw_waits(service, plots / "fleet_waits.svg")
        _draw_day(outcomes, service, plots / "fleet_day.svg")


def _draw_waits(service: Service, path: Path) -> None:
    """Draw time to first audio against what is asked of the fleet, for fleets of several sizes."""
    plt = _pyplot()
    figure, (middle, late) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    uses = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.1)
    for replicas in (1, 10, 100):
        outcomes = []
        for use in uses:
            scene = Scene("", replicas, use, 6_000.0 / replicas + 60.0, "poisson")
            fleet = Fleet(service, replicas, spoken_lengths(MEAN_AUDIO_SECONDS, seed=3))
            outcomes.append(fleet.run(scene.arrivals(service), scene.seconds))
        for panel, share in ((middle, 0.5), (late, 0.99)):
            waits = [outcome.percentile(share) for outcome in outcomes]
            panel.plot(uses, waits, marker="o", label=f"{replicas} replicas")
    for panel, title in ((middle, "Median"), (late, "99 of 100")):
        panel.set(title=title, xlabel="share of what the fleet can do", yscale="log")
        panel.grid(alpha=0.3)
        panel.legend()
    middle.set_ylabel("time to first audio, seconds")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw_day(outcomes: list[tuple[Scene, Outcome]], service: Service, path: Path) -> None:
    """Draw how many replicas there are through a day, and how many would be needed."""
    plt = _pyplot()
    figure, panel = plt.subplots(figsize=(10, 4), layout="constrained")
    day = [(scene, outcome) for scene, outcome in outcomes if scene.scaling]
    for scene, outcome in day:
        hours = [24 * seconds / scene.seconds for seconds, _ in outcome.sizes]
        panel.plot(hours, [size for _, size in outcome.sizes], label=scene.name)
    scene, _ = day[0]
    rate = _by_day(scene.rate(service), scene.seconds)
    needed = [
        rate(hour / 24 * scene.seconds) * MEAN_AUDIO_SECONDS / service.most for hour in range(25)
    ]
    panel.plot(range(25), needed, color="black", linestyle=":", label="asked for")
    panel.set(xlabel="hour of the day", ylabel="replicas", ylim=(0, None))
    panel.grid(alpha=0.3)
    panel.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _pyplot() -> Any:
    mpl.use("svg")
    # The same figures give the same file, so that it can be kept in version control.
    mpl.rcParams["svg.hashsalt"] = "fleet"
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    return plt


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("measure", "check", "simulate"))
    parser.add_argument("--figures", type=Path, default=FIGURES, help="what `measure` writes")
    parser.add_argument("--service", type=Path, help="figures of the replica to simulate")
    parser.add_argument("--cores", type=int, default=ENGLISH_CORES, help="of a replica")
    parser.add_argument("--price", type=float, default=0.04, help="of a core for an hour")
    parser.add_argument("--plots", type=Path, help="folder for pictures")
    arguments = parser.parse_args()
    if arguments.what == "measure":
        figures = measure()
        arguments.figures.parent.mkdir(parents=True, exist_ok=True)
        arguments.figures.write_text(json.dumps(figures, indent=1))
        compare(figures)
    elif arguments.what == "check":
        check(json.loads(arguments.figures.read_text()))
    else:
        given = arguments.service
        service = ENGLISH if given is None else service_of(json.loads(given.read_text()))
        simulate(service, arguments.cores, arguments.price, arguments.plots)


if __name__ == "__main__":
    main()
