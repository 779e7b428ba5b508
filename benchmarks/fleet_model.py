"""Simulates a fleet event by event: replicas that share cores among streams, and a balancer.

What one replica does is measured: how much it makes, how long the first sound takes and how far
that spreads, beside so many streams. Prefills, batches and the engine's order are in these figures.
What is simulated is what measuring one replica cannot tell: how callers meet, wait and are sent
on, and how many replicas there are. Each has its cores for itself.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.scaling import BUSY, FIRST_AUDIO, MOST_GROWTH, WAIT, replicas_wanted

TRIES = 4
"""A balancer asks so many replicas until one has room, as deploy/nginx.fleet.conf does."""
SCALE_SECONDS = 10.0
"""How often the number of replicas is thought about."""
_P95_DEVIATIONS = 1.645
"""95 of 100 are below so many standard deviations above the mean."""


@dataclass(frozen=True)
class Service:
    """Says what one replica does, as it was measured.

    Attributes:
        streams: numbers of streams at which it was measured, ascending.
        audio_rates: seconds of audio in a second, for all of these streams together.
        first_seconds: the median time to first audio beside so many streams.
        late_seconds: what 95 of 100 of them have at most.
    """

    streams: tuple[int, ...]
    audio_rates: tuple[float, ...]
    first_seconds: tuple[float, ...]
    late_seconds: tuple[float, ...]
    max_rows: int = 32
    max_queue: int = 64

    def audio_rate(self, streams: int) -> float:
        """Return how much audio is made in a second beside each other."""
        return _between(self.streams, self.audio_rates, streams)

    def first_audio(self, streams: int, chance: random.Random) -> float:
        """Return how long the first sound takes, as chance has it."""
        middle = _between(self.streams, self.first_seconds, streams)
        late = max(middle, _between(self.streams, self.late_seconds, streams))
        return middle * chance.lognormvariate(0.0, math.log(late / middle) / _P95_DEVIATIONS)

    @property
    def most(self) -> float:
        """Return the audio of a second where a replica does what it can."""
        return max(self.audio_rates)


def _between(places: tuple[int, ...], values: tuple[float, ...], place: int) -> float:
    """Return a value on the line through those that were measured; beyond them the nearest."""
    at = bisect_left(places, place)
    if at == 0:
        return values[0]
    if at == len(places):
        return values[-1]
    share = (place - places[at - 1]) / (places[at] - places[at - 1])
    return values[at - 1] + share * (values[at] - values[at - 1])


@dataclass
class Replica:
    """Is one server: each stream that is spoken gets an equal share of what it can do.

    Attributes:
        done_seconds: how much audio each stream has got that is there since the start.
        speaking: what each stream ends at, by the same count.
    """

    service: Service
    ready_at_seconds: float = 0.0
    now_seconds: float = 0.0
    done_seconds: float = 0.0
    version: int = 0
    leaving: bool = False
    speaking: list[tuple[float, int]] = field(default_factory=list)
    waiting: deque[tuple[float, float]] = field(default_factory=deque)
    firsts: list[float] = field(default_factory=list)

    @property
    def load(self) -> int:
        """Count whom it works for."""
        return len(self.speaking) + len(self.waiting)

    @property
    def has_room(self) -> bool:
        """Tell whether it takes one more."""
        return self.load < self.service.max_rows + self.service.max_queue

    def advance(self, now_seconds: float) -> None:
        """Speak until now."""
        if self.speaking:
            self.done_seconds += (now_seconds - self.now_seconds) * self._rate_of_each
        self.now_seconds = now_seconds

    def next_end(self) -> float | None:
        """Return when the next stream ends if nobody comes."""
        if not self.speaking:
            return None
        left = max(0.0, self.speaking[0][0] - self.done_seconds)
        return self.now_seconds + left / self._rate_of_each

    @property
    def _rate_of_each(self) -> float:
        streams = len(self.speaking)
        return self.service.audio_rate(streams) / streams


@dataclass
class Outcome:
    """Holds what came of a run."""

    first_audio: list[float] = field(default_factory=list)
    refused: int = 0
    audio_seconds: float = 0.0
    replica_seconds: float = 0.0
    sizes: list[tuple[float, int]] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Return the time to first audio that so many have at most."""
        ordered = sorted(self.first_audio)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]

    @property
    def share_refused(self) -> float:
        """Return who was sent away, of all."""
        return self.refused / max(1, self.refused + len(self.first_audio))


@dataclass
class Scaling:
    """Says how the number of replicas may change; see `app.scaling`."""

    least: int
    most: int
    start_seconds: float


