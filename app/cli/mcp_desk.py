"""Has work done by a backend that is opened beside a server which already answers."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from app.cli.backend import Backend
from app.network.connections import ended

T = TypeVar("T")


class Desk:
    """Takes work for a backend, which waits until that is open.

    Agents give up on a tool that does not answer their greeting at once, and a model may take long
    to load.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._opened: asyncio.Future[contextvars.Context] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open the backend meanwhile, for the length of a block."""
        self._opened = asyncio.get_running_loop().create_future()
        keeping = asyncio.create_task(self._keep_open(self._opened))
        try:
            yield
        finally:
            await ended(keeping, self._opened)

    async def do(self, work: Callable[[Backend], Coroutine[Any, Any, T]]) -> T:
        """Do some work, in the context in which the backend was opened.

        Raises:
            Refused: the backend cannot be opened, or refuses.
        """
        assert self._opened is not None
        context = await asyncio.shield(self._opened)
        task = asyncio.create_task(work(self._backend), context=context.copy())
        try:
            return await task
        finally:
            await ended(task)

    async def _keep_open(self, opened: asyncio.Future[contextvars.Context]) -> None:
        try:
            async with self._backend.opened():
                opened.set_result(contextvars.copy_context())
                await asyncio.Event().wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
