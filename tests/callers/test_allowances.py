"""Callers get what their limits allow, are told what is left, and when to come back."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest

from app.callers import allowances as allowances_module
from app.callers.allowances import COUNTED, Allowances, Counted
from app.callers.caller import OPERATOR, Caller, CallerLimits
from app.errors import LimitReached, Overloaded, TooLarge


def caller(name: str = "shop", **limits: int) -> Caller:
    return Caller(name, frozenset({"speech"}), CallerLimits(**limits))


@pytest.fixture(params=["memory", "redis"])
async def allowances(request: pytest.FixtureRequest) -> AsyncIterator[Allowances]:
    in_memory = request.param == "memory"
    made = Allowances(None if in_memory else request.getfixturevalue("redis_url"))
    async with made.open():
        yield made


async def test_requests_are_counted(allowances: Allowances) -> None:
    """After as many as are allowed the next is refused, with the seconds until the minute ends."""
    shop = caller("requests", requests_per_minute=3)
    for _ in range(3):
        await allowances.use(shop, "requests")
    with pytest.raises(Overloaded, match="3 requests a minute, which is what this key") as caught:
        await allowances.use(shop, "requests")
    assert 50 < caught.value.retry_after_seconds <= 61
    await allowances.use(caller("other", requests_per_minute=3), "requests")


async def test_characters_are_counted(allowances: Allowances) -> None:
    """A script that does not fit any more is refused and counts for nothing."""
    shop = caller("characters", characters_per_minute=100)
    await allowances.use(shop, "characters", 70)
    with pytest.raises(Overloaded):
        await allowances.use(shop, "characters", 31)
    (left,) = await allowances.left(shop)
    assert (left.counted, left.limit, left.left) == ("characters", 100, 30)
    assert 57 <= left.resets_seconds <= 60
    await allowances.use(shop, "characters", 30)


async def test_what_never_fits_is_too_large(allowances: Allowances) -> None:
    """Waiting does not help a script that is larger than the whole limit."""
    with pytest.raises(TooLarge, match="101 characters are more than 100 characters a minute"):
        await allowances.use(caller("large", characters_per_minute=100), "characters", 101)


@pytest.mark.parametrize("counted", COUNTED)
async def test_nothing_at_all(allowances: Allowances, counted: Counted) -> None:
    """Who is allowed none is told so: a smaller request, or a later one, would not help."""
    shop = caller("none", **{f"{counted}_per_minute": 0})
    with pytest.raises(LimitReached, match=f"this key allows no {counted} at all"):
        await allowances.use(shop, counted)


async def test_who_has_no_limits(allowances: Allowances) -> None:
    """The operator is not counted, and is told nothing."""
    for _ in range(100):
        await allowances.use(OPERATOR, "requests")
    assert await allowances.left(OPERATOR) == []


async def test_many_at_once(allowances: Allowances) -> None:
    """Of many requests in the same moment exactly as many pass as are allowed."""
    shop = caller("burst", requests_per_minute=10)

    async def passes() -> bool:
        try:
            await allowances.use(shop, "requests")
        except Overloaded:
            return False
        return True

    assert sum(await asyncio.gather(*(passes() for _ in range(50)))) == 10


def test_streams_are_counted_while_they_last() -> None:
    """Another stream is refused until one ends, however it ends."""
    allowances = Allowances()
    shop = caller(concurrent_streams=2)
    with allowances.streaming(shop):
        with suppress(ZeroDivisionError), allowances.streaming(shop):
            with pytest.raises(Overloaded, match="2 requests of this key are being answered"):
                allowances.streaming(shop).__enter__()
            raise ZeroDivisionError
        with allowances.streaming(shop):
            pass


async def test_streams_elsewhere_count(redis_url: str) -> None:
    """What another server answers counts here, until it ends or that server is gone."""
    shop = caller("fleet", concurrent_streams=2)
    mine, other = Allowances(redis_url), Allowances(redis_url)
    async with mine.open():
        async with other.open():
            with other.streaming(shop), mine.streaming(shop):
                await until(lambda: mine.elsewhere.streams() == {"fleet": 1})
                with pytest.raises(Overloaded, match="2 requests of this key"):
                    mine.streaming(shop).__enter__()
            await until(lambda: mine.elsewhere.streams() == {})
            with mine.streaming(shop), mine.streaming(shop):
                pass
            with other.streaming(shop):
                await until(lambda: mine.elsewhere.streams() == {"fleet": 1})
                # It is cut off in the middle, as by a server that dies.
        await until(lambda: mine.elsewhere.streams() == {})


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - Redis has no event
            await asyncio.sleep(0.02)


async def test_a_storage_that_is_gone_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Without the shared counts speech goes on, and the log says it once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        allowances = Allowances(f"redis://127.0.0.1:{free.getsockname()[1]}")
        shop = caller(requests_per_minute=1)
    with caplog.at_level(logging.ERROR, allowances_module.__name__):
        async with allowances.open():
            # It is said at the start already.
            assert len(caplog.records) == 1
            for _ in range(3):
                await allowances.use(shop, "requests")
            assert await allowances.left(shop) == []
    told = [each.message[:10] for each in caplog.records if each.name == allowances_module.__name__]
    assert told == ["REDIS_URL:"]


async def test_a_storage_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Few wait for it, and not for long; when it may be back it is asked again."""
    monkeypatch.setattr(allowances_module, "_REDIS_SECONDS", 0.1)
    monkeypatch.setattr(allowances_module, "_ASK_AGAIN_SECONDS", 0.5)
    shop = caller(requests_per_minute=1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        allowances = Allowances(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        async with allowances.open():
            for _ in range(50):
                await allowances.use(shop, "requests")
                assert await allowances.left(shop) == []
            assert time.monotonic() - began < 3
            silent.settimeout(0.0)
            while True:  # whoever has asked so far
                try:
                    silent.accept()[0].close()
                except BlockingIOError:
                    break
            await asyncio.sleep(0.6)
            await allowances.use(shop, "requests")
            silent.accept()[0].close()


async def test_a_storage_is_looked_at_at_the_start(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A line says that callers are counted together."""
    with caplog.at_level(logging.INFO, allowances_module.__name__):
        async with Allowances(redis_url).open():
            pass
    assert [record.message for record in caplog.records] == [
        "REDIS_URL: callers are counted together"
    ]
