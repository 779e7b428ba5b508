"""Defines what a job is: a work in chapters, cut into segments that are spoken one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from app.marks import Marks

JobState: TypeAlias = Literal[
    "queued", "speaking", "paused", "waiting", "done", "failed", "cancelled"
]
"""A job waits for its turn, is spoken, rests as its caller wished, cannot go on for a reason that
may pass, or has ended."""

GOING_ON: tuple[JobState, ...] = ("queued", "speaking", "waiting")
"""Jobs in these states are worked on, or will be."""
ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled")


def seed_of_segment(seed: int, number: int) -> int:
    """Return the seed of a segment: far from those of the others, and exact in JavaScript."""
    digest = sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


@dataclass(frozen=True, slots=True)
class NewSegment:
    """Says what one segment says, and who speaks it; None is the voice of the chapter or job."""

    text: str
    voice: str | None = None
    start_seconds: float | None = None
    """It is to be heard from here on, and to have ended at the next; None leaves that open."""
    most_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class NewChapter:
    """Holds a chapter of a job that is to be made; joined, its segments are its text."""

    heading: str | None
    segments: tuple[NewSegment, ...]
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """Holds all that is kept of what a caller asked for.

    Attributes:
        owner: whose it is; None is the operator.
        asked: the controls, see `JobControls.asked`.
        key: two jobs of one owner with the same key are the same job.
    """

    owner: str | None
    asked: Mapping[str, Any]
    seed: int
    chapters: tuple[NewChapter, ...]
    title: str | None = None
    author: str | None = None
    language: str | None = None
    key: str | None = None
    cover: bytes | None = field(default=None, repr=False)
    """It is a JPEG."""

    @property
    def characters(self) -> int:
        """Return how many characters it has."""
        return sum(len(each.text) for chapter in self.chapters for each in chapter.segments)


@dataclass(frozen=True, slots=True)
class Job:
    """Holds the row of a job.

    Attributes:
        created_seconds: when it was made, in Unix time.
        reason: why it is in its state, in words; None if there is nothing to say.
        model, fingerprint: who speaks it, from the first segment on.
        output: the name of the finished file, None while there is none.
        kept_bytes: so many bytes its other files have, all takes among them.
    """

    id: str
    owner: str | None
    key: str | None
    created_seconds: float
    state: JobState
    reason: str | None
    asked: Mapping[str, Any]
    seed: int
    title: str | None
    author: str | None
    language: str | None
    has_cover: bool
    model: str | None
    fingerprint: str | None
    output: str | None
    output_bytes: int | None
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """Holds the row of a chapter; `number` counts from 1."""

    number: int
    heading: str | None
    voice: str | None
    segments: int
    segments_done: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Holds the row of a segment.

    Attributes:
        number: counts from 1 through the whole job.
        take: counts how often it was to be spoken anew, from 1.
        samples: how long its take is, at the rate of speech; None while it is not spoken.
        last: whether its chapter ends with it.
    """

    number: int
    chapter: int
    text: str
    voice: str | None
    seed: int
    take: int
    samples: int | None
    last: bool
    start_seconds: float | None = None
    most_seconds: float | None = None
    marks: Marks | None = None

    @property
    def done(self) -> bool:
        """Tell whether it has been spoken."""
        return self.samples is not None


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts how far a job has come."""

    segments: int
    segments_done: int
    characters: int
    characters_done: int
    samples: int

    @property
    def is_spoken(self) -> bool:
        """Tell whether all segments have been spoken."""
        return self.segments == self.segments_done


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Holds something that happened to a job, in order of its number."""

    number: int
    kind: Literal["state", "segment"]
    data: Mapping[str, Any]
