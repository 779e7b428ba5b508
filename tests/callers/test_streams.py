"""Speech that goes on is counted for each caller, and who is refused is told when there is room."""

from __future__ import annotations

import heapq
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from app.callers import streams as streams_module
from app.callers.caller import Caller, CallerLimits
from app.callers.streams import Streams
from app.errors import LimitReached, Overloaded


def caller(name: str = "shop", **limits: int) -> Caller:
    return Caller(name, frozenset({"speech"}), CallerLimits(**limits))


class Day:
    """Runs streams by a clock of its own, each in its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(streams_module, "time", clock)
        self.streams = Streams()
        self._ends: list[tuple[float, int, ExitStack]] = []
        self._count = 0

    def ask(self, who: Caller, characters: int, lasts_seconds: float) -> float | None:
        """Begin a stream; return after how many seconds to come back if there is no room."""
        stack = ExitStack()
        try:
            stack.enter_context(self.streams.running(who, characters))
        except Overloaded as error:
            return error.retry_after_seconds
        self._count += 1
        heapq.heappush(self._ends, (self.now + lasts_seconds, self._count, stack))
        return None

    def next_end(self) -> float:
        """Let time pass until a stream ends; return the moment."""
        self.now, _, stack = heapq.heappop(self._ends)
        stack.close()
        return self.now


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    return Day(monkeypatch)


@pytest.mark.parametrize(
    ("characters", "seconds"), [(4, 0.15), (1000, 3.0), (20000, 60.0), (0, 40)]
)
def test_each_of_a_burst_is_told_when_its_turn_is(
    day: Day, characters: int, seconds: float
) -> None:
    """Who comes back when it was told to has waited half to twice as long as it had to."""
    shop = caller(concurrent_streams=3)
    for _ in range(10):
        assert day.ask(shop, characters, seconds) is None
        day.next_end()
    began = day.now
    told = [day.ask(shop, characters, seconds) for _ in range(130)]
    assert told[:3] == [None, None, None]
    for seconds_told in told[3:]:
        waited = day.next_end() - began
        assert day.ask(shop, characters, seconds) is None
        assert seconds_told is not None
        assert waited / 2 <= seconds_told <= 2 * waited


def test_what_goes_on_for_longer_than_expected(day: Day) -> None:
    """The longer it has gone on, the longer it is expected to."""
    shop = caller(concurrent_streams=1)
    assert day.ask(shop, 100, 1000.0) is None
    day.now += 400
    told = day.ask(shop, 100, 1.0)
    assert told == pytest.approx(100)


def test_callers_do_not_count_for_each_other(day: Day) -> None:
    """Each has room of its own, and whoever has no limit always has some."""
    assert day.ask(caller("one", concurrent_streams=1), 10, 5.0) is None
    assert day.ask(caller("one", concurrent_streams=1), 10, 5.0) is not None
    assert day.ask(caller("two", concurrent_streams=1), 10, 5.0) is None
    for _ in range(5):
        assert day.ask(caller("three"), 10, 5.0) is None


def test_none_is_allowed(day: Day) -> None:
    """There is no moment to come back to, so that it is no 429."""
    with pytest.raises(LimitReached, match="concurrent_streams: this key allows no speech"):
        day.ask(caller(concurrent_streams=0), 10, 1.0)
