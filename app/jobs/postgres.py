"""Keeps the jobs in PostgreSQL, for several servers. Only this module knows psycopg."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from app.errors import StorageFailed, StoreUnreachable
from app.jobs.connections import Connections
from app.jobs.schema import SchemaError, bring_up_to_date
from app.jobs.sql import Connection, Rows

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 20
"""A statement that takes longer is given up: each is small."""
WRITERS_SECONDS = 5
"""Who writes waits so long for others who do."""
FORSAKEN_SECONDS = 10
"""A server that has begun to change something and says no more lets the other writers go on."""
_KEPT_ALIVE: Mapping[str, int] = {
    # Else it takes a quarter of an hour until the other end counts as gone.
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_TIMEOUTS = (
    f"SET statement_timeout = '{STATEMENT_SECONDS}s'; "
    f"SET lock_timeout = '{WRITERS_SECONDS}s'; "
    f"SET idle_in_transaction_session_timeout = '{FORSAKEN_SECONDS}s'"
)
RETRY_AFTER_SECONDS = 5.0
_WRITERS = 0x706F636B
"""Who writes holds the lock of this number: one at a time, as in SQLite, so that what a writer has
looked at stays as it is, and events have numbers in the order in which they are seen."""
_IN_OTHER_WORDS = (
    # What SQLite says, and what PostgreSQL does.
    (re.compile(r"\bIS (?=\?|:\w)"), "IS NOT DISTINCT FROM "),
    (re.compile(r"INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"), "BIGSERIAL PRIMARY KEY"),
    (re.compile(r"\bJSON\b"), "TEXT"),
    (
        re.compile(r"sqlite_master WHERE type = 'table' AND name"),
        "pg_tables WHERE schemaname = current_schema() AND tablename",
    ),
    (re.compile(r"%"), "%%"),
    (re.compile(r"\?"), "%s"),
    (re.compile(r"(?<!:):(\w+)"), r"%(\1)s"),
)


class PostgresDatabase:
    """Reads and writes the tables; see `app.jobs.sql.Database`.

    Args:
        url: such as `postgresql://user:password@host/database`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connections = Connections(self._connect, _answers)

    def open(self) -> None:
        import psycopg  # noqa: PLC0415

        self._connections.open()
        try:
            with self._connection() as connection, connection.transaction():
                # Large tables may take long, and other servers wait for whoever was first.
                connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
                self._wait_for_writers(connection)
                bring_up_to_date(_Statements(connection))
        except (StorageFailed, psycopg.Error) as error:  # such as one without the right to create
            self.close()
            raise SchemaError(str(error.__cause__ or error).strip()) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connections.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._connection() as connection, connection.transaction():
            self._wait_for_writers(connection)
            yield _Statements(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._connection() as connection:
            yield _Statements(connection)

    def _wait_for_writers(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        # Few servers have such a database, and its client takes memory.
        import psycopg  # noqa: PLC0415

        try:
            with self._connections.lent() as connection:
                yield connection
        except (
            psycopg.OperationalError,
            psycopg.errors.IdleInTransactionSessionTimeout,
        ) as error:
            raise StoreUnreachable(
                "the database of the jobs cannot be reached at present",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            ) from error

    def _connect(self) -> psycopg.Connection[Any]:
        import psycopg  # noqa: PLC0415
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
        from psycopg.types.numeric import IntLoader  # noqa: PLC0415

        # What the address says of it goes before.
        asked: dict[str, Any] = {**_KEPT_ALIVE, **conninfo_to_dict(self._url)}
        made = psycopg.connect(**asked, autocommit=True, row_factory=_rows)
        try:
            made.execute(_TIMEOUTS)
        except BaseException:
            made.close()
            raise
        # A sum of whole numbers is one.
        made.adapters.register_loader("numeric", IntLoader)
        return made


def _answers(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether an idle connection is still there: it may have ended with its server."""
    import psycopg  # noqa: PLC0415

    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


class _Statements:
    """Runs statements that are written for SQLite."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Any = (), /) -> Rows:
        return self._connection.execute(_translated(sql).encode(), values)


@dataclass(frozen=True, slots=True)
class _Row:
    """Is a row whose columns have names and numbers, as `sqlite3.Row` is."""

    names: Sequence[str]
    values: Sequence[Any]

    def keys(self) -> Sequence[str]:
        return self.names

    def __getitem__(self, place: str | int) -> Any:
        return self.values[self.names.index(place) if isinstance(place, str) else place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)


def _rows(cursor: Any) -> Callable[[Sequence[Any]], _Row]:
    names = [column.name for column in cursor.description or ()]
    return partial(_Row, names)


@cache
def _translated(sql: str) -> str:
    for pattern, instead in _IN_OTHER_WORDS:
        sql = pattern.sub(instead, sql)
    return sql
