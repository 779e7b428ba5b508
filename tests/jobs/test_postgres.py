"""A database that does not answer is said not to, and is used again once it does."""

from __future__ import annotations

import time

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


def test_a_writer_that_says_no_more(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for it is told soon; then the database lets it go, and the others go on."""
    monkeypatch.setattr(
        "app.jobs.postgres._TIMEOUTS",
        "SET lock_timeout = '100ms'; SET idle_in_transaction_session_timeout = '1s'",
    )
    url = postgres.database()
    hanging, other = PostgresDatabase(url), PostgresDatabase(url)
    hanging.open()
    other.open()

    def hang() -> None:
        with hanging.writing() as connection:
            with pytest.raises(StoreUnreachable), other.writing():
                pytest.fail("two write at once")
            time.sleep(1.5)
            with other.writing():
                pass
            connection.execute("SELECT 1")

    with pytest.raises(StoreUnreachable):
        hang()
    assert JobStore(hanging).unfinished() == []
    hanging.close()
    other.close()


def test_connections_do_not_wait_for_ever(postgres: Postgres) -> None:
    """Each has timeouts, on the database and on the way to it; the address may say others."""
    database = PostgresDatabase(f"{postgres.database()}?connect_timeout=3")
    with database._connect() as connection:
        for name, shown in (
            ("statement_timeout", "20s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "10s"),
        ):
            row = connection.execute(f"SHOW {name}".encode()).fetchone()
            assert row is not None
            assert row[0] == shown
        parameters = connection.info.get_parameters()
    assert parameters["connect_timeout"] == "3"
    assert parameters["keepalives_idle"] == "5"
    assert parameters["tcp_user_timeout"] == "10000"
