"""Work that is repeated goes on while its block runs, and what ends it is heard of."""

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


async def test_a_failure_comes_out_at_the_end() -> None:
    """Work that raises is not repeated, and the block ends with its error."""
    tries = []

    def fail() -> None:
        tries.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with repeated(fail, every_seconds=0.001):
            await asyncio.sleep(0.05)
    assert tries == [1]
