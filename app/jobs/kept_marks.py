"""Writes the marks of a take as JSON, and reads them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.marks import Mark, Marks


def kept(marks: Marks) -> dict[str, Any]:
    """Return marks as lists in JSON, to the tenth of a millisecond."""
    return {
        "method": marks.method,
        "words": [_listed(mark) for mark in marks.words],
        "sentences": [_listed(mark) for mark in marks.sentences],
    }


def marks_of(kept_marks: Mapping[str, Any]) -> Marks:
    """Make marks of what `kept` returned."""
    return Marks(
        kept_marks["method"],
        list(_marks(kept_marks["words"])),
        list(_marks(kept_marks["sentences"])),
    )


def _listed(mark: Mark) -> list[Any]:
    return [
        mark.text,
        round(mark.start_seconds, 4),
        round(mark.end_seconds, 4),
        mark.script_start,
        mark.script_end,
    ]


def _marks(listed: Iterable[Any]) -> Iterable[Mark]:
    return (Mark(*each) for each in listed)
