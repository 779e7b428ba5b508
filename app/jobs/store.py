"""Keeps jobs, their segments and what happened to them in the database. Blocks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from app.errors import JobNotFound, SegmentNotFound
from app.jobs.job import (
    GOING_ON,
    Chapter,
    Job,
    JobEvent,
    JobState,
    NewJob,
    Progress,
    Segment,
)
from app.jobs.kept_marks import kept
from app.jobs.rows import chapter_rows, job_of, job_row, segment_of, segment_rows
from app.jobs.sql import Connection, Database
from app.marks import Marks
from app.owners import Viewer

_ROWS_AT_ONCE = 200
_SEGMENT = (
    "SELECT number, chapter, text, voice, seed, take, samples, last, start_seconds, most_seconds, "
    "{marks} AS marks FROM segments WHERE job = ?"
)
_UNMARKED, _MARKED = _SEGMENT.format(marks="NULL"), _SEGMENT.format(marks="marks")
_CHAPTERS = """
    SELECT chapters.number, heading, chapters.voice, COUNT(segments.number), COUNT(samples)
    FROM chapters JOIN segments ON segments.job = chapters.job AND chapter = chapters.number
    WHERE chapters.job = ? GROUP BY chapters.job, chapters.number ORDER BY chapters.number
"""
_PROGRESS = """
    SELECT COUNT(*), COUNT(samples), COALESCE(SUM(characters), 0),
        COALESCE(SUM(CASE WHEN samples IS NULL THEN 0 ELSE characters END), 0),
        COALESCE(SUM(samples), 0)
    FROM segments WHERE job = ?
