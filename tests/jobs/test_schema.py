"""A database of the jobs is brought up to date, or refused with the reason."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.jobs.database import SqliteDatabase
from app.jobs.postgres import PostgresDatabase
from app.jobs.schema import SCHEMA_VERSION, STEPS, SchemaError
from app.jobs.store import JobStore
from app.settings import SettingsError
from tests.jobs.postgres import Postgres
from tests.serving import make_settings, serve_fake

JOB = (
    "INSERT INTO jobs (id, owner, created_seconds, state, asked, seed, title, has_cover) "
    "VALUES ('a', 'alice', 1.5, 'paused', '{\"format\": \"mp3\"}', 7, 'A Tale', 0)"
)
SEGMENT = (
    "INSERT INTO segments "
    "(job, number, chapter, text, characters, seed, take, samples, last, marks) "
    "VALUES ('a', {number}, 1, 'Hello.', 6, 1, 1, {samples}, 1, 'null')"
)


def make_first_version(path: Path) -> None:
    """Make a database as the first version of the tables was, with a job in it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in STEPS[0]:
            connection.execute(statement)
        connection.execute("UPDATE schema_version SET version = 1")
        connection.execute(JOB)
        connection.execute("INSERT INTO chapters VALUES ('a', 1, 'One', NULL)")
        connection.execute(SEGMENT.format(number=1, samples=1000))
        connection.execute(SEGMENT.format(number=2, samples="NULL"))


def test_an_older_version_is_brought_up(tmp_path: Path) -> None:
    """What was there is there still, and what the new tables know beside is reckoned."""
    path = tmp_path / "jobs.sqlite3"
    make_first_version(path)
    database = SqliteDatabase(path)
    database.open()
    store = JobStore(database)
    job = store.get("a")
    assert (job.owner, job.state, job.seed, job.title) == ("alice", "paused", 7, "A Tale")
    assert (job.asked, job.has_cover) == ({"format": "mp3"}, False)
    assert job.kept_bytes == store.bytes_of("alice") == 44 + 2 * 1000
    assert [(each.number, each.samples) for each in store.segments("a", marked=True)] == [
        (1, 1000),
        (2, None),
    ]
    assert [each.heading for each in store.chapters("a")] == ["One"]
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [
            (SCHEMA_VERSION,)
        ]


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    """A database that is up to date stays as it is."""
    path = tmp_path / "jobs.sqlite3"
    make_first_version(path)
    for _ in range(2):
        database = SqliteDatabase(path)
        database.open()
        assert JobStore(database).get("a").kept_bytes == 2044
        database.close()


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are of one version or of the other, never of half of one."""
    path = tmp_path / "jobs.sqlite3"
    make_first_version(path)
    broken = (STEPS[0], (*STEPS[1], "UPDATE nowhere SET such = 1"))
    monkeypatch.setattr("app.jobs.schema.STEPS", broken)
    with pytest.raises(SchemaError, match="no such table: nowhere"):
        SqliteDatabase(path).open()
    monkeypatch.undo()
    database = SqliteDatabase(path)
    database.open()
    assert JobStore(database).get("a").kept_bytes == 2044
    database.close()


def test_a_newer_version_stops_the_start(tmp_path: Path) -> None:
    """The server says which version it found and which it knows, and leaves the file alone."""
    path = make_settings(tmp_path).jobs_dir / "jobs.sqlite3"
    path.parent.mkdir()
    make_first_version(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE schema_version SET version = 99")
    said = (
        rf"DATABASE_URL: .* cannot be opened: its tables have version 99, which a newer server has "
        rf"made; this one knows versions up to {SCHEMA_VERSION}$"
    )
    with pytest.raises(SettingsError, match=said), serve_fake(tmp_path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchone() == (99,)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It stops the start with the reason."""
    path = tmp_path / "elsewhere.sqlite3"
    path.write_bytes(b"This is a text, and a long one at that. " * 100)
    with (
        pytest.raises(SettingsError, match=r"DATABASE_URL: .* file is not a database"),
        serve_fake(tmp_path, database_url=f"sqlite:///{path}"),
    ):
        pass


def test_a_database_where_nothing_may_be_made(postgres: Postgres) -> None:
    """It is said in the database's own words, as is an address that is none."""
    url = postgres.database()
    for broken in (f"{url}?options=-csearch_path%3Dnowhere", "postgresql://localhost?nonsense=1"):
        with pytest.raises(SchemaError, match=r"no schema|invalid URI query parameter"):
            PostgresDatabase(broken).open()
