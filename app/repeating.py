"""Repeats small work of the server's own in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)


@asynccontextmanager
async def repeated(work: Callable[[], None], *, every_seconds: float) -> AsyncIterator[None]:
    """Do some work on a thread, again and again, while the block runs.

    What it raises is logged, and it is done again: the server lives for months, and nobody else
    looks after its keys and its disk.
    """

    async def repeat() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await asyncio.to_thread(work)
            except Exception:
                logger.exception("work of the server's own failed; it is tried again")

    repeating = asyncio.create_task(repeat())
    try:
        yield
    finally:
        repeating.cancel()
        await asyncio.wait([repeating])
