"""Opens the database of the jobs, with a log that keeps readers and a writer apart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.files import storage_failed
from app.jobs.connections import CANNOT_KEEP, Connections
from app.jobs.schema import SchemaError, bring_up_to_date

BUSY_SECONDS = 10.0
"""A writer waits so long for another one, which may be another process."""


class SqliteDatabase:
    """Keeps the tables in a file; see `app.jobs.sql.Database`.

    Args:
        path: it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connections = Connections(lambda: _connect(path))

    def open(self) -> None:
        """Make the file if need be, and bring the tables up to date.

        Raises:
            SchemaError: the database cannot be used.
            OSError: its folder cannot be made.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connections.open()
        try:
            with self._transaction() as connection:
                bring_up_to_date(connection)
        except sqlite3.Error as error:
            self.close()
            raise SchemaError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of all connections."""
        self._connections.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change what is there, all of the block or nothing.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            with self._transaction() as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise storage_failed(CANNOT_KEEP, OSError(0, str(error))) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Look at what is there, without waiting for a writer.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            with self._connections.lent() as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise storage_failed(CANNOT_KEEP, OSError(0, str(error))) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connections.lent() as connection:
            # Two writers that have both begun to read could neither of them go on.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise


def _connect(path: Path) -> sqlite3.Connection:
    # Without an isolation level a transaction begins where one is begun, and nowhere else.
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection
