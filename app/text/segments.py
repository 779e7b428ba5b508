"""This module describes a text as segments, each of which stands for a stretch of a source."""

from __future__ import annotations

from typing import NamedTuple


class Segment(NamedTuple):
    """Says what the next `chars` characters of a text stand for.

    Where `aligned` is true, each stands for the character of the source at its place. Else all
    stand for the whole stretch together, which is empty where something was put in.
    """

    chars: int
    source_start: int
    source_end: int
    aligned: bool


def cut(segment: Segment, start: int, end: int) -> Segment:
    """Return a stretch of a segment, which stands for a part of the source or for all of it."""
    chars, source_start, source_end, aligned = segment
    if end - start == chars:
        return segment
    if aligned:
        source_start, source_end = source_start + start, source_start + end
    return Segment(end - start, source_start, source_end, aligned)


def put_in(segments: list[Segment], chars: int, following: int) -> None:
    """Add characters that stand for nothing, or for what the segments on both sides stand for.

    Args:
        segments: those before.
        chars: how many are added.
        following: where in the source the next segment starts.
    """
    source_start, source_end = between(
        segments[-1].source_end if segments else following, following
    )
    segments.append(Segment(chars, source_start, source_end, aligned=False))


def between(before_end: int, after_start: int) -> tuple[int, int]:
    """Return the stretch of the source for what comes between two segments.

    It is empty, unless both are parts of what stands for one stretch.
    """
    return min(before_end, after_start), before_end


def append(segments: list[Segment], more: list[Segment]) -> None:
    """Add segments, and make one of two that meet in the source."""
    last, first = segments[-1] if segments else None, more[0]
    if last and last.aligned and first.aligned and last.source_end == first.source_start:
        chars = last.chars + first.chars
        segments[-1] = Segment(chars, last.source_start, first.source_end, aligned=True)
        segments += more[1:]
    else:
        segments += more


def span(segments: list[Segment]) -> tuple[int, int]:
    """Return the stretch of the source from the first segment to the last.

    What was put in does not count; if there is nothing else, the stretch is empty.
    """
    real = [each for each in segments if each.source_start < each.source_end] or segments
    return real[0].source_start, real[-1].source_end
