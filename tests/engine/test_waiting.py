"""Callers take turns, whatever each of them asks for, and the queue is bounded."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.engine.scheduler import FIRST_PATIENCE_SECONDS
from app.engine.waiting import WaitingJobs
from app.errors import Overloaded, QueueFull
from app.returning import ReturnTimes, seconds_until_free
from tests.engine.policy import Job, Machine, job, policy

MAX_JOBS = 4


class Queue(RuleBasedStateMachine):
    """Jobs come, run, end and leave in any order; whoever waits keeps its rights."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: WaitingJobs[None] = WaitingJobs(MAX_JOBS, 1e9)
        self.made: set[Job] = set()
        self.running: list[Job] = []
        self.gone: set[Job] = set()
        self.turns: dict[Job, Counter[str]] = {}  # that others had while it was its caller's first

    @rule(caller=st.sampled_from("abcdef"))
    def come(self, caller: str) -> None:
        newcomer = job(caller=caller)
        self.made.add(newcomer)
        if self.waiting.is_full and not self._make_room(newcomer):
            self.gone.add(newcomer)
        else:
            self.waiting.join(newcomer)

    def _make_room(self, newcomer: Job) -> bool:
        held = [self.waiting.held_by(each)[0] for each in self.waiting]
        own = self.waiting.held_by(newcomer)[0]
        if self.waiting.exceeds_share(newcomer):
            assert own
            return False
        longest = self.waiting.gives_way_to(newcomer)
        if longest is None:
            assert max(held) == 1
            return False
        assert self.waiting.held_by(longest)[0] == max(held) > own
        self.waiting.leave(longest)
        self.gone.add(longest)
        return True

    @precondition(lambda self: len(self.waiting) > 0)
    @rule()
    def admit(self) -> None:
        running = Counter(each.caller for each in self.running)
        admitted = self.waiting.next(running)
        assert admitted is not None
        assert all(running[admitted.caller] <= running[each.caller] for each in self.waiting)
        self.waiting.admit(admitted)
        self.running.append(admitted)
        for each in self.waiting:
            if not running[each.caller] and self._is_first(each):
                self.turns.setdefault(each, Counter())[admitted.caller] += 1

    @precondition(lambda self: self.running)
    @rule(index=st.integers(0, 99))
    def end(self, index: int) -> None:
        self.gone.add(self.running.pop(index % len(self.running)))

    @precondition(lambda self: len(self.waiting) > 0)
    @rule(index=st.integers(0, 99))
    def leave(self, index: int) -> None:
        left = list(self.waiting)[index % len(self.waiting)]
        self.waiting.leave(left)
        self.gone.add(left)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.waiting) <= MAX_JOBS
        assert {*self.waiting, *self.running} | self.gone == self.made

    @invariant()
    def nobody_starves(self) -> None:
        """Before the first job of a caller that has none running, others have one turn each."""
        for turns in self.turns.values():
            assert set(turns.values()) <= {1}

    def _is_first(self, waits: Job) -> bool:
        return next(each for each in self.waiting if each.caller == waits.caller) is waits


TestQueue = Queue.TestCase


def test_the_callers_own_jobs_stay_in_order() -> None:
    waiting: WaitingJobs[None] = WaitingJobs(9, 1e9)
    jobs = [job(caller=name) for name in "aaabab"]
    for each in jobs:
        waiting.join(each)
    order = []
    while (admitted := waiting.next({})) is not None:
        waiting.admit(admitted)
        order.append(jobs.index(admitted))
    assert order == [0, 3, 1, 5, 2, 4]


def test_jobs_that_nobody_listens_to_come_last() -> None:
    waiting: WaitingJobs[None] = WaitingJobs(9, 1e9)
    unheard, heard = job(caller="a"), job(caller="b")
    unheard.unhurried = True
    waiting.join(unheard)
    waiting.join(heard)
    assert waiting.next({"b": 5}) is heard


def test_a_caller_over_its_share_is_refused_and_told_of_what_there_is_too_much() -> None:
    scheduler = policy(max_queued_jobs=3)
    for _ in range(3):
        scheduler.submit(job(caller="many"))
    with pytest.raises(Overloaded, match="3 requests of yours are waiting already, about 12 s"):
        scheduler.submit(job(caller="many"))


