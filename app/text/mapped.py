"""This module holds texts that know which stretch of their source every part stands for.

A script is cleaned, its markup is read, numbers become words: each step edits a text. A caption
shows what was written at the time when its words are heard, so the way back is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from operator import itemgetter
from typing import Protocol, TypeAlias, TypeVar

from app.text.differences import differences
from app.text.segments import Segment, append, between, cut, put_in, span

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
        source: what its map leads to.

    Args:
        source: a text that stands for itself.
    """

    __slots__ = ("_segments", "_starts", "source", "text")
    text: str
    source: str
    _segments: list[Segment]
    _starts: list[int] | None

    def __init__(self, source: str) -> None:
        whole = Segment(len(source), 0, len(source), aligned=True)
        self.text = self.source = source
        self._segments = [whole] if source else []
        self._starts = None

    @classmethod
    def of(cls, text: MappedText | str) -> MappedText:
        """Return a mapped text as it is, and a string as one that stands for itself."""
        return text if isinstance(text, MappedText) else cls(text)

    @classmethod
    def join(cls, parts: Iterable[MappedText | str], separator: str = "") -> MappedText:
        """Join texts that stand for stretches of one source, in order; strings stand for none."""
        texts, segments, source = list[str](), list[Segment](), ""
        put_in_chars = 0
        for index, part in enumerate(parts):
            if index and separator:
                texts.append(separator)
                put_in_chars += len(separator)
            if isinstance(part, str):
                texts.append(part)
                put_in_chars += len(part)
            elif part:
                source = part.source
                texts.append(part.text)
                if put_in_chars:
                    put_in(segments, put_in_chars, part._segments[0].source_start)
                    put_in_chars = 0
                append(segments, part._segments)
        if put_in_chars:
            put_in(segments, put_in_chars, segments[-1].source_end if segments else 0)
        return cls._made("".join(texts), segments, source)

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
        return self._made(self.text[start:end], self._between(start, end), self.source)

    def strip(self, chars: str | None = None) -> MappedText:
        """Leave outer white space out, or outer `chars`."""
        bare = self.text.strip(chars)
        if len(bare) == len(self.text):
            return self
        start = len(self.text) - len(self.text.lstrip(chars)) if bare else 0
        return self[start : start + len(bare)]

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
        return self if text == self.text else self._made(text, self._segments, self.source)

    def sub(
        self, pattern: Pattern[_MatchT], spoken: Callable[[_MatchT], str | None] | str
    ) -> MappedText:
        """Put something in the place of every match of a pattern; None leaves a match alone."""
        edits: list[Edit] = []
        for found in pattern.finditer(self.text):
            new = spoken if isinstance(spoken, str) else spoken(found)
            if new is not None:
                edits.append((found.start(), found.end(), new))
        return self.edited(edits) if edits else self

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
        return self._made("".join(texts), segments, self.source)

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the source that the characters from `start` to `end` stand for.

        What was put in between does not count, but where there is nothing else the stretch is
        empty.
        """
        segments = self._segments
        if not segments:
            return 0, 0
        if start >= end:
            return self._gap(start)
        if len(segments) == 1 and segments[0].aligned:
            origin = segments[0].source_start
            return origin + start, origin + end
        return span(self._between(start, end))

    def is_rewritten_across(self, at: int) -> bool:
        """Tell whether what is before a place and what is after it stand for one stretch."""
        source_start, source_end = self.source_span(at, at)
        return source_start < source_end

    def written(self, start: int, end: int) -> str:
        """Return what the source has for a stretch, without what was taken out or put in."""
        pieces, done = list[str](), 0
        for _, source_start, source_end, _ in self._between(start, end):
            # The parts of what was put in the place of something all stand for the whole of it.
            pieces.append(self.source[max(done, source_start) : source_end])
            done = max(done, source_end)
        return "".join(pieces)

    def _gap(self, at: int) -> tuple[int, int]:
        """Return what anything stands for that is put in at a place."""
        if at == 0:
            first = self._segments[0].source_start
            return first, first
        before = self._between(at - 1, at)[0].source_end
        if at == len(self.text):
            return before, before
        return between(before, self._between(at, at + 1)[0].source_start)

    def _between(self, start: int, end: int) -> list[Segment]:
        """Return the segments of a stretch of the text, cut at its ends."""
        segments = self._segments
        if start >= end:
            return []
        if len(segments) == 1:
            return [cut(segments[0], start, end)]
        starts = self._starts
        if starts is None:
            self._starts = starts = list(accumulate(map(_CHARS, segments), initial=0))
        first, stop = bisect_right(starts, start) - 1, bisect_left(starts, end)
        parts = segments[first:stop]
        if starts[stop] > end:
            parts[-1] = cut(parts[-1], 0, end - starts[stop - 1])
        if starts[first] < start:
            parts[0] = cut(parts[0], start - starts[first], parts[0].chars)
        return parts

    @classmethod
    def _made(cls, text: str, segments: list[Segment], source: str) -> MappedText:
        made = cls.__new__(cls)
        made.text = text
        made.source = source
        made._segments = segments
        made._starts = None
        return made
