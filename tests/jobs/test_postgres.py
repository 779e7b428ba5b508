"""A database that does not answer is said not to, and is used again once it does."""

from __future__ import annotations

import pytest

from app.errors import StoreUnreachable
from app.jobs.postgres import PostgresDatabase
from app.jobs.schema import SchemaError
from app.jobs.store import JobStore
from tests.fleet.servers import free_port
from tests.jobs.postgres import Postgres


def test_nobody_answers() -> None:
    """The start is refused, and says where nobody answered, but no password."""
    nowhere = PostgresDatabase(f"postgresql://me:secret@127.0.0.1:{free_port()}/jobs")
    with pytest.raises(SchemaError, match=r"127\.0\.0\.1") as caught:
        nowhere.open()
    assert "secret" not in str(caught.value)


def test_connections_that_end(postgres: Postgres) -> None:
    """A database that was started anew is used again, without a word to anybody."""
    database = PostgresDatabase(postgres.database())
    database.open()
    store = JobStore(database)
    assert store.unfinished() == []
    with database.reading() as connection:
        # As its end would do, but that this one connection is spared.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert store.unfinished() == []
    with pytest.raises(StoreUnreachable), database.reading() as connection:
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert store.unfinished() == []
    database.close()
