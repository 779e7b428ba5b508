"""Opens the database of the jobs, with a log that keeps readers and a writer apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.errors import StorageFailed
from app.files import storage_failed
from app.jobs.schema import SchemaError, bring_up_to_date

BUSY_SECONDS = 10.0
"""A writer waits so long for another one, which may be another process."""

_CANNOT_KEEP = "the jobs cannot be kept"


class Database:
    """Reads and writes the tables, from any thread. Blocks.

    Args:
        url: such as `sqlite:////srv/jobs.sqlite3`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None

    def open(self) -> None:
        """Connect, and bring the tables up to date.

        Raises:
            SchemaError: the database cannot be used.
            OSError: its folder cannot be made.
        """
        engine = create_engine(self._url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin_writing)
        if engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            with engine.begin() as connection:
                bring_up_to_date(connection)
        except SQLAlchemyError as error:
            engine.dispose()
            raise SchemaError(_in_words(error)) from error
        except BaseException:
            engine.dispose()
            raise
        self._engine = engine

    def close(self) -> None:
        """Let go of all connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Change what is there, all of the block or nothing.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            with self._opened.begin() as connection:
                yield connection
        except OperationalError as error:
            raise storage_failed(_CANNOT_KEEP, OSError(0, _in_words(error))) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Look at what is there, without waiting for a writer.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            with self._opened.connect().execution_options(isolation_level="AUTOCOMMIT") as found:
                yield found
        except OperationalError as error:
            raise storage_failed(_CANNOT_KEEP, OSError(0, _in_words(error))) from error

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise StorageFailed(f"{_CANNOT_KEEP}: the database is not open")
        return self._engine


def _in_words(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error)


def _prepare(connection: Any, _record: object) -> None:
    # What a transaction is begun with is said below; sqlite3 would begin one when it sees fit.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_writing(connection: Connection) -> None:
    # Two writers that have both begun to read could neither of them go on.
    if connection.get_isolation_level() != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
