"""Servers that share a Redis know what the others are at, and forget those that are gone."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import ConnectionPool, Redis

from app.callers.caller import Caller
from app.callers.elsewhere import _TABLE, FORGET_SECONDS, Elsewhere
from tests.callers.redis import redis_on_loopback

SHOP, ALICE = Caller("shop"), Caller("anybody", address="192.0.2.7")


async def until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


class Servers:
    """Is several servers at one Redis."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._stack = stack

    async def another(self) -> Elsewhere:
        pool = ConnectionPool.from_url(self._url, socket_connect_timeout=1, socket_timeout=1)
        self._stack.push_async_callback(pool.disconnect)
        server = Elsewhere(pool)
        await self._stack.enter_async_context(server.told())
        return server


async def test_who_is_alone() -> None:
    """A server without a Redis knows of nobody."""
    alone = Elsewhere(None)
    async with alone.told():
        alone.begin(SHOP)
        assert alone.streams() == {}


async def test_all_others_are_added_up(redis_url: str) -> None:
    """Each knows the sum of what the others answer, by party, without its own."""
    async with AsyncExitStack() as stack:
        servers = Servers(redis_url, stack)
        one, two, three = [await servers.another() for _ in range(3)]
        ends = [one.begin(SHOP), one.begin(SHOP), two.begin(SHOP), two.begin(ALICE)]
        await until(lambda: three.streams() == {"shop": 3, "192.0.2.7": 1}, "three")
        await until(lambda: two.streams() == {"shop": 2}, "two")
        assert (three.streams_of(SHOP), two.streams_of(ALICE)) == (3, 0)
        for end in ends:
            end()
        await until(lambda: three.streams() == {}, "what has ended still counts")


async def test_a_server_that_ends_is_forgotten_at_once(redis_url: str) -> None:
    """Its line is gone, so that nobody has to wait for it to grow old."""
    async with AsyncExitStack() as stack:
        stays = await Servers(redis_url, stack).another()
        async with AsyncExitStack() as going:
            goes = await Servers(redis_url, going).another()
            goes.begin(SHOP)
            await until(lambda: stays.streams_of(SHOP) == 1, "it is not known")
        began_seconds = time.monotonic()
        await until(lambda: stays.streams_of(SHOP) == 0, "it is not forgotten")
        assert time.monotonic() - began_seconds < FORGET_SECONDS


async def test_a_server_that_died_is_forgotten(redis_url: str) -> None:
    """A line that is not renewed counts no longer and is removed, and so is one that is none."""
    redis = Redis.from_url(redis_url)
    now_seconds, _ = await redis.time()

    def line(ago_seconds: float) -> str:
        told_seconds = now_seconds - ago_seconds
        return json.dumps({"told_seconds": told_seconds, "streams": {"shop": 5}})

    lines: dict[Any, Any] = {
        "fresh": line(-60),
        "old": line(FORGET_SECONDS + 2),
        "odd": "no line",
    }
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        await redis.hset(_TABLE, mapping=lines)
        server = await Servers(redis_url, stack).another()
        await until(lambda: server.streams() == {"shop": 5}, "the one that lives does not count")
        left = {str(name) for name in await redis.hkeys(_TABLE)}
        assert left & {str(name.encode()) for name in lines} == {"b'fresh'"}
        await redis.hdel(_TABLE, "fresh")


async def test_a_redis_that_goes_and_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile each server is alone, which is said once; then all is as before."""
    monkeypatch.setattr("app.callers.elsewhere.TELL_SECONDS", 0.05)
    with redis_on_loopback(tmp_path) as redis:
        async with AsyncExitStack() as stack:
            servers = Servers(redis.url, stack)
            one, two = await servers.another(), await servers.another()
            one.begin(SHOP)
            await until(lambda: two.streams_of(SHOP) == 1, "it is not known")
            with caplog.at_level(logging.ERROR, "app.callers.elsewhere"):
                redis.go()
                await until(lambda: two.streams() == {}, "it counts on")
                await asyncio.sleep(0.5)
            assert len(caplog.records) == 2, "each of two servers says it once"
            redis.come()
            await until(lambda: two.streams_of(SHOP) == 1, "it is not known again")
            caplog.clear()
            with caplog.at_level(logging.ERROR, "app.callers.elsewhere"):
                redis.go()
                await until(lambda: two.streams() == {}, "it counts on")
            assert caplog.records, "what goes anew is said anew"


async def test_the_end_of_a_server(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes, though the client of Redis loses a cancellation, as it does up to Python 3.11."""

    async def lose(self: Elsewhere, redis: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            monkeypatch.undo()

    monkeypatch.setattr(Elsewhere, "_tell", lose)
    async with asyncio.timeout(10), AsyncExitStack() as stack:
        await Servers(redis_url, stack).another()
        await asyncio.sleep(0.1)
