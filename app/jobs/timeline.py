"""Lays the takes of a job out in time: takes, silences, chapters, captions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.audio.pcm import samples_in
from app.jobs.job import Chapter, Segment
from app.marks import Marks
from app.speech import SPEECH_RATE_HZ

UNNOTICED_SECONDS = 0.05
"""What ends so much later than it was to is in time."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Says where a take is heard: after some silence that belongs to nobody.

    Attributes:
        start: its first sample.
        silence: so many samples of silence are heard before it.
    """

    segment: Segment
    start: int
    silence: int

    @property
    def end(self) -> int:
        """Return the sample after its last."""
        return self.start + (self.segment.samples or 0)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Says from which sample to which a chapter is heard."""

    chapter: Chapter
    start: int
    end: int


def laid_out(segments: Sequence[Segment], *, chapter_pause_seconds: float) -> list[Placed]:
    """Place the takes that can be heard by now: up to the first that is not spoken yet."""
    placed: list[Placed] = []
    end = 0
    before: Segment | None = None
    for segment in segments:
        if not segment.done:
            break
        silence = 0
        if before is not None and before.last:
            silence = samples_in(chapter_pause_seconds, SPEECH_RATE_HZ)
        if segment.start_seconds is not None:
            # What comes too late begins at once.
            silence = max(0, samples_in(segment.start_seconds, SPEECH_RATE_HZ) - end)
        placed.append(Placed(segment, end + silence, silence))
        end, before = placed[-1].end, segment
    return placed


def stretches(placed: Sequence[Placed], chapters: Sequence[Chapter]) -> list[Stretch]:
    """Say where each chapter is heard; one lasts until the next begins."""
    if not placed:
        return []
    first: dict[int, int] = {}
    for each in placed:
        first.setdefault(each.segment.chapter, each.start)
    starts = sorted(first.items())
    ends = [start for _, start in starts[1:]] + [placed[-1].end]
    by_number = {chapter.number: chapter for chapter in chapters}
    return [
        Stretch(by_number[number], 0 if index == 0 else start, end)
        for index, ((number, start), end) in enumerate(zip(starts, ends, strict=True))
    ]


def marks_of(placed: Sequence[Placed], *, from_sample: int = 0) -> Marks:
    """Join the marks of takes.

    Places in the script are those in the text of each segment, one after the other.

    Args:
        from_sample: times count from here.
    """
    joined = Marks()
    characters = 0
    for each in placed:
        if (marks := each.segment.marks) is not None:
            later_seconds = (each.start - from_sample) / SPEECH_RATE_HZ
            moved = marks.later(later_seconds)
            joined.method = moved.method or joined.method
            for kind in ("words", "sentences"):
                getattr(joined, kind).extend(
                    replace(
                        mark,
                        script_start=mark.script_start + characters,
                        script_end=mark.script_end + characters,
                    )
                    for mark in getattr(moved, kind)
                )
        characters += len(each.segment.text)
    return joined


def overruns(placed: Sequence[Placed]) -> Iterator[tuple[Segment, float]]:
    """Yield the segments that end later than they were to, and by how many seconds."""
    for each in placed:
        segment = each.segment
        if segment.start_seconds is not None and segment.most_seconds is not None:
            wanted_seconds = segment.start_seconds + segment.most_seconds
            over_seconds = each.end / SPEECH_RATE_HZ - wanted_seconds
            if over_seconds > UNNOTICED_SECONDS:
                yield segment, over_seconds