class Fleet:
    """Runs one simulation.

    Args:
        lengths: gives the seconds of audio of each request.
        closed: so many callers ask again as soon as they have heard all; None for `arrivals`.
    """

    def __init__(
        self,
        service: Service,
        replicas: int,
        lengths: Callable[[], float],
        *,
        seed: int = 1,
        scaling: Scaling | None = None,
        closed: int | None = None,
    ) -> None:
        self._service = service
        self._replicas = [Replica(service) for _ in range(replicas)]
        self._lengths = lengths
        self._random = random.Random(seed)
        self._scaling = scaling
        self._closed = closed
        self._policy_state: dict[str, Any] = {}
        self._ends: list[tuple[float, int, int, Replica]] = []
        self._order = itertools.count()
        self.outcome = Outcome()

    def run(self, arrivals: Iterator[float], until_seconds: float) -> Outcome:
        """Let callers come until a time, and return what came of it."""
        arriving: Iterator[float] = arrivals
        if self._closed is not None:
            arriving = iter([0.001 * number for number in range(self._closed)])
        next_arrival = next(arriving, math.inf)
        next_look = SCALE_SECONDS if self._scaling else math.inf
        looked_seconds = 0.0
        while True:
            end = self._ends[0][0] if self._ends else math.inf
            now_seconds = min(next_arrival, end, next_look)
            if now_seconds >= until_seconds:
                break
            if now_seconds == next_look:
                self._scale(now_seconds, now_seconds - looked_seconds)
                looked_seconds, next_look = now_seconds, now_seconds + SCALE_SECONDS
            elif now_seconds == end:
                self._end(now_seconds)
            else:
                self._come(now_seconds)
                next_arrival = next(arriving, math.inf)
        self.outcome.replica_seconds += len(self._replicas) * (until_seconds - looked_seconds)
        return self.outcome

    def _come(self, now_seconds: float) -> None:
        ready = self._replicas
        if self._scaling:
            ready = [
                each
                for each in self._replicas
                if each.ready_at_seconds <= now_seconds and not each.leaving
            ]
        for _ in range(TRIES):
            # Two are looked at: a balancer that sees all is hardly better, and slower to simulate.
            one, other = self._random.choice(ready), self._random.choice(ready)
            if len(ready) == 2:
                one, other = ready
            replica = one if one.load <= other.load else other
            if replica.has_room:
                self._take(replica, now_seconds)
                return
        self.outcome.refused += 1

    def _take(self, replica: Replica, now_seconds: float) -> None:
        length = self._lengths()
        replica.advance(now_seconds)
        if len(replica.speaking) < self._service.max_rows:
            self._start(replica, now_seconds, now_seconds, length)
        else:
            replica.waiting.append((now_seconds, length))
        self._expect(replica)

    def _start(self, replica: Replica, now_seconds: float, came: float, length: float) -> None:
        heapq.heappush(replica.speaking, (replica.done_seconds + length, next(self._order)))
        made_seconds = self._service.first_audio(len(replica.speaking), self._random)
        first = now_seconds - came + made_seconds
        self.outcome.first_audio.append(first)
        self.outcome.audio_seconds += length
        replica.firsts.append(first)

    def _end(self, now_seconds: float) -> None:
        _, _, version, replica = heapq.heappop(self._ends)
        if version != replica.version:
            return
        replica.advance(now_seconds)
        heapq.heappop(replica.speaking)
        if replica.waiting:
            came, length = replica.waiting.popleft()
            self._start(replica, now_seconds, came, length)
        self._expect(replica)
        if self._closed is not None:
            self._come(now_seconds)

    def _expect(self, replica: Replica) -> None:
        replica.version += 1
        end = replica.next_end()
        if end is not None:
            heapq.heappush(self._ends, (end, next(self._order), replica.version, replica))

    def _scale(self, now_seconds: float, passed_seconds: float) -> None:
        assert self._scaling is not None
        scaling = self._scaling
        self.outcome.replica_seconds += len(self._replicas) * passed_seconds
        self._replicas = [each for each in self._replicas if not (each.leaving and not each.load)]
        there = [each for each in self._replicas if not each.leaving]
        self.outcome.sizes.append((now_seconds, len(there)))
        ready = [each for each in there if each.ready_at_seconds <= now_seconds]
        metrics: dict[str, dict[Any, float]] = {FIRST_AUDIO: {}, WAIT: {}, BUSY: {}}
        for number, each in enumerate(ready):
            heard, each.firsts = each.firsts, []
            metrics[FIRST_AUDIO][number] = sum(heard) / len(heard) if heard else 0.0
            waited = sum(length for _, length in each.waiting) / self._service.most
            is_full = len(each.waiting) >= self._service.max_queue
            metrics[WAIT][number] = max(waited, MOST_GROWTH if is_full else 0.0)
            metrics[BUSY][number] = len(each.speaking) / self._service.max_rows
        seen = _Seen(
            len(ready),
            len(there),
            scaling.least,
            scaling.most,
            now_seconds,
            metrics,
            self._policy_state,
        )
        wanted, self._policy_state = replicas_wanted(seen)
        for _ in range(wanted - len(there)):
            self._replicas.append(
                Replica(
                    self._service,
                    ready_at_seconds=now_seconds + scaling.start_seconds,
                    now_seconds=now_seconds,
                )
            )
        if wanted < len(there):
            min(there, key=lambda each: each.load).leaving = True


@dataclass
class _Seen:
    current_num_replicas: int
    target_num_replicas: int
    capacity_adjusted_min_replicas: int
    capacity_adjusted_max_replicas: int
    current_time: float
    aggregated_metrics: dict[str, dict[Any, float]]
    policy_state: dict[str, Any]


def poisson(rate: Callable[[float], float], most: float, seed: int) -> Iterator[float]:
    """Yield when callers come whose rate changes, by thinning a stream of the highest rate."""
    chance = random.Random(seed)
    now_seconds = 0.0
    while True:
        now_seconds += chance.expovariate(most)
        if chance.random() * most <= rate(now_seconds):
            yield now_seconds


def bursty(rate: float, seed: int, *, together: float = 8.0) -> Iterator[float]:
    """Yield when callers come of whom several come at once, so many on average."""
    chance = random.Random(seed)
    now_seconds = 0.0
    while True:
        now_seconds += chance.expovariate(rate / together)
        for _ in range(1 + int(chance.expovariate(1 / (together - 1)))):
            yield now_seconds


def spoken_lengths(mean_seconds: float, seed: int) -> Callable[[], float]:
    """Return what gives the length of each request: many are short, and a few are long."""
    chance, spread = random.Random(seed), 0.8
    middle = math.log(mean_seconds) - spread**2 / 2
    return lambda: chance.lognormvariate(middle, spread)
