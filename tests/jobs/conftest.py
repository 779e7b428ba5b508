"""Shares a store of jobs that no server works on, in each database that there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.database import SqliteDatabase
from app.jobs.postgres import PostgresDatabase
from app.jobs.sql import Database
from app.jobs.store import JobStore
from tests.jobs.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    opened: Database
    if request.param == "sqlite":
        opened = SqliteDatabase(tmp_path / "jobs.sqlite3")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        opened = PostgresDatabase(server.database())
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database)
