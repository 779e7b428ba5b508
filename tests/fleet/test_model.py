"""The simulation of a fleet gives back what it was told of one replica, and who is refused."""

from __future__ import annotations

import pytest

from benchmarks.fleet import Level
from benchmarks.fleet_model import Fleet, Scaling, Service, poisson

SERVICE = Service(
    streams=(1, 4, 8),
    audio_rates=(10.0, 20.0, 24.0),
    first_seconds=(0.1, 0.2, 0.4),
    late_seconds=(0.2, 0.6, 1.2),
    max_rows=8,
    max_queue=4,
)
SECONDS = 2000.0


def length() -> float:
    return 3.0


@pytest.mark.parametrize(("replicas", "callers", "rate"), [(1, 1, 10), (1, 4, 20), (2, 8, 40)])
def test_callers_that_ask_again(replicas: int, callers: int, rate: float) -> None:
    """They get what was measured beside as many, in audio and in how long the first sound takes."""
    outcome = Fleet(SERVICE, replicas, length, closed=callers).run(iter(()), SECONDS)
    assert outcome.audio_seconds / SECONDS == pytest.approx(rate, rel=0.02)
    each = callers // replicas
    at = SERVICE.streams.index(each)
    assert outcome.percentile(0.5) == pytest.approx(SERVICE.first_seconds[at], rel=0.1)
    assert outcome.percentile(0.95) == pytest.approx(SERVICE.late_seconds[at], rel=0.1)
    assert outcome.refused == 0


def test_more_than_it_can_do() -> None:
    """Nobody gets more than a replica makes; the others wait, and are refused once that is full."""
    asked = 2 * SERVICE.most / length()
    outcome = Fleet(SERVICE, 1, length).run(poisson(lambda _: asked, asked, seed=1), SECONDS)
    assert outcome.audio_seconds / SECONDS == pytest.approx(SERVICE.most, rel=0.05)
    assert outcome.share_refused == pytest.approx(0.5, abs=0.05)
    longest_queue_seconds = SERVICE.max_queue * length() / SERVICE.most
    assert outcome.percentile(0.5) > longest_queue_seconds / 2


def test_replicas_come_and_go() -> None:
    """A wave of callers brings replicas, and they go again when it is over."""

    def rate(now_seconds: float) -> float:
        return 30.0 if 100 < now_seconds < 700 else 0.5

    scaling = Scaling(least=1, most=10, start_seconds=20.0)
    fleet = Fleet(SERVICE, 1, length, scaling=scaling)
    outcome = fleet.run(poisson(rate, 30.0, seed=1), 6000.0)
    sizes = [size for _, size in outcome.sizes]
    assert max(sizes) >= 30.0 * length() / SERVICE.most
    assert sizes[0] == sizes[-1] == 1


def test_whole_cores() -> None:
    """A server that had to wait for its core half of the time would have made twice as much."""
    level = Level(1, 4, 10.0, 0.1, 0.2, 0.5, 0.1, waits=0.5)
    assert level.with_whole_cores().audio_rate == 20.0
