"""Defines the tables of the jobs, and brings a database to the version that this server knows."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

SCHEMA_VERSION = 1

MIGRATIONS: dict[int, tuple[str, ...]] = {}
"""For each version but the newest, the statements that lead from it to the next."""

metadata = MetaData()

versions = Table("schema_version", metadata, Column("version", Integer, nullable=False))

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String),
    Column("key", String),
    Column("created_seconds", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("asked", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("title", Text),
    Column("author", Text),
    Column("language", String),
    Column("has_cover", Boolean, nullable=False),
    Column("model", String),
    Column("fingerprint", String),
    Column("output", String),
    Column("output_bytes", BigInteger),
    Index("jobs_by_key", "owner", "key"),
)


chapters = Table(
    "chapters",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("heading", Text),
    Column("voice", String),
)

segments = Table(
    "segments",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("chapter", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("characters", Integer, nullable=False),
    Column("voice", String),
    Column("seed", BigInteger, nullable=False),
    Column("take", Integer, nullable=False),
    Column("samples", BigInteger),
    Column("last", Boolean, nullable=False),
    Column("start_seconds", Float),
    Column("most_seconds", Float),
    Column("marks", JSON),
)

events = Table(
    "events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", JSON, nullable=False),
    Index("events_by_job", "job", "number"),
    sqlite_autoincrement=True,
)


class SchemaError(Exception):
    """Says why a database cannot be used."""


def bring_up_to_date(connection: Connection) -> None:
    """Make the tables, or bring those of an older version to this one, in one transaction.

    Raises:
        SchemaError: a newer server has made them.
    """
    if not inspect(connection).has_table(versions.name):
        metadata.create_all(connection)
        connection.execute(insert(versions).values(version=SCHEMA_VERSION))
        return
    version = connection.scalar(select(versions.c.version)) or 0
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"its tables have version {version}; this server knows versions up to {SCHEMA_VERSION}"
        )
    for older in range(version, SCHEMA_VERSION):
        for statement in MIGRATIONS[older]:
            connection.execute(text(statement))
    connection.execute(update(versions).values(version=SCHEMA_VERSION))
