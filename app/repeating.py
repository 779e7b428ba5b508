"""Repeats small work of the server's own in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def repeated(work: Callable[[], None], *, every_seconds: float) -> AsyncIterator[None]:
    """Do some work on a thread, again and again, while the block runs.

    Raises:
        Whatever `work` raised, which ended the repeating, at the end of the block.
    """

    async def repeat() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            await asyncio.to_thread(work)

    repeating = asyncio.create_task(repeat())
    try:
        yield
    finally:
        repeating.cancel()
        await asyncio.wait([repeating])
    if not repeating.cancelled():
        repeating.result()
