"""What all connections that stay open while speech is made have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from app.errors import InvalidRequest

T = TypeVar("T")

IDLE_SECONDS = 60.0
SEND_SECONDS = 120.0
"""A client that takes nothing for so long is not listening any more"""


class ClientLeft(Exception):
    """Nobody is there any more to hear the answer."""


def quiet_too_long(idle_seconds: float) -> InvalidRequest:
    """The error for a client that neither goes on with its text nor ends it."""
    return InvalidRequest(
        f"nothing came for {idle_seconds:g} s; text that was neither ended nor flushed before that "
        "is not spoken"
    )


async def race(*runners: Coroutine[Any, Any, T]) -> T:
    """Run all at once until the first one ends, and cancel the others.

    Returns: what the first one returned.

    Raises:
        What the first one raised; what others raise while they are cancelled is dropped.
    """
    tasks = [asyncio.create_task(runner) for runner in runners]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # Of several that ended in one turn of the loop the earliest named counts.
        return next(task for task in tasks if task in done).result()
    finally:
        await ended(*tasks)


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until all have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
