"""Caches voice states in memory, so that each is made once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class _HasSize(Protocol):
    @property
    def nbytes(self) -> int: ...


StateT = TypeVar("StateT", bound=_HasSize)


@dataclass(slots=True)
class _Making(Generic[StateT]):
    """Counts who waits for a state that is being made."""

    task: asyncio.Task[StateT]
    waiters: int = 0


class VoiceStates(Generic[StateT]):
    """Caches voice states; the least recently used leave once all exceed `max_bytes`.

    Use from one event loop.

    Args:
        looked_up: is told of each state that is asked for whether it was there.
    """

    def __init__(
        self, max_bytes: int, looked_up: Callable[[bool], None] = lambda _found: None
    ) -> None:
        self._max_bytes = max_bytes
        self._looked_up = looked_up
        self._states: OrderedDict[Hashable, StateT] = OrderedDict()
        self._making: dict[Hashable, _Making[StateT]] = {}
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._states)

    async def get(self, key: Hashable, make: Callable[[], Awaitable[StateT]]) -> StateT:
        """Get the state of `key`, made by `make` if it is not cached.

        Callers that ask for the same key at once share one making, which is cancelled once the last
        of them has left. An error of `make` reaches all of them and is not remembered.
        """
        cached = self._states.get(key)
        self._looked_up(cached is not None)
        if cached is not None:
            self._states.move_to_end(key)
            return cached
        making = self._making.get(key)
        if making is None:
            making = _Making(asyncio.create_task(self._make(key, make)))
            self._making[key] = making
        making.waiters += 1
        try:
            return await asyncio.shield(making.task)
        finally:
            making.waiters -= 1
            if making.waiters == 0:
                self._forget(key, making)

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[StateT]]) -> StateT:
        state = await make()
        self._keep(key, state)
        return state

    def _forget(self, key: Hashable, making: _Making[StateT]) -> None:
        """End a making that nobody waits for; whoever asks now begins another."""
        making.task.cancel()
        if self._making.get(key) is making:
            del self._making[key]
        if making.task.done() and not making.task.cancelled():
            making.task.exception()  # all who waited may have left; the error is no leak

    def _keep(self, key: Hashable, state: StateT) -> None:
        self._states[key] = state
        self.nbytes += state.nbytes
        while self.nbytes > self._max_bytes and len(self._states) > 1:
            _, dropped = self._states.popitem(last=False)
            self.nbytes -= dropped.nbytes