def test_who_has_most_of_a_full_queue_gives_way() -> None:
    scheduler = policy(max_queued_jobs=3)
    many = [job(caller="many") for _ in range(3)]
    for each in many:
        scheduler.submit(each)
    given_way = scheduler.submit(job(caller="other"))
    assert given_way is not None
    assert given_way.job is many[-1]
    assert type(given_way.error) is Overloaded
    assert [each.caller for each in scheduler.jobs] == ["many", "many", "other"]


def test_where_everybody_has_one_it_is_not_the_newcomers_fault() -> None:
    scheduler = policy(max_queued_jobs=2)
    scheduler.submit(job(caller="a"))
    scheduler.submit(job(caller="b"))
    with pytest.raises(QueueFull, match="2 requests of others"):
        scheduler.submit(job(caller="c"))


def test_the_queue_is_bounded_in_audio() -> None:
    """The job that reaches the bound still waits, so that no length is refused for ever."""
    scheduler = policy(max_queued_jobs=99, max_queued_seconds=10.0)
    scheduler.submit(job(chunks=10, caller="long"))  # 40 s
    with pytest.raises(Overloaded):
        scheduler.submit(job(caller="long"))
    with pytest.raises(QueueFull):
        scheduler.submit(job(caller="other"))


def test_many_requests_of_one_delay_anothers_first_by_one_of_them() -> None:
    """On a machine that they keep more than busy, and of which they have all rows."""
    scheduler = policy(max_running_rows=4, max_queued_jobs=200, workers=1)
    machine = Machine(scheduler, workers=1, step_seconds=0.01, decode_seconds_per_frame=0.03)
    many = [job(caller="many") for _ in range(200)]
    for each in many:
        scheduler.submit(each)
    machine.run(20.0)
    other = job(at=machine.now, caller="other")
    before = sum(not each.queued for each in many)
    scheduler.submit(other)
    while other.queued:
        machine.run(0.1)
    assert sum(not each.queued for each in many) - before <= 1
    assert machine.now - other.submitted_at_seconds < 4.0  # as long as one of them is spoken


def test_books_of_one_that_have_all_rows_let_anothers_first_in() -> None:
    """It comes in the pause between two of their chunks, not once a whole book is over."""
    scheduler = policy(max_running_rows=4, workers=1, max_queued_seconds=1e6, buffer_seconds=1e6)
    machine = Machine(scheduler, workers=1, step_seconds=0.01, decode_seconds_per_frame=0.03)
    for _ in range(4):
        scheduler.submit(job(chunks=500, caller="many"))
    machine.run(60.0)
    other = job(at=machine.now, caller="other")
    scheduler.submit(other)
    machine.run(FIRST_PATIENCE_SECONDS + 10.0)  # four chunks of four seconds end after 6.4
    assert other in machine.heard


@given(st.lists(st.floats(0, 100), max_size=8), st.floats(0.1, 50), st.floats(0.1, 50))
def test_a_later_place_is_free_later(left: list[float], mean: float, rate: float) -> None:
    times = [
        seconds_until_free(rows, left_seconds=left, mean_seconds=mean, rate=rate)
        for rows in range(1, len(left) + 4)
    ]
    running = times[: len(left)]
    assert running == sorted(running)
    assert times[len(left) :] == sorted(times[len(left) :])
    assert all(each >= 0 for each in times)


def test_each_who_is_refused_is_told_a_moment_of_its_own() -> None:
    """Until a moment has passed, it counts; others' are no matter to who waits for its own."""
    times = ReturnTimes(places=3)
    told = [times.tell("a", 0.0, float, own=True) for _ in range(5)]
    assert told == [1.0, 2.0, 3.0, 3.0, 3.0]
    assert times.tell("b", 0.0, float, own=True) == 1.0
    assert times.tell("b", 0.0, float, own=False) == 3.0
    assert times.tell("a", 4.0, float, own=True) == 1.0
