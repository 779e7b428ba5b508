"""This module holds texts that know which stretch of their source every part stands for.

A script is cleaned, its markup is read, numbers become words: each step edits a text. A caption
shows what was written at the time when its words are heard, so the way back is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from app.text.differences import differences


class Segment(NamedTuple):
    """Says what the next `chars` characters of a text stand for.

    Where `aligned` is true, each stands for the character of the source at its place. Else all
    stand for the whole stretch together, which is empty where something was put in.
    """

    chars: int
    source_start: int
    source_end: int
    aligned: bool


_CHARS = itemgetter(0)


class _Match(Protocol):
    def start(self) -> int: ...
    def end(self) -> int: ...


_MatchT = TypeVar("_MatchT", bound=_Match)
_FoundT_co = TypeVar("_FoundT_co", bound=_Match, covariant=True)


class Pattern(Protocol[_FoundT_co]):
    """Stands for a pattern of `re` or of `regex`."""

    def finditer(self, string: str) -> Iterator[_FoundT_co]: ...


Edit: TypeAlias = tuple[int, int, str]
"""It puts a string in the place of the characters from a start to an end."""


class MappedText:
    """Holds a text, and for every part of it the stretch of the source that it stands for.

    It is never changed: what edits it returns another one, whose map leads to the same source.
    What is put in the place of something stands for all of that, but words that are in both stand
    for themselves, and so does what is left where the rest was taken out. The parts of a text
    stand for parts of the source in the same order.

    Attributes:
        text: the text itself.

    Args:
        text: a source, which stands for itself.
        source_start: where in a longer source it begins.
    """

    __slots__ = ("_segments", "_starts", "text")
    text: str
    _segments: list[Segment]
    _starts: list[int] | None

    def __init__(self, text: str, *, source_start: int = 0) -> None:
        segment = Segment(len(text), source_start, source_start + len(text), aligned=True)
        self._set(text, [segment] if text else [])

    @classmethod
    def of(cls, text: MappedText | str) -> MappedText:
        """Return a mapped text as it is, and a string as one that stands for itself."""
        return text if isinstance(text, MappedText) else cls(text)

    @classmethod
    def standing_for(cls, text: str, source_start: int, source_end: int) -> MappedText:
        """Make a text all of which stands for one stretch of a source."""
        segment = Segment(len(text), source_start, source_end, aligned=False)
        return cls._made(text, [segment] if text else [])

    @classmethod
    def join(cls, parts: Iterable[MappedText | str], separator: str = "") -> MappedText:
        """Join texts that stand for stretches of one source, in order; strings stand for none."""
        texts: list[str] = []
        segments: list[Segment] = []
        put_in_chars = 0
        for index, part in enumerate(parts):
            if index and separator:
                texts.append(separator)
                put_in_chars += len(separator)
            if isinstance(part, str):
                texts.append(part)
                put_in_chars += len(part)
            elif part:
                texts.append(part.text)
                if put_in_chars:
                    _put_in(segments, put_in_chars, part._segments[0].source_start)
                    put_in_chars = 0
                _append(segments, part._segments)
        if put_in_chars:
            _put_in(segments, put_in_chars, 0)
        return cls._made("".join(texts), segments)

    def __len__(self) -> int:
        return len(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"MappedText({self.text!r}, {self._segments!r})"

    def __getitem__(self, part: slice) -> MappedText:
        start, end, step = part.indices(len(self.text))
        if step != 1:
            raise ValueError("a mapped text goes forward only")
        if start == 0 and end == len(self.text):
            return self
        return self._made(self.text[start:end], self._between(start, end))

    def split(self, separator: str) -> list[MappedText]:
        """Part the text at every separator."""
        parts, start = list[MappedText](), 0
        for part in self.text.split(separator):
            parts.append(self[start : start + len(part)])
            start += len(part) + len(separator)
        return parts

    def strip(self, chars: str | None = None) -> MappedText:
        """Leave outer white space out, or outer `chars`."""
        start = len(self.text) - len(self.text.lstrip(chars))
        return self[start : max(start, len(self.text.rstrip(chars)))]

    def lstrip(self, chars: str | None = None) -> MappedText:
        """Leave out white space, or `chars`, at the beginning."""
        return self[len(self.text) - len(self.text.lstrip(chars)) :]

    def rstrip(self, chars: str | None = None) -> MappedText:
        """Leave out white space, or `chars`, at the end."""
        return self[: len(self.text.rstrip(chars))]

    def translate(self, table: Mapping[int, str]) -> MappedText:
        """Write characters differently, each as another one."""
        text = self.text.translate(table)
        if len(text) != len(self.text):
            raise ValueError("every character must become one character")
        return self if text == self.text else self._made(text, self._segments)

    def sub(
        self, pattern: Pattern[_MatchT], spoken: Callable[[_MatchT], str | None] | str
    ) -> MappedText:
        """Put something in the place of every match of a pattern; None leaves a match alone."""
        edits: list[Edit] = []
        for found in pattern.finditer(self.text):
            new = spoken if isinstance(spoken, str) else spoken(found)
            if new is not None:
                edits.append((found.start(), found.end(), new))
        return self.edited(edits)

    def rewritten(self, text: str) -> MappedText:
        """Put another text in the place of the whole."""
        return self.edited(((0, len(self.text), text),))

    def edited(self, edits: Iterable[Edit]) -> MappedText:
        """Carry out edits, which are in order and do not overlap."""
        old, texts, segments, done = self.text, list[str](), list[Segment](), 0
        for whole_start, whole_end, written in edits:
            for from_start, from_end, spoken in differences(old[whole_start:whole_end], written):
                start, end = whole_start + from_start, whole_start + from_end
                if done < start:
                    texts.append(old[done:start])
                    segments += self._between(done, start)
                if spoken:
                    texts.append(spoken)
                    source = self.source_span(start, end)
                    segments.append(Segment(len(spoken), *source, aligned=False))
                done = end
        if not done and not texts:
            return self
        if done < len(old):
            texts.append(old[done:])
            segments += self._between(done, len(old))
        return self._made("".join(texts), segments)

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the source that the characters from `start` to `end` stand for.

        What was put in between does not count, but where there is nothing else the stretch is
        empty.
        """
        segments = self._segments
        if not segments:
            return 0, 0
        if start >= end:
            at = self._between(start - 1, start)[-1].source_end if start else segments[0][1]
            return at, at
        if len(segments) == 1 and segments[0].aligned:
            origin = segments[0].source_start
            return origin + start, origin + end
        parts = self._between(start, end)
        if len(parts) > 1:
            parts = [part for part in parts if part.source_start < part.source_end] or parts
        return parts[0].source_start, parts[-1].source_end

    def _between(self, start: int, end: int) -> list[Segment]:
        """Return the segments of a stretch of the text, cut at its ends."""
        segments = self._segments
        if start >= end:
            return []
        if len(segments) == 1:
            return [_cut(segments[0], start, end)]
        starts = self._starts
        if starts is None:
            self._starts = starts = list(accumulate(map(_CHARS, segments), initial=0))
        first, stop = bisect_right(starts, start) - 1, bisect_left(starts, end)
        parts = segments[first:stop]
        if starts[stop] > end:
            parts[-1] = _cut(parts[-1], 0, end - starts[stop - 1])
        if starts[first] < start:
            parts[0] = _cut(parts[0], start - starts[first], parts[0].chars)
        return parts

    @classmethod
    def _made(cls, text: str, segments: list[Segment]) -> MappedText:
        made = cls.__new__(cls)
        made._set(text, segments)
        return made

    def _set(self, text: str, segments: list[Segment]) -> None:
        self.text = text
        self._segments = segments
        self._starts = None


def _cut(segment: Segment, start: int, end: int) -> Segment:
    """Return a stretch of a segment, which stands for a part of the source or for all of it."""
    chars, source_start, source_end, aligned = segment
    if aligned:
        source_start, source_end = source_start + start, source_start + end
    if end - start == chars:
        return segment
    return Segment(end - start, source_start, source_end, aligned)


def _put_in(segments: list[Segment], chars: int, following: int) -> None:
    """Add characters that stand for nothing, after what is there or in front of what follows."""
    at = segments[-1].source_end if segments else following
    segments.append(Segment(chars, at, at, aligned=False))


def _append(segments: list[Segment], more: list[Segment]) -> None:
    """Add segments, and make one of two that meet in the source."""
    last, first = segments[-1] if segments else None, more[0]
    if last and last.aligned and first.aligned and last.source_end == first.source_start:
        segments[-1] = Segment(
            last.chars + first.chars, last.source_start, first.source_end, aligned=True
        )
        segments += more[1:]
    else:
        segments += more
