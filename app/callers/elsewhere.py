"""Tells servers that share a Redis how much each caller is being answered on the others."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from app.callers.caller import Caller
from app.network.connections import ended
from app.seldom import Seldom

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

logger = logging.getLogger(__name__)

TELL_SECONDS = 0.25
"""What the others know of this server is at most about so old."""
FORGET_SECONDS = 3.0
"""A server that has told nothing for so long is not there any more."""
PATIENCE_SECONDS = 2.0
_TABLE = "pocket-speech:streams"


class Elsewhere:
    """Counts what goes on here for each party, and knows what goes on elsewhere.

    Each server writes its own line into one table and reads the whole of it, so that a server that
    dies is forgotten, and asking costs nothing. While Redis is away each server is alone.

    Args:
        connections: lead to Redis; None for a server that is alone.
    """

    def __init__(self, connections: ConnectionPool | None) -> None:
        self._connections = connections
        self._here: Counter[str] = Counter()
        self._there: Mapping[str, int] = MappingProxyType({})
        self._line = secrets.token_hex(8)
        self._unreachable = Seldom()

    def streams(self) -> Mapping[str, int]:
        """Return how many requests of each party others answer. Any thread may ask."""
        return self._there

    def streams_of(self, caller: Caller) -> int:
        """Return how many requests of a caller others answer."""
        return self._there.get(caller.party, 0)

    def begin(self, caller: Caller) -> Callable[[], None]:
        """Count a request; return what counts it no longer."""
        party = caller.party
        self._here[party] += 1

        def end() -> None:
            self._here[party] -= 1
            if not self._here[party]:
                del self._here[party]

        return end

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Exchange what goes on with the others while the block runs."""
        if self._connections is None:
            yield
            return
        telling = asyncio.create_task(self._tell_again_and_again())
        try:
            yield
        finally:
            await ended(telling)

    async def _tell_again_and_again(self) -> None:
        # Few servers have a Redis, and its client takes memory.
        from redis.asyncio import Redis  # noqa: PLC0415
        from redis.exceptions import RedisError  # noqa: PLC0415

        redis = Redis(connection_pool=self._connections)
        try:
            while True:
                try:
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await self._tell(redis)
                    self._unreachable.is_over()
                except (RedisError, OSError) as error:  # TimeoutError is an OSError
                    self._there = MappingProxyType({})
                    if self._unreachable.is_due():
                        logger.error("REDIS_URL: what others do is not known: %s", error)  # noqa: TRY400
                await asyncio.sleep(TELL_SECONDS)
        finally:
            with suppress(RedisError, OSError, asyncio.CancelledError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await redis.hdel(_TABLE, self._line)

    async def _tell(self, redis: Any) -> None:
        now, others = await _pipeline(redis).time().hgetall(_TABLE).execute()
        now_seconds = now[0] + now[1] / 1e6
        line = json.dumps({"told_seconds": now_seconds, "streams": self._here})
        there: Counter[str] = Counter()
        gone = []
        for name, data in others.items():
            try:
                told = json.loads(data)
                is_gone = now_seconds - told["told_seconds"] > FORGET_SECONDS
                streams = Counter(told["streams"])
            except (ValueError, KeyError, TypeError):  # nobody here writes such a line
                is_gone = True
            if is_gone:
                gone.append(name)
            elif name.decode() != self._line:
                there.update(streams)
        telling = _pipeline(redis).hset(_TABLE, self._line, line)
        await (telling.hdel(_TABLE, *gone) if gone else telling).execute()
        self._there = MappingProxyType(there)


def _pipeline(redis: Any) -> Any:
    return redis.pipeline(transaction=False)