"""


def new_id() -> str:
    """Return the id of a new job."""
    return secrets.token_hex(16)


class JobStore:
    """Keeps jobs. Each method is one transaction; any thread may call it.

    Those that take the id of a job raise JobNotFound where none has it, but for those that list or
    count.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewJob, job_id: str | None = None) -> tuple[str, bool]:
        """Keep a new job; return its id, and whether it is new: its key may name an older one.

        Args:
            job_id: as `new_id` makes them; None for one that has no files yet.
        """
        job_id = new_id() if job_id is None else job_id
        with self._database.writing() as connection:
            if new.key is not None and (found := _with_key(connection, new.owner, new.key)):
                return found, False
            _insert(connection, "jobs", [job_row(job_id, new)])
            _insert(connection, "chapters", chapter_rows(job_id, new))
            _insert(connection, "segments", segment_rows(job_id, new))
            _tell(connection, job_id, "state", {"state": "queued", "reason": None})
            return job_id, True

    def get(self, job_id: str) -> Job:
        """Return a job."""
        with self._database.reading() as connection:
            return _job(connection, job_id)

    def all_for(self, viewer: Viewer) -> list[Job]:
        """List the jobs that are there for who asks, the newest first."""
        own = "WHERE owner IS :owner" if viewer.sees == "own" else ""
        wanted = f"SELECT * FROM jobs {own} ORDER BY created_seconds DESC, id"  # noqa: S608
        with self._database.reading() as connection:
            return [job_of(row) for row in connection.execute(wanted, {"owner": viewer.owner})]

    def unfinished(self) -> list[Job]:
        """List the jobs that are to be worked on, the oldest first."""
        wanted = f"SELECT * FROM jobs WHERE state IN {GOING_ON} ORDER BY created_seconds"  # noqa: S608
        with self._database.reading() as connection:
            return [job_of(row) for row in connection.execute(wanted)]

    def with_key(self, owner: str | None, key: str) -> str | None:
        """Return the id of the job of that key; None if there is none."""
        with self._database.reading() as connection:
            return _with_key(connection, owner, key)

    def progress(self, job_id: str) -> Progress:
        """Tell how far a job has come."""
        with self._database.reading() as connection:
            return Progress(*connection.execute(_PROGRESS, (job_id,)).fetchone())

    def chapters(self, job_id: str) -> list[Chapter]:
        """List the chapters of a job."""
        with self._database.reading() as connection:
            return [Chapter(*row) for row in connection.execute(_CHAPTERS, (job_id,))]

    def segments(
        self, job_id: str, *, chapter: int | None = None, marked: bool = False
    ) -> list[Segment]:
        """List segments in order.

        Args:
            chapter: of one chapter only.
            marked: whether their marks are wanted, which are large.
        """
        wanted = _MARKED if marked else _UNMARKED
        wanted += "" if chapter is None else " AND chapter = ?"
        values = (job_id,) if chapter is None else (job_id, chapter)
        with self._database.reading() as connection:
            rows = connection.execute(f"{wanted} ORDER BY number", values)
            return [segment_of(row) for row in rows]

    def segment(self, job_id: str, number: int) -> Segment:
        """Return a segment.

        Raises:
            SegmentNotFound: the job has none of that number.
        """
        with self._database.reading() as connection:
            return _segment(connection, job_id, number)

    def unspoken(self, job_id: str, *, most: int) -> list[Segment]:
        """List the first segments that are to be spoken."""
        wanted = f"{_UNMARKED} AND samples IS NULL ORDER BY number LIMIT ?"
        with self._database.reading() as connection:
            return [segment_of(row) for row in connection.execute(wanted, (job_id, most))]

    def set_state(self, job_id: str, state: JobState, reason: str | None = None) -> None:
        """Let a job be in a state, and tell of it if that is news."""
        with self._database.writing() as connection:
            _set_state(connection, job_id, state, reason)

    def change_state(
        self,
        job_id: str,
        state: JobState,
        *,
        only_from: Sequence[JobState],
        reason: str | None,
        worker: str | None = None,
    ) -> bool:
        """Do the same if the job is in one of some states; tell whether it was.

        Args:
            worker: it is to be leased by this one still; None asks nothing.
        """
        with self._database.writing() as connection:
            if _job(connection, job_id).state not in only_from:
                return False
            if not _works(connection, job_id, worker):
                return False
            _set_state(connection, job_id, state, reason)
            return True

    def set_model(self, job_id: str, model: str | None, fingerprint: str | None) -> None:
        """Keep who speaks a job; None lets it be whoever speaks next."""
        with self._database.writing() as connection:
            change = "UPDATE jobs SET model = ?, fingerprint = ? WHERE id = ?"
            connection.execute(change, (model, fingerprint, job_id))

    def works(self, job_id: str, worker: str | None) -> bool:
        """Tell whether a job is leased by somebody still; None is who needs no lease."""
        with self._database.reading() as connection:
            return _works(connection, job_id, worker)

    def spoken(
        self,
        job_id: str,
        segment: Segment,
        samples: int,
        marks: Marks,
        size_bytes: int,
        *,
        worker: str | None = None,
    ) -> bool:
        """Keep that a take was spoken; False if it is not wanted any more.

        That is so if another take is wanted meanwhile, or another server has taken the job over.

        Args:
            size_bytes: its file has so many.
            worker: the job is to be leased by this one still; None asks nothing.
        """
        with self._database.writing() as connection:
            _job(connection, job_id)
            if not _works(connection, job_id, worker):
                return False
            more = "UPDATE jobs SET kept_bytes = kept_bytes + ? WHERE id = ?"
            connection.execute(more, (size_bytes, job_id))
            changed = connection.execute(
                "UPDATE segments SET samples = ?, marks = ? "
                "WHERE job = ? AND number = ? AND take = ? AND samples IS NULL",
                (samples, json.dumps(kept(marks)), job_id, segment.number, segment.take),
            )
            if changed.rowcount == 0:
                return False
            data = {"segment": segment.number, "chapter": segment.chapter, "take": segment.take}
            _tell(connection, job_id, "segment", data)
            return True

    def change_segment(self, job_id: str, number: int, values: Mapping[str, Any]) -> Segment:
        """Change what a segment says or how, and have it spoken anew: the job is queued again.

        Args:
            values: `text`, `voice` and `seed`, as far as they change.

        Raises:
            SegmentNotFound: the job has none of that number.
        """
        with self._database.writing() as connection:
            segment = _segment(connection, job_id, number)
            text = values.get("text", segment.text)
            connection.execute(
                "UPDATE segments SET text = ?, characters = ?, voice = ?, seed = ?, "
                "take = take + 1, samples = NULL, marks = NULL WHERE job = ? AND number = ?",
                (
                    text,
                    len(text),
                    values.get("voice", segment.voice),
                    values.get("seed", segment.seed),
                    job_id,
                    number,
                ),
            )
            if _job(connection, job_id).state != "paused":
                _set_state(connection, job_id, "queued", None)
            return _segment(connection, job_id, number)

    def finished(
        self, job_id: str, output: str, output_bytes: int, *, worker: str | None = None
    ) -> bool:
        """Keep that the file is finished; False if it is not wanted any more.

        That is so if something is to be spoken anew meanwhile, or as for `spoken`.
        """
        with self._database.writing() as connection:
            progress = Progress(*connection.execute(_PROGRESS, (job_id,)).fetchone())
            if not progress.is_spoken or _job(connection, job_id).state not in GOING_ON:
                return False
            if not _works(connection, job_id, worker):
                return False
            change = "UPDATE jobs SET output = ?, output_bytes = ? WHERE id = ?"
            connection.execute(change, (output, output_bytes, job_id))
            _set_state(connection, job_id, "done", None)
            return True

    def remove(self, job_id: str) -> None:
        """Forget a job and all that belongs to it."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def events(self, job_id: str, *, after: int, most: int) -> list[JobEvent]:
        """List what happened to a job after an event, in order."""
        wanted = (
            "SELECT number, kind, data FROM events WHERE job = ? AND number > ? "
            "ORDER BY number LIMIT ?"
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted, (job_id, after, most))
            return [JobEvent(number, kind, json.loads(data)) for number, kind, data in rows]

    def bytes_of(self, owner: str) -> int:
        """Count the bytes of all takes, covers and finished files that an owner keeps."""
        wanted = (
            "SELECT COALESCE(SUM(kept_bytes + COALESCE(output_bytes, 0)), 0) FROM jobs "
            "WHERE owner = ?"
        )
        with self._database.reading() as connection:
            return int(connection.execute(wanted, (owner,)).fetchone()[0])

    def ids(self) -> set[str]:
        """List the ids of all jobs."""
        with self._database.reading() as connection:
            return {job_id for (job_id,) in connection.execute("SELECT id FROM jobs")}


def _insert(connection: Connection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put rows into a table; all have the same columns.

    Many go in one statement: a book has twenty thousand, and all writers wait meanwhile.
    """
    left = iter(rows)
    while some := list(islice(left, _ROWS_AT_ONCE)):
        columns = ", ".join(some[0])
        places = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
        values = tuple(value for row in some for value in row.values())
        connection.execute(f"INSERT INTO {table} ({columns}) VALUES {places}", values)  # noqa: S608


