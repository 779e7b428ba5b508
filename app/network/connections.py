"""Helps with connections that stay open while speech is made, over whatever protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from app.errors import InvalidRequest

T = TypeVar("T")


class ClientLeft(Exception):
    """Says that the client has gone, so that nobody hears the answer."""


class QuietTooLong(InvalidRequest):
    """Says that a client neither went on with its text nor ended it."""


def quiet_too_long(idle_seconds: float) -> QuietTooLong:
    """Make the error for a client that neither goes on with its text nor ends it."""
    return QuietTooLong(
        f"nothing came for {idle_seconds:g} s; text that was neither ended nor flushed before that "
        "is not spoken"
    )


async def race(*runners: Coroutine[Any, Any, T]) -> T:
    """Run several coroutines until the first one ends, and cancel the others.

    Returns:
        What the first one returned.

    Raises:
        Whatever the first one raised. What others raise while they are cancelled is dropped.
    """
    tasks = [asyncio.create_task(runner) for runner in runners]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # If several ended in one turn of the loop, the one that was named first counts.
        return next(task for task in tasks if task in done).result()
    finally:
        await ended(*tasks)


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until all have ended.

    Asks again each second: up to Python 3.11 a task goes on that is cancelled at the very moment
    when a `wait_for` in it, of ours or of a library, comes to its end.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=1.0)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # otherwise asyncio reports that nobody looked at it
