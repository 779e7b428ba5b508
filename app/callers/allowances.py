"""Counts what callers use, and refuses what goes beyond their limits.

Windows are fixed: a minute begins with a caller's first request, and at its end everything is
allowed again. So it can be said truly when to come back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from app.callers.caller import Caller
from app.callers.elsewhere import Elsewhere
from app.callers.streams import Streams
from app.errors import LimitReached, Overloaded, Parameter, TooLarge
from app.seldom import Seldom

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool as RedisPool

logger = logging.getLogger(__name__)

MINUTE_SECONDS = 60
_REDIS_SECONDS = 2.0
"""Redis answers within this, or counts as away."""
_ASK_AGAIN_SECONDS = 5.0
"""A Redis that is away is asked again after this, so that few requests wait for it."""

Counted: TypeAlias = Literal["requests", "characters"]
"""These are counted by the minute."""
COUNTED: tuple[Counted, ...] = ("requests", "characters")


@dataclass(frozen=True, slots=True)
class Left:
    """Says how much of a limit is left, and after how many seconds all of it is again."""

    counted: Counted
    limit: int
    left: int
    resets_seconds: int


class _SteadyStorage(MemoryStorage):
    """Counts in this process, by a clock that nobody sets.

    The library goes by the time of day: set back by an hour, it would refuse for an hour.
    """

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        if await self.get(key) == 0:
            self.expirations[key] = time.monotonic() + expiry
        self.storage[key] += amount
        return self.storage[key]

    async def get(self, key: str) -> int:
        if self.expirations.get(key, 0.0) <= time.monotonic():
            self.storage.pop(key, None)
        return self.storage.get(key, 0)

    async def get_expiry(self, key: str) -> float:
        """Return when a window ends, as the time of day."""
        left_seconds = self.expirations.get(key, 0.0) - time.monotonic()
        return time.time() + max(0.0, left_seconds)


class Allowances:
    """Counts requests and characters by the minute, and streams while they last.

    Use from the event loop.

    Attributes:
        elsewhere: knows what the other servers of `redis_url` answer.

    Args:
        redis_url: where several servers count together; None counts in this process.

    Raises:
        ValueError: it is no such address.
    """

    def __init__(self, redis_url: str | None = None) -> None:
        self._redis = None if redis_url is None else _connections(redis_url)
        self._windows = FixedWindowRateLimiter(_storage(redis_url, self._redis))
        self.elsewhere = Elsewhere(self._redis)
        self._streams = Streams(self.elsewhere)
        self._unreachable = Seldom()
        self._away_until_seconds = 0.0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Count together with others in the block; let go of all connections at its end.

        A storage that is not there stops nobody, and the log says so.
        """
        if self._redis is not None:
            await self._look_at_storage()
        try:
            async with self.elsewhere.told():
                yield
        finally:
            if self._redis is not None:
                await self._redis.disconnect()

    async def use(self, caller: Caller, counted: Counted, amount: int = 1) -> None:
        """Count what a caller is about to use.

        Where the storage cannot be reached nothing is refused, and the log says so.

        Raises:
            Overloaded: it is more than is left.
            TooLarge: it is more than there ever is.
            LimitReached: there is never any.
        """
        limit = _limit_of(caller, counted)
        if limit is None:
            return
        if limit == 0:
            raise LimitReached(f"{counted}_per_minute: this key allows no {counted} at all")
        allowed = f"{limit} {counted} a minute, which is what this key allows"
        if amount > limit:
            field = Parameter.TEXT if counted == "characters" else None
            raise TooLarge(f"{amount} {counted} are more than {allowed}", field=field)
        if self._is_away:
            return
        item = RateLimitItemPerMinute(limit)
        try:
            # A hit that is refused counts all the same, so it is not tried in vain.
            fits = await self._windows.test(item, caller.name, counted, cost=amount)
            if fits and await self._windows.hit(item, caller.name, counted, cost=amount):
                return
            stats = await self._windows.get_window_stats(item, caller.name, counted)
        except StorageError as error:
            self._note_away(error)
            return
        raise Overloaded(
            f"that would be more than {allowed}",
            retry_after_seconds=max(1.0, stats.reset_time - time.time()),
        )

    async def left(self, caller: Caller) -> list[Left]:
        """Return what is left of each limit by the minute that a caller has."""
        found = []
        for counted in COUNTED:
            limit = _limit_of(caller, counted)
            if limit is None or self._is_away:
                continue
            item = RateLimitItemPerMinute(limit)
            try:
                stats = await self._windows.get_window_stats(item, caller.name, counted)
            except StorageError as error:
                self._note_away(error)
                continue
            # Where nothing was used yet, the minute has not begun.
            resets_seconds = stats.reset_time - time.time()
            seconds = min(MINUTE_SECONDS, max(0, round(resets_seconds)))
            found.append(Left(counted, limit, stats.remaining, seconds))
        return found

    def streaming(self, caller: Caller, characters: int = 0) -> AbstractContextManager[None]:
        """Count a request for speech as long as it is answered.

        Args:
            characters: how much text it is; 0 where that is still being written.

        Raises (on entering):
            Overloaded: as many as allowed are answered already.
            LimitReached: none is allowed.
        """
        return self._streams.running(caller, characters)

    async def _look_at_storage(self) -> None:
        try:
            await self._windows.get_window_stats(RateLimitItemPerMinute(1), "the start")
        except StorageError as error:
            self._note_away(error)
        else:
            logger.info("REDIS_URL: callers are counted together")

    @property
    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until_seconds

    def _note_away(self, error: StorageError) -> None:
        self._away_until_seconds = time.monotonic() + _ASK_AGAIN_SECONDS
        if self._unreachable.is_due():
            logger.error("REDIS_URL: limits are not counted: %s", error.storage_error)


def _connections(redis_url: str) -> RedisPool:
    # Few servers have a Redis, and its client takes memory.
    from redis.asyncio import ConnectionPool  # noqa: PLC0415

    return ConnectionPool.from_url(
        redis_url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
    )


def _storage(redis_url: str | None, connections: RedisPool | None) -> Storage:
    if connections is None:
        return _SteadyStorage()
    return RedisStorage(
        f"async+{redis_url}",
        wrap_exceptions=True,
        implementation="redispy",
        # It is passed on to redis as it is.
        connection_pool=connections,  # type: ignore[arg-type]
    )


def _limit_of(caller: Caller, counted: Counted) -> int | None:
    if counted == "requests":
        return caller.limits.requests_per_minute
    return caller.limits.characters_per_minute
