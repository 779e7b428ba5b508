"""Defines what the jobs need of a database: SQL with question marks, in SQLite's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Rows(Protocol):
    """Is what a statement has found: each row goes by numbers and by the names of columns."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Runs statements; `?` and `:name` stand for values."""

    def execute(self, sql: str, values: Any = ..., /) -> Rows: ...


class Database(Protocol):
    """Reads and writes the tables, from any thread. Blocks."""

    def open(self) -> None:
        """Connect, and bring the tables up to date.

        Raises:
            SchemaError, OSError: the database cannot be used.
        """

    def close(self) -> None:
        """Let go of all connections."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Change what is there, all of the block or nothing; writers wait for each other.

        Raises:
            StorageFailed: it cannot be kept.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Look at what is there, without waiting for a writer; raises StorageFailed as well."""
