"""Caches voice states in memory, so that each is made once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class _HasSize(Protocol):
    @property
    def nbytes(self) -> int: ...


StateT = TypeVar("StateT", bound=_HasSize)


class VoiceStates(Generic[StateT]):
    """Caches voice states; the least recently used leave once all exceed `max_bytes`.

    Use from one event loop. Making a state takes up to seconds, so it runs on a thread, one at a
    time: encoding is as heavy as speaking, and two at once would only slow the listeners down.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._states: OrderedDict[Hashable, StateT] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[StateT]] = {}
        self._one_at_a_time = asyncio.Lock()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._states)

    async def get(self, key: Hashable, make: Callable[[], StateT]) -> StateT:
        """Get the state of `key`, made by `make` on a worker thread if it is not cached.

        Callers that ask for the same key at once share one making. An error of `make` reaches all
        of them and is not remembered. A caller that is cancelled does not spoil it for the others.
        """
        cached = self._states.get(key)
        if cached is not None:
            self._states.move_to_end(key)
            return cached
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, make))
            self._making[key] = task
            task.add_done_callback(lambda done: self._forget_task(key, done))
        return await asyncio.shield(task)

    async def _make(self, key: Hashable, make: Callable[[], StateT]) -> StateT:
        async with self._one_at_a_time:
            state = await asyncio.to_thread(make)
        self._keep(key, state)
        return state

    def _forget_task(self, key: Hashable, done: asyncio.Task[StateT]) -> None:
        del self._making[key]
        if not done.cancelled():
            done.exception()  # every waiting caller may have left; the error is theirs, not a leak

    def _keep(self, key: Hashable, state: StateT) -> None:
        self._states[key] = state
        self.nbytes += state.nbytes
        while self.nbytes > self._max_bytes and len(self._states) > 1:
            _, dropped = self._states.popitem(last=False)
            self.nbytes -= dropped.nbytes
