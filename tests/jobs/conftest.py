"""Shares a store of jobs that no server works on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.database import SqliteDatabase
from app.jobs.store import JobStore


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "jobs.sqlite3")
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def store(database: SqliteDatabase) -> JobStore:
    return JobStore(database)
