"""Keeps jobs, their segments and what happened to them in the database. Blocks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, case, delete, func, insert, select, update

from app.errors import JobNotFound, SegmentNotFound
from app.jobs.database import Database
from app.jobs.job import (
    GOING_ON,
    Chapter,
    Job,
    JobEvent,
    JobState,
    NewJob,
    Progress,
    Segment,
    seed_of_segment,
)
from app.jobs.kept_marks import kept, marks_of
from app.jobs.schema import chapters, events, jobs, segments
from app.marks import Marks
from app.owners import Viewer

_SEGMENT = [each for each in segments.c if each.name not in ("job", "characters", "marks")]


class JobStore:
    """Keeps jobs. Each method is one transaction; any thread may call it.

    All but the last few raise JobNotFound where no job has that id.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewJob) -> tuple[str, bool]:
        """Keep a new job; return its id, and whether it is new: its key may name an older one."""
        with self._database.writing() as connection:
            if new.key is not None and (found := _with_key(connection, new.owner, new.key)):
                return found, False
            job_id = secrets.token_hex(16)
            connection.execute(insert(jobs).values(_row_of(job_id, new)))
            connection.execute(insert(chapters), list(_chapter_rows(job_id, new)))
            connection.execute(insert(segments), list(_segment_rows(job_id, new)))
            _tell(connection, job_id, "state", {"state": "queued", "reason": None})
            return job_id, True

    def get(self, job_id: str) -> Job:
        """Return a job."""
        with self._database.reading() as connection:
            return _job(connection, job_id)

    def all_for(self, viewer: Viewer) -> list[Job]:
        """List the jobs that are there for who asks, the newest first."""
        wanted = select(jobs).order_by(jobs.c.created_seconds.desc(), jobs.c.id)
        if viewer.sees == "own":
            wanted = wanted.where(jobs.c.owner.is_not_distinct_from(viewer.owner))
        with self._database.reading() as connection:
            return [_job_of(row) for row in connection.execute(wanted)]

    def unfinished(self) -> list[Job]:
        """List the jobs that are to be worked on, the oldest first."""
        wanted = select(jobs).where(jobs.c.state.in_(GOING_ON)).order_by(jobs.c.created_seconds)
        with self._database.reading() as connection:
            return [_job_of(row) for row in connection.execute(wanted)]

    def with_key(self, owner: str | None, key: str) -> str | None:
        """Return the id of the job of that key; None if there is none."""
        with self._database.reading() as connection:
            return _with_key(connection, owner, key)

    def progress(self, job_id: str) -> Progress:
        """Tell how far a job has come."""
        done = segments.c.samples.is_not(None)
        wanted = select(
            func.count(),
            func.coalesce(func.sum(case((done, 1), else_=0)), 0),
            func.coalesce(func.sum(segments.c.characters), 0),
            func.coalesce(func.sum(case((done, segments.c.characters), else_=0)), 0),
            func.coalesce(func.sum(segments.c.samples), 0),
        ).where(segments.c.job == job_id)
        with self._database.reading() as connection:
            return Progress(*connection.execute(wanted).one())

    def chapters(self, job_id: str) -> list[Chapter]:
        """List the chapters of a job."""
        wanted = (
            select(
                chapters.c.number,
                chapters.c.heading,
                chapters.c.voice,
                func.count(segments.c.number),
                func.count(segments.c.samples),
            )
            .join(
                segments,
                (segments.c.job == chapters.c.job) & (segments.c.chapter == chapters.c.number),
            )
            .where(chapters.c.job == job_id)
            .group_by(chapters.c.number, chapters.c.heading, chapters.c.voice)
            .order_by(chapters.c.number)
        )
        with self._database.reading() as connection:
            return [Chapter(*row) for row in connection.execute(wanted)]

    def segments(
        self, job_id: str, *, chapter: int | None = None, marked: bool = False
    ) -> list[Segment]:
        """List segments in order.

        Args:
            chapter: of one chapter only.
            marked: whether their marks are wanted, which are large.
        """
        wanted = _segments(job_id, marked=marked)
        if chapter is not None:
            wanted = wanted.where(segments.c.chapter == chapter)
        with self._database.reading() as connection:
            return [_segment_of(row) for row in connection.execute(wanted)]

    def segment(self, job_id: str, number: int) -> Segment:
        """Return a segment.

        Raises:
            SegmentNotFound: the job has none of that number.
        """
        with self._database.reading() as connection:
            return _segment(connection, job_id, number)

    def unspoken(self, job_id: str, *, most: int) -> list[Segment]:
        """List the first segments that are to be spoken."""
        wanted = _segments(job_id).where(segments.c.samples.is_(None)).limit(most)
        with self._database.reading() as connection:
            return [_segment_of(row) for row in connection.execute(wanted)]

    def set_state(self, job_id: str, state: JobState, reason: str | None = None) -> None:
        """Let a job be in a state, and tell of it if that is news."""
        with self._database.writing() as connection:
            _set_state(connection, job_id, state, reason)

    def change_state(
        self, job_id: str, state: JobState, *, only_from: Sequence[JobState], reason: str | None
    ) -> bool:
        """Do the same if the job is in one of some states; tell whether it was."""
        with self._database.writing() as connection:
            if _job(connection, job_id).state not in only_from:
                return False
            _set_state(connection, job_id, state, reason)
            return True

    def set_model(self, job_id: str, model: str | None, fingerprint: str | None) -> None:
        """Keep who speaks a job; None lets it be whoever speaks next."""
        with self._database.writing() as connection:
            values = {"model": model, "fingerprint": fingerprint}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))

    def spoken(self, job_id: str, segment: Segment, samples: int, marks: Marks) -> bool:
        """Keep that a take was spoken; False if another one is wanted meanwhile."""
        with self._database.writing() as connection:
            changed = connection.execute(
                update(segments)
                .where(
                    segments.c.job == job_id,
                    segments.c.number == segment.number,
                    segments.c.take == segment.take,
                )
                .values(samples=samples, marks=kept(marks))
            )
            if changed.rowcount == 0:
                return False
            data = {"segment": segment.number, "chapter": segment.chapter, "take": segment.take}
            _tell(connection, job_id, "segment", data)
            return True

    def change_segment(self, job_id: str, number: int, values: Mapping[str, Any]) -> Segment:
        """Change what a segment says or how, and have it spoken anew: the job is queued again.

        Args:
            values: of the columns `text`, `voice` and `seed`.

        Raises:
            SegmentNotFound: the job has none of that number.
        """
        with self._database.writing() as connection:
            segment = _segment(connection, job_id, number)
            text = values.get("text", segment.text)
            connection.execute(
                update(segments)
                .where(segments.c.job == job_id, segments.c.number == number)
                .values(
                    {
                        **values,
                        "characters": len(text),
                        "take": segment.take + 1,
                        "samples": None,
                        "marks": None,
                    }
                )
            )
            if _job(connection, job_id).state != "paused":
                _set_state(connection, job_id, "queued", None)
            return _segment(connection, job_id, number)

    def finished(self, job_id: str, output: str, output_bytes: int) -> bool:
        """Keep that the file is finished; False if something is to be spoken anew meanwhile."""
        with self._database.writing() as connection:
            left = select(func.count()).where(
                segments.c.job == job_id, segments.c.samples.is_(None)
            )
            job = _job(connection, job_id)
            if connection.scalar(left) or job.state not in GOING_ON:
                return False
            values = {"output": output, "output_bytes": output_bytes}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))
            _set_state(connection, job_id, "done", None)
            return True

    def remove(self, job_id: str) -> None:
        """Forget a job and all that belongs to it."""
        with self._database.writing() as connection:
            connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def events(self, job_id: str, *, after: int, most: int) -> list[JobEvent]:
        """List what happened to a job after an event, in order."""
        wanted = (
            select(events.c.number, events.c.kind, events.c.data)
            .where(events.c.job == job_id, events.c.number > after)
            .order_by(events.c.number)
            .limit(most)
        )
        with self._database.reading() as connection:
            return [JobEvent(*row) for row in connection.execute(wanted)]

    def samples_of(self, owner: str) -> int:
        """Count the samples of all takes in use that an owner keeps."""
        wanted = (
            select(func.coalesce(func.sum(segments.c.samples), 0))
            .join(jobs, jobs.c.id == segments.c.job)
            .where(jobs.c.owner == owner)
        )
        with self._database.reading() as connection:
            return int(connection.scalar(wanted) or 0)

    def output_bytes_of(self, owner: str) -> int:
        """Count the bytes of all finished files that an owner keeps."""
        wanted = select(func.coalesce(func.sum(jobs.c.output_bytes), 0)).where(
            jobs.c.owner == owner
        )
        with self._database.reading() as connection:
            return int(connection.scalar(wanted) or 0)

    def ids(self) -> set[str]:
        """List the ids of all jobs."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(jobs.c.id)))


def _row_of(job_id: str, new: NewJob) -> dict[str, Any]:
    return {
        "id": job_id,
        "owner": new.owner,
        "key": new.key,
        "created_seconds": time.time(),
        "state": "queued",
        "asked": dict(new.asked),
        "seed": new.seed,
        "title": new.title,
        "author": new.author,
        "language": new.language,
        "has_cover": new.cover is not None,
    }


def _chapter_rows(job_id: str, new: NewJob) -> Iterator[dict[str, Any]]:
    for number, chapter in enumerate(new.chapters, start=1):
        yield {
            "job": job_id,
            "number": number,
            "heading": chapter.heading,
            "voice": chapter.voice,
        }


def _segment_rows(job_id: str, new: NewJob) -> Iterator[dict[str, Any]]:
    number = 0
    for chapter_number, chapter in enumerate(new.chapters, start=1):
        for segment in chapter.segments:
            number += 1
            yield {
                "job": job_id,
                "number": number,
                "chapter": chapter_number,
                "text": segment.text,
                "characters": len(segment.text),
                "voice": segment.voice,
                "seed": seed_of_segment(new.seed, number),
                "take": 1,
                "last": segment is chapter.segments[-1],
                "start_seconds": segment.start_seconds,
                "most_seconds": segment.most_seconds,
            }


def _with_key(connection: Connection, owner: str | None, key: str) -> str | None:
    wanted = select(jobs.c.id).where(
        jobs.c.owner.is_not_distinct_from(owner),
        jobs.c.key == key,
        jobs.c.state != "cancelled",
    )
    return connection.scalar(wanted)


def _job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise JobNotFound(f"there is no job {job_id[:40]!r}")
    return _job_of(row)


def _job_of(row: Row[Any]) -> Job:
    return Job(**row._mapping)


def _segments(job_id: str, *, marked: bool = False) -> Select[Any]:
    columns = [*_SEGMENT, segments.c.marks] if marked else _SEGMENT
    return select(*columns).where(segments.c.job == job_id).order_by(segments.c.number)


def _segment(connection: Connection, job_id: str, number: int) -> Segment:
    job = _job(connection, job_id)
    row = connection.execute(_segments(job.id).where(segments.c.number == number)).first()
    if row is None:
        raise SegmentNotFound(f"the job has no segment {number}")
    return _segment_of(row)


def _segment_of(row: Row[Any]) -> Segment:
    values = dict(row._mapping)
    if values.get("marks") is not None:
        values["marks"] = marks_of(values["marks"])
    return Segment(**values)


def _set_state(connection: Connection, job_id: str, state: JobState, reason: str | None) -> None:
    job = _job(connection, job_id)
    if (job.state, job.reason) == (state, reason):
        return
    values = {"state": state, "reason": reason}
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))
    _tell(connection, job_id, "state", values)


def _tell(connection: Connection, job_id: str, kind: str, data: Mapping[str, Any]) -> None:
    values = {"job": job_id, "kind": kind, "data": cast("Any", dict(data))}
    connection.execute(insert(events).values(values))
