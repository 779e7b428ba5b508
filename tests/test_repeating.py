"""Work that is repeated goes on while its block runs, and goes on after a failure."""

from __future__ import annotations

import asyncio
import threading

import pytest

from app.repeating import repeated


async def test_work_is_repeated_until_the_block_ends() -> None:
    """It is done again and again, on another thread, and not after the block."""
    done: list[threading.Thread] = []
    async with repeated(lambda: done.append(threading.current_thread()), every_seconds=0.001):
        async with asyncio.timeout(5):
            while len(done) < 3:  # noqa: ASYNC110 - a thread fills it
                await asyncio.sleep(0.001)
    times = len(done)
    await asyncio.sleep(0.02)
    assert len(done) == times
    assert threading.current_thread() not in done


async def test_a_failure_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever went wrong with the keys or the disk, they are looked after again."""
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise ZeroDivisionError("by nobody")

    async with repeated(fail, every_seconds=0.001), asyncio.timeout(5):
        while len(tries) < 3:  # noqa: ASYNC110 - a thread fills it
            await asyncio.sleep(0.001)
    assert "work of the server's own failed" in caplog.text
    assert "by nobody" in caplog.text
