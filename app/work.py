"""Runs blocking work on threads, each kind on threads of its own, and ends what nobody waits for.

The event loop hands a function to the pool of its kind and awaits what it returns:

    pcm = await pools.decoding.run_cancellable(partial(decode, clip))

A caller that is cancelled, because its client left, takes its work with it: what waits is never
begun, and what runs is told by its `CancelToken`, which it looks at.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, fields
from functools import partial
from heapq import heappop, heappush
from typing import TypeVar

from app.bounds import BUSY_RETRY_SECONDS, POOLS, PoolBounds
from app.errors import Overloaded

T = TypeVar("T")

_COURTESY = 10.0
"""What has taken a second waits as if it had come so many seconds later."""


class WorkCancelled(Exception):
    """Ends work on a thread that nobody waits for any more; so nobody sees it."""


class CancelToken:
    """Tells work on a thread to end. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._callbacks: list[Callable[[], None]] = []

    def check(self) -> None:
        """Raise WorkCancelled if the work is to end. Loops call it at least ten times a second."""
        if self._cancelled:
            raise WorkCancelled

    def cancel(self) -> None:
        """Tell the work to end."""
        with self._lock:
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` once the work is cancelled, to wake it from what the block waits for.

        It kills a child or closes a socket, from another thread, perhaps as the block ends.
        """
        with self._lock:
            cancelled = self._cancelled
            if not cancelled:
                self._callbacks.append(callback)
        if cancelled:
            callback()
        try:
            yield
        finally:
            with self._lock, suppress(ValueError):
                self._callbacks.remove(callback)


NEVER_CANCELLED = CancelToken()
"""This is for work that somebody waits for to its end."""


class ThreadPool:
    """Runs one kind of work on a few threads; more waits in line, up to a bound.

    Use from one event loop.

    Args:
        kind: what the work is, for the names of threads and for refusals.
    """

    def __init__(self, kind: str, bounds: PoolBounds) -> None:
        self._kind = kind
        self._max_waiting = bounds.max_waiting
        self._executor = ThreadPoolExecutor(bounds.threads, thread_name_prefix=kind)
        self._free_threads = bounds.threads
        self._line: list[tuple[float, int, asyncio.Future[None]]] = []
        """Who waits, as (place in line, order of coming, what is told)."""
        self._came = 0
        self._waiting = 0
        self._tokens: set[CancelToken] = set()

    async def run(self, work: Callable[[], T]) -> T:
        """Run short work, which goes to its end: a caller that is cancelled waits for that as well.

        Files, for example, change in steps that must be whole, and under locks.

        Raises:
            Overloaded: too much waits already.
            Whatever `work` raises.
        """
        await self._thread_is_free(time.monotonic())
        running = asyncio.wrap_future(self._begin(lambda _: work(), CancelToken()))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # Whoever holds a lock around this must not let go of it before.
            while not running.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({running})
            if not running.cancelled():
                running.exception()  # nobody hears of it
            raise

    async def run_cancellable(
        self,
        work: Callable[[CancelToken], T],
        *,
        used_seconds: float = 0.0,
        let_go: Callable[[T], None] | None = None,
    ) -> T:
        """Run work that ends soon after its token says so, which is when the caller is cancelled.

        Args:
            used_seconds: for how long a thread was taken by earlier parts of the same work. It lets
                those go first who come within ten times as long.
            let_go: is given what the work returns, such as an open file, if the caller was
                cancelled before that.

        Raises:
            Overloaded: too much waits already.
            Whatever `work` raises.
        """
        await self._thread_is_free(time.monotonic() + _COURTESY * used_seconds)
        token = CancelToken()
        running = self._begin(work, token)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            token.cancel()
            if let_go is not None:
                running.add_done_callback(partial(_let_go, let_go))
            raise

    def close(self) -> None:
        """Cancel what runs; take no more."""
        for token in tuple(self._tokens):
            token.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _thread_is_free(self, place_seconds: float) -> None:
        """Wait in line for a thread, and take it."""
        if self._free_threads:
            self._free_threads -= 1
            return
        if self._waiting >= self._max_waiting:
            raise Overloaded(
                f"too much work of one kind waits on this server ({self._kind}); try again later",
                retry_after_seconds=BUSY_RETRY_SECONDS,
            )
        self._waiting += 1
        self._came += 1
        turn = asyncio.get_running_loop().create_future()
        heappush(self._line, (place_seconds, self._came, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the thread came at the same moment
                self._give_thread()
            raise
        finally:
            self._waiting -= 1

    def _give_thread(self) -> None:
        """Let the next one in line have a thread, or nobody."""
        while self._line:
            *_, turn = heappop(self._line)
            if not turn.done():
                turn.set_result(None)
                return
        self._free_threads += 1

    def _begin(self, work: Callable[[CancelToken], T], token: CancelToken) -> Future[T]:
        self._tokens.add(token)
        # What is done for a request knows whose it is, on a thread as well.
        running = self._executor.submit(copy_context().run, work, token)
        loop = asyncio.get_running_loop()
        running.add_done_callback(partial(self._ended_on_thread, loop, token))
        return running

    def _ended_on_thread(
        self, loop: asyncio.AbstractEventLoop, token: CancelToken, _running: Future[T]
    ) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(self._ended, token)

    def _ended(self, token: CancelToken) -> None:
        self._tokens.discard(token)
        self._give_thread()


def _let_go(let_go: Callable[[T], None], done: Future[T]) -> None:
    if not done.cancelled() and done.exception() is None:
        let_go(done.result())


@dataclass(frozen=True, slots=True)
class Pools:
    """Holds the pool of each kind of work, so that none waits for another.

    Attributes:
        bodies: parses large bodies of requests.
        reading: normalises scripts and cuts them into chunks, a stretch at a time.
        decoding: decodes recordings with FFmpeg, and makes prompts of them.
        encoding: makes prompts into voice states.
        loading: gets the voices of a model, which may have to be downloaded.
        fetching: fetches recordings from addresses.
        finishing: levels and encodes complete clips.
        documents: reads documents, each in a process of its own.
        jobs: reads and writes what is kept of jobs, which is short but where a store hangs.
        leasing: asks which jobs are this server's, and keeps them so, whatever else hangs.
        mastering: makes the finished files of jobs, which takes minutes.
        saving: saves audio and fetches it, perhaps from a store that is far or does not answer.
        files: reads and writes files, which is short.
    """

    bodies: ThreadPool
    reading: ThreadPool
    decoding: ThreadPool
    encoding: ThreadPool
    loading: ThreadPool
    fetching: ThreadPool
    finishing: ThreadPool
    documents: ThreadPool
    jobs: ThreadPool
    leasing: ThreadPool
    mastering: ThreadPool
    saving: ThreadPool
    files: ThreadPool

    def close(self) -> None:
        """Cancel all work that runs; take no more."""
        for each in fields(self):
            getattr(self, each.name).close()


def make_pools() -> Pools:
    """Make the pools with the bounds of `app/bounds.py`."""
    return Pools(**{kind: ThreadPool(kind, bounds) for kind, bounds in POOLS.items()})


class ByteBudget:
    """Counts bytes that clients have sent and that are still needed; bounds their sum.

    Use from one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held_bytes = 0

    @contextmanager
    def hold(self) -> Iterator[HeldBytes]:
        """Count bytes until the end of the block."""
        held = HeldBytes(self)
        try:
            yield held
        finally:
            held.give_back()

    def take(self, count: int) -> None:
        """Count more bytes.

        Raises:
            Overloaded: there are too many already.
        """
        if self.held_bytes + count > self._max_bytes:
            raise Overloaded(
                "this server is working on as many large requests as it has memory for; "
                "try again later",
                retry_after_seconds=BUSY_RETRY_SECONDS,
            )
        self.held_bytes += count


class HeldBytes:
    """Counts the bytes of one request."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._held_bytes = 0

    def take(self, count: int) -> None:
        """Count more bytes; raise Overloaded, and count none, if all requests have too many."""
        try:
            self._budget.take(count)
        except Overloaded:
            self.give_back()  # at once, so that it is the last one for want of these
            raise
        self._held_bytes += count

    def give_back(self) -> None:
        """Count them no longer."""
        self._budget.held_bytes -= self._held_bytes
        self._held_bytes = 0
