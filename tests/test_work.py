"""Pools of threads: no kind of work waits for another, and what nobody waits for ends."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from app.bounds import POOLS, PoolBounds
from app.errors import Overloaded
from app.work import ByteBudget, CancelToken, ThreadPool, WorkCancelled, make_pools

SOON_SECONDS = 0.1


class Work:
    """Runs on a thread until it is let go or cancelled, and tells when it began and ended."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.began = threading.Event()
        self.ended = threading.Event()

    def __call__(self, cancel: CancelToken) -> str:
        self.began.set()
        try:
            while not self.let_go.wait(0.005):
                cancel.check()
            return "done"
        finally:
            self.ended.set()


async def until(event: threading.Event) -> None:
    while not event.is_set():  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.001)


def pool_of(threads: int, max_waiting: int = 10) -> ThreadPool:
    return ThreadPool("test", PoolBounds(threads, max_waiting))


async def test_work_is_done_and_its_errors_come_back() -> None:
    """What a function returns or raises on its thread reaches whoever asked for it."""
    pool = pool_of(1)
    assert await pool.run(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await pool.run_cancellable(lambda _: 1 // 0)


async def test_no_kind_waits_for_another() -> None:
    """While all threads of one kind are taken, each other kind goes on."""
    pools = make_pools()
    for busy in POOLS:
        works = [Work() for _ in range(POOLS[busy].threads)]
        holding = [
            asyncio.create_task(getattr(pools, busy).run_cancellable(work)) for work in works
        ]
        for work in works:
            await until(work.began)
        for other in POOLS.keys() - {busy}:
            assert await asyncio.wait_for(getattr(pools, other).run(lambda: "done"), 5) == "done"
        assert not any(each.done() for each in holding)
        for work in works:
            work.let_go.set()
        assert await asyncio.gather(*holding) == ["done"] * len(works)
    pools.close()


async def test_work_waits_in_line_up_to_a_bound() -> None:
    """More than the threads can take waits; more than may wait is refused at once."""
    pool, first, second = pool_of(1, max_waiting=1), Work(), Work()
    running = asyncio.create_task(pool.run_cancellable(first))
    await until(first.began)
    waiting = asyncio.create_task(pool.run_cancellable(second))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await pool.run(lambda: None)
    assert refused.value.retry_after_seconds > 0
    assert not second.began.is_set()
    first.let_go.set()
    second.let_go.set()
    assert [await running, await waiting] == ["done", "done"]


async def test_what_has_run_for_long_lets_others_go_first() -> None:
    """Who comes later has its turn before the next part of long work, but not for ever."""
    pool, first = pool_of(1), Work()
    running = asyncio.create_task(pool.run_cancellable(first))
    await until(first.began)
    done: list[str] = []

    async def run(name: str, used_seconds: float) -> None:
        await pool.run_cancellable(lambda _: done.append(name), used_seconds=used_seconds)

    tasks = [asyncio.create_task(run("long", 0.01)), asyncio.create_task(run("short", 0.0))]
    await asyncio.sleep(0.2)
    tasks.append(asyncio.create_task(run("late", 0.0)))
    await asyncio.sleep(0)
    first.let_go.set()
    await asyncio.gather(running, *tasks)
    assert done == ["short", "long", "late"]


async def test_work_ends_when_its_caller_leaves() -> None:
    """What runs is told to end, what waits is never begun, and the thread is free again."""
    pool, running, waiting = pool_of(1), Work(), Work()
    callers = [asyncio.create_task(pool.run_cancellable(work)) for work in (running, waiting)]
    await until(running.began)
    left_seconds = time.monotonic()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert time.monotonic() - left_seconds < SOON_SECONDS
    await until(running.ended)
    assert time.monotonic() - left_seconds < SOON_SECONDS
    assert await pool.run(lambda: "free") == "free"
    assert not waiting.began.is_set()


async def test_what_nobody_takes_is_let_go() -> None:
    """What work returns after its caller has left, such as an open file, is given back."""
    pool = ThreadPool("testing", PoolBounds(threads=1, max_waiting=4))
    given, began = threading.Event(), threading.Event()
    given_back: list[str] = []

    def work(_cancel: CancelToken) -> str:
        began.set()
        given.wait(5)
        return "file"

    caller = asyncio.create_task(pool.run_cancellable(work, let_go=given_back.append))
    await until(began)
    caller.cancel()
    await asyncio.wait([caller])
    given.set()
    async with asyncio.timeout(5):
        while not given_back:  # noqa: ASYNC110 - a thread fills it
            await asyncio.sleep(0.001)
    assert await pool.run_cancellable(lambda _: "taken", let_go=given_back.append) == "taken"
    assert given_back == ["file"]
    pool.close()


async def test_short_work_goes_to_its_end() -> None:
    """A caller of work that must be whole waits for its end, however often it is cancelled."""
    pool, let_go, ended = pool_of(1), threading.Event(), threading.Event()

    def write() -> None:
        assert let_go.wait(5)
        ended.set()

    caller = asyncio.create_task(pool.run(write))
    await asyncio.sleep(0.01)
    for _ in range(3):
        caller.cancel()
        await asyncio.sleep(0.01)
        assert not caller.done()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()


async def test_closing_ends_all_work() -> None:
    """A server that stops leaves no thread at work."""
    pools, work = make_pools(), Work()
    caller = asyncio.create_task(pools.encoding.run_cancellable(work))
    await until(work.began)
    pools.close()
    with pytest.raises(WorkCancelled):
        await caller


def test_cancelling_wakes_what_waits() -> None:
    """A block's callback is called once: when the token is cancelled in it, or was before."""
    calls: list[str] = []
    token = CancelToken()
    with token.calling(lambda: calls.append("over")):
        pass
    with token.calling(lambda: calls.append("inside")):
        token.cancel()
    with token.calling(lambda: calls.append("late")):
        pass
    token.cancel()
    assert calls == ["inside", "late"]
    with pytest.raises(WorkCancelled):
        token.check()


def test_bytes_are_counted_and_given_back() -> None:
    """The sum is bounded; whoever is refused holds nothing, so that the next one may go on."""
    budget = ByteBudget(100)
    with budget.hold() as first, budget.hold() as second, budget.hold() as third:
        first.take(60)
        second.take(40)
        with pytest.raises(Overloaded):
            second.take(1)
        third.take(40)
        assert budget.held_bytes == 100
    assert budget.held_bytes == 0
