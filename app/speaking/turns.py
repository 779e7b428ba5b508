"""Bounds how many do something at once; who waits for that takes turns with other callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.rounds import Rounds


class Turns:
    """Has places, which are given to callers in turn. Use from one event loop.

    Args:
        places: for so many at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._rounds: Rounds[str, asyncio.Future[None]] = Rounds()

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[float]:
        """Wait for a place, and have it until the end of the block; yield how many seconds."""
        began_seconds = time.monotonic()
        if self._free:
            self._free -= 1
        else:
            await self._turn(caller)
        try:
            yield time.monotonic() - began_seconds
        finally:
            self._give_place()

    async def _turn(self, caller: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rounds.join(caller, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place came at the same moment
                self._give_place()
            raise

    def _give_place(self) -> None:
        """Let the next one have a place, or nobody."""
        while (turn := self._rounds.take()) is not None:
            if not turn.done():  # it is if who waited has gone
                turn.set_result(None)
                return
        self._free += 1