def _with_key(connection: Connection, owner: str | None, key: str) -> str | None:
    wanted = "SELECT id FROM jobs WHERE owner IS ? AND key = ? AND state != 'cancelled'"
    row = connection.execute(wanted, (owner, key)).fetchone()
    return None if row is None else str(row["id"])


def _job(connection: Connection, job_id: str) -> Job:
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobNotFound(f"there is no job {job_id[:40]!r}")
    return job_of(row)


def _works(connection: Connection, job_id: str, worker: str | None) -> bool:
    """Tell whether a job is leased by somebody; for one who writes that holds until the end."""
    if worker is None:
        return True
    wanted = "SELECT 1 FROM leases WHERE job = ? AND worker = ?"
    return connection.execute(wanted, (job_id, worker)).fetchone() is not None


def _segment(connection: Connection, job_id: str, number: int) -> Segment:
    _job(connection, job_id)
    row = connection.execute(f"{_UNMARKED} AND number = ?", (job_id, number)).fetchone()
    if row is None:
        raise SegmentNotFound(f"the job has no segment {number}")
    return segment_of(row)


def _set_state(connection: Connection, job_id: str, state: JobState, reason: str | None) -> None:
    job = _job(connection, job_id)
    if (job.state, job.reason) == (state, reason):
        return
    change = "UPDATE jobs SET state = ?, reason = ? WHERE id = ?"
    connection.execute(change, (state, reason, job_id))
    _tell(connection, job_id, "state", {"state": state, "reason": reason})


def _tell(connection: Connection, job_id: str, kind: str, data: Mapping[str, Any]) -> None:
    _insert(connection, "events", [{"job": job_id, "kind": kind, "data": json.dumps(data)}])
