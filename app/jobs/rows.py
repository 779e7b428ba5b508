"""Makes rows of new jobs, and reads rows of the tables."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from app.jobs.job import Job, NewJob, Segment, seed_of_segment
from app.jobs.kept_marks import marks_of


def job_row(job_id: str, new: NewJob) -> dict[str, Any]:
    """Make the row of a new job."""
    return {
        "id": job_id,
        "owner": new.owner,
        "key": new.key,
        "created_seconds": time.time(),
        "state": "queued",
        "asked": json.dumps(new.asked),
        "seed": new.seed,
        "title": new.title,
        "author": new.author,
        "language": new.language,
        "has_cover": new.cover is not None,
        "kept_bytes": len(new.cover or b""),
    }


def chapter_rows(job_id: str, new: NewJob) -> Iterator[dict[str, Any]]:
    """Make the rows of its chapters."""
    for number, chapter in enumerate(new.chapters, start=1):
        yield {
            "job": job_id,
            "number": number,
            "heading": chapter.heading,
            "voice": chapter.voice,
        }


def segment_rows(job_id: str, new: NewJob) -> Iterator[dict[str, Any]]:
    """Make the rows of its segments."""
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


def job_of(row: Mapping[str, Any]) -> Job:
    """Read the row of a job."""
    values = dict(row)
    values["asked"] = json.loads(values["asked"])
    values["has_cover"] = bool(values["has_cover"])
    return Job(**values)


def segment_of(row: Mapping[str, Any]) -> Segment:
    """Read the row of a segment."""
    values = dict(row)
    marks = json.loads(values["marks"] or "null")
    values["marks"] = None if marks is None else marks_of(marks)
    values["last"] = bool(values["last"])
    return Segment(**values)
