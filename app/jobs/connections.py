"""Keeps connections to a database between statements, for as many threads as ask."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from app.errors import StorageFailed

CANNOT_KEEP = "the jobs cannot be kept"


class _Closable(Protocol):
    def close(self) -> None: ...


ConnectionT = TypeVar("ConnectionT", bound=_Closable)


class Connections(Generic[ConnectionT]):
    """Lends each thread a connection of its own, and makes another where none is idle.

    Args:
        make: opens a connection.
        is_usable: tells whether one that was idle still answers.
    """

    def __init__(
        self,
        make: Callable[[], ConnectionT],
        is_usable: Callable[[ConnectionT], bool] = lambda _connection: True,
    ) -> None:
        self._make = make
        self._is_usable = is_usable
        self._is_open = False
        self._idle: deque[ConnectionT] = deque()

    def open(self) -> None:
        """Lend connections from now on."""
        self._is_open = True

    def close(self) -> None:
        """Lend no more; those that are lent are closed when they come back."""
        self._is_open = False
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def lent(self) -> Iterator[ConnectionT]:
        """Lend a connection for the block.

        Raises:
            StorageFailed: the database is not open.
        """
        self._require_open()
        connection = self._idle_one() or self._make()
        try:
            yield connection
        finally:
            if self._is_open:
                self._idle.append(connection)
            else:
                connection.close()

    def _require_open(self) -> None:
        if not self._is_open:
            raise StorageFailed(f"{CANNOT_KEEP}: the database is not open")

    def _idle_one(self) -> ConnectionT | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread may have taken the last
                return None
            if self._is_usable(connection):
                return connection
            connection.close()
