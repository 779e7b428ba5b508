"""What is used too often waits until it was earned."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.network.pace import Pace, Paces


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_and_then_a_rate() -> None:
    """So much is free at once; after that each use waits longer than the one before."""
    clock = Clock()
    pace = Pace(2.0, 3.0, clock)
    assert [pace.count() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    clock.seconds += 10
    assert pace.count() == 0


def test_the_longest_wait() -> None:
    """What would make a wait longer than allowed is not held against anybody later."""
    clock = Clock()
    pace = Pace(1.0, 1.0, clock)
    assert max(pace.count(at_most_seconds=2.0) for _ in range(1000)) == 2.0
    clock.seconds += 3
    assert pace.count() == 0


def test_what_is_not_allowed_is_not_counted() -> None:
    """Whoever is refused has used nothing."""
    clock = Clock()
    pace = Pace(1.0, 2.0, clock)
    assert [pace.allows() for _ in range(100)].count(True) == 2
    clock.seconds += 1
    assert [pace.allows() for _ in range(100)].count(True) == 1


@given(
    uses=st.lists(st.tuples(st.floats(0, 5), st.floats(0.001, 3)), max_size=60),
    per_second=st.floats(0.1, 100),
    at_once=st.floats(0.1, 10),
)
def test_no_more_than_the_share(
    uses: list[tuple[float, float]], per_second: float, at_once: float
) -> None:
    """Whoever waits as told has used at most the burst, one use, and what the time has earned."""
    clock = Clock()
    pace = Pace(per_second, at_once, clock)
    used, began = 0.0, clock.seconds
    for idle_seconds, amount in uses:
        clock.seconds += idle_seconds
        clock.seconds += pace.count(amount)
        used += amount
        earned = (clock.seconds - began) * per_second
        assert used <= at_once + earned + amount + 1e-6


def test_addresses_that_were_seen_last() -> None:
    """Only so many addresses are remembered; one that comes again is not the first to go."""
    paces = Paces(1.0, 1.0, max_addresses=3)
    first = paces.of("a")
    for address in ("b", "c", "a", "d"):
        paces.of(address)
    assert len(paces) == 3
    assert paces.of("a") is first
    for number in range(10_000):
        paces.of(str(number))
    assert len(paces) == 3
