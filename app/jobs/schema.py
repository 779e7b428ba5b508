"""Defines the tables of the jobs, and brings a database to the version that this server knows."""

from __future__ import annotations

from app.jobs.sql import Connection

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE schema_version (version INTEGER NOT NULL)",
        "INSERT INTO schema_version VALUES (0)",
        """
        CREATE TABLE jobs (
            id VARCHAR(32) NOT NULL PRIMARY KEY,
            owner VARCHAR,
            key VARCHAR,
            created_seconds FLOAT NOT NULL,
            state VARCHAR(16) NOT NULL,
            reason TEXT,
            asked JSON NOT NULL,
            seed BIGINT NOT NULL,
            title TEXT,
            author TEXT,
            language VARCHAR,
            has_cover BOOLEAN NOT NULL,
            model VARCHAR,
            fingerprint VARCHAR,
            output VARCHAR,
            output_bytes BIGINT
        )
        """,
        "CREATE INDEX jobs_by_key ON jobs (owner, key)",
        """
        CREATE TABLE chapters (
            job VARCHAR(32) NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            heading TEXT,
            voice VARCHAR,
            PRIMARY KEY (job, number)
        )
        """,
        """
        CREATE TABLE segments (
            job VARCHAR(32) NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            chapter INTEGER NOT NULL,
            text TEXT NOT NULL,
            characters INTEGER NOT NULL,
            voice VARCHAR,
            seed BIGINT NOT NULL,
            take INTEGER NOT NULL,
            samples BIGINT,
            last BOOLEAN NOT NULL,
            start_seconds FLOAT,
            most_seconds FLOAT,
            marks JSON,
            PRIMARY KEY (job, number)
        )
        """,
        """
        CREATE TABLE events (
            number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            job VARCHAR(32) NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            kind VARCHAR(16) NOT NULL,
            data JSON NOT NULL
        )
        """,
        "CREATE INDEX events_by_job ON events (job, number)",
    ),
    (
        # What a job keeps beside its finished file: all takes, also those that others replaced.
        "ALTER TABLE jobs ADD COLUMN kept_bytes BIGINT NOT NULL DEFAULT 0",
        """
        UPDATE jobs SET kept_bytes = (
            SELECT COALESCE(SUM(44 + 2 * samples), 0) FROM segments WHERE segments.job = jobs.id
        )
        """,
    ),
    (
        # Which of several servers works on a job, and for how long; see app/jobs/leases.py.
        """
        CREATE TABLE leases (
            job VARCHAR(32) NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
            worker VARCHAR NOT NULL,
            until_seconds FLOAT NOT NULL
        )
        """,
    ),
)
"""The statements of each step lead from the version of its number to the next."""

SCHEMA_VERSION = len(STEPS)


class SchemaError(Exception):
    """Says why a database cannot be used."""


def bring_up_to_date(connection: Connection) -> None:
    """Make the tables, or bring those of an older version to this one; needs a transaction.

    Raises:
        SchemaError: a newer server has made them.
    """
    version = _version_of(connection)
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"its tables have version {version}, which a newer server has made; this one knows "
            f"versions up to {SCHEMA_VERSION}"
        )
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute("UPDATE schema_version SET version = ?", (SCHEMA_VERSION,))


def _version_of(connection: Connection) -> int:
    """Return the version of the tables; 0 if there are none."""
    named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'"
    if connection.execute(named).fetchone() is None:
        return 0
    return int(connection.execute("SELECT version FROM schema_version").fetchone()[0])
