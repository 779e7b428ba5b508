"""Reads PDF by the text layer of its pages."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PdfReadError, PyPdfError
from pypdf.generic import Destination

from app.bounds import DOCUMENT_CHAPTERS, DOCUMENT_CHARACTERS, DOCUMENT_PAGES
from app.documents.blocks import Block, bounded, chapters_of, joined_lines, one_line, with_notes
from app.documents.document import Document, ReadingOptions, Unreadable
from app.documents.plain_text import is_chapter_heading

_PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|p\.)?\W*(?:\d{1,4}|[ivxlc]{1,7})\W*(?:(?:of|von|/)\W*\d{1,4})?\W*",
    re.IGNORECASE,
)
_NOTE_MARK = re.compile(r"(?:\d{1,3}|[*†‡§])\s*\S")
_DIGITS = re.compile(r"\d+")
_EDGE_LINES = 2
"""So many lines at the top and the bottom of a page may be running heads."""
_SHARE_OF_PAGES = 0.3
"""Lines at the edge that so many pages have, but for numbers, are running heads;"""
_FEWEST_PAGES = 3
"""on fewer pages than this nothing is known to repeat."""
_NOTE_SIZE = 0.92
"""Notes are set smaller than the text, by this factor at most;"""
_HEADING_SIZE = 1.15
"""headings are set larger."""
_PARAGRAPH_GAP = 1.35
"""Between two paragraphs there is so many times the space of two lines, if any."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    x: float
    y: float
    size: float


def read_pdf(data: bytes, options: ReadingOptions) -> Document:
    """Read a document.

    Tables are not known as such in PDF: their lines are read as they stand.

    Raises:
        Unreadable: it is encrypted, damaged, too large, or has no text layer.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of each of thousands of faults
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted:
            raise Unreadable("is an encrypted PDF; send it without a password")
        if len(reader.pages) > DOCUMENT_PAGES:
            raise Unreadable(f"has more than the {DOCUMENT_PAGES} pages that are read")
        pages = _pages(reader)
        openings = _openings(reader)
        about = reader.metadata
    except (PyPdfError, RecursionError) as error:
        raise Unreadable("is a PDF that is damaged or cut off") from error
    if not any(pages):
        raise Unreadable(
            "is a PDF without a text layer: its pages are pictures; recognise their text first"
        )
    blocks = bounded(_blocks(pages, openings, options))
    return Document(
        title=one_line(_text(about, "/Title")),
        author=one_line(_text(about, "/Author")),
        language=one_line(_language(reader)),
        chapters=chapters_of(with_notes(blocks, options)),
    )


def _text(about: Mapping[str, Any] | None, key: str) -> str | None:
    value = about.get(key) if about is not None else None
    return str(value) if isinstance(value, str) else None


def _language(reader: PdfReader) -> str | None:
    value = reader.root_object.get("/Lang")
    return str(value) if isinstance(value, str) else None


def _pages(reader: PdfReader) -> list[list[_Line]]:
    pages = []
    characters = 0
    for page in reader.pages:
        lines = _Lines()
        page.extract_text(visitor_text=lines.visit)
        pages.append(lines.ended())
        characters += sum(len(line.text) for line in pages[-1])
        if characters > DOCUMENT_CHARACTERS:
            raise Unreadable(f"has more than the {DOCUMENT_CHARACTERS} characters that are read")
    return pages


class _Lines:
    """Collects the lines of a page with their places, as pypdf finds their pieces."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._pieces: list[str] = []
        self._place: _Line | None = None

    def visit(
        self, text: str, cm: Sequence[float], tm: Sequence[float], _font: object, size: float
    ) -> None:
        """Take a piece of text, the matrices that place it, and its size."""
        if text.strip() and self._place is None:
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            self._place = _Line("", x, y, size * abs(tm[3] * cm[3] or 1.0))
        before, *others = text.split("\n")
        self._pieces.append(before)
        for each in others:
            self._end()
            self._pieces.append(each)

    def ended(self) -> list[_Line]:
        """Return the lines of the page."""
        self._end()
        return self._lines

    def _end(self) -> None:
        text = " ".join("".join(self._pieces).split())
        if text and self._place is not None:
            self._lines.append(replace(self._place, text=text))
            self._place = None
        self._pieces = []


def _openings(reader: PdfReader) -> dict[int, list[str]]:
    """Return the titles of the outline's first level, by the numbers of their pages."""
    openings: dict[int, list[str]] = {}
    try:
        outline = reader.outline
    except (PdfReadError, KeyError, TypeError, ValueError, AttributeError):
        return {}  # many programs write outlines that lead nowhere
    for entry in outline[: DOCUMENT_CHAPTERS + 1]:
        if isinstance(entry, Destination):
            page = reader.get_destination_page_number(entry)
            if page is not None:
                openings.setdefault(page, []).append(str(entry.title))
    return openings


def _blocks(
    pages: list[list[_Line]], openings: Mapping[int, list[str]], options: ReadingOptions
) -> Iterator[Block]:
    lines = [line for page in pages for line in page]
    size = Counter[float]()
    for line in lines:
        size[round(line.size, 1)] += len(line.text)
    text_size = size.most_common(1)[0][0]
    repeated = _repeated(pages)
    margin = _common_left(lines)
    making = _Paragraphs(text_size, margin, _line_gap(pages, text_size))
    for number, page in enumerate(pages):
        kept = _without_edges(page, repeated, options)
        text, notes = _parted(kept, text_size)
        titles = list(openings.get(number, ()))
        if titles:
            yield from making.end()
        for line in text:
            title = next((each for each in titles if _begins(line.text, each)), None)
            if title is not None:
                yield from making.end()
                for missed in titles[: titles.index(title)]:
                    yield Block("heading", missed, 1, opens=missed)
                titles = titles[titles.index(title) + 1 :]
                yield Block("heading", line.text, 1, opens=title)
                continue
            yield from making.add(line)
        for missed in titles:
            yield Block("heading", missed, 1, opens=missed)
        for note in notes:
            yield Block("note", note)
        making.page_ended()
    yield from making.end()


def _begins(line: str, title: str) -> bool:
    """Tell whether a line is where the outline's title leads."""
    line, title = line.casefold().strip(), title.casefold().strip()
    return bool(title) and (line == title or (len(line) > 3 and title.startswith(line)))


def _repeated(pages: list[list[_Line]]) -> set[str]:
    """Find the lines at the edges of pages that stand on many of them."""
    if len(pages) < _FEWEST_PAGES:
        return set()
    seen = Counter(
        each for page in pages for each in {_without_numbers(line) for line in _edges(page)}
    )
    least = max(_FEWEST_PAGES - 1, _SHARE_OF_PAGES * len(pages))
    return {text for text, times in seen.items() if times >= least}


def _edges(page: list[_Line]) -> list[_Line]:
    ordered = sorted(page, key=lambda line: -line.y)
    return [*ordered[:_EDGE_LINES], *ordered[_EDGE_LINES:][-_EDGE_LINES:]]


def _without_numbers(line: _Line) -> str:
    return _DIGITS.sub("#", line.text).casefold()


def _without_edges(page: list[_Line], repeated: set[str], options: ReadingOptions) -> list[_Line]:
    edges = _edges(page)
    outermost = [*edges[:1], *edges[-1:]]
    left_out: list[_Line] = []
    for line in edges:
        if line in outermost and _PAGE_NUMBER.fullmatch(line.text):
            left_out += [] if options.page_numbers else [line]
        elif _without_numbers(line) in repeated and not options.running_heads:
            left_out.append(line)
    return [line for line in page if line not in left_out]


def _parted(page: list[_Line], text_size: float) -> tuple[list[_Line], list[str]]:
    """Part the notes at the foot of a page from its text."""
    foot = len(page)
    while foot and page[foot - 1].size <= _NOTE_SIZE * text_size:
        foot -= 1
    notes: list[str] = []
    for at in range(foot, len(page)):
        if _NOTE_MARK.match(page[at].text):
            notes.append(page[at].text)
        elif notes:
            notes[-1] = joined_lines(notes[-1], page[at].text)
        else:
            foot = at + 1  # small print that is no note
    return page[:foot], notes


def _common_left(lines: list[_Line]) -> float:
    return Counter(round(line.x) for line in lines).most_common(1)[0][0]


def _line_gap(pages: list[list[_Line]], text_size: float) -> float:
    """Return the usual space between two lines of the text; 0 if nothing tells."""
    gaps = [
        above.y - below.y
        for page in pages
        for above, below in pairwise(page)
        if above.y > below.y and {round(above.size, 1), round(below.size, 1)} == {text_size}
    ]
    return median(gaps) if gaps else 0.0


class _Paragraphs:
    """Joins lines into paragraphs, across pages too."""

    def __init__(self, text_size: float, margin: float, gap: float) -> None:
        self._text_size = text_size
        self._margin = margin
        self._gap = gap
        self._text = ""
        self._level = 0
        self._last: _Line | None = None

    def add(self, line: _Line) -> Iterator[Block]:
        """Take the next line; yield what it ends."""
        level = self._level_of(line)
        if level != self._level or self._is_parted(line):
            yield from self.end()
        self._text = joined_lines(self._text, line.text)
        self._level = level
        self._last = line

    def page_ended(self) -> None:
        """Forget the place of the last line: the next one is on another page."""
        self._last = None

    def end(self) -> Iterator[Block]:
        """Yield what was begun."""
        if self._text:
            yield Block("heading" if self._level else "paragraph", self._text, self._level)
        self._text, self._level, self._last = "", 0, None

    def _level_of(self, line: _Line) -> int:
        if is_chapter_heading(line.text):
            return 1
        return 2 if line.size >= _HEADING_SIZE * self._text_size else 0

    def _is_parted(self, line: _Line) -> bool:
        if self._level == 0 and line.x > self._margin + 0.8 * self._text_size:
            before_ended = self._text.endswith((".", "!", "?", "”", '"', ":", "»"))
            if before_ended and (self._last is None or self._last.x < line.x):
                return True
        if self._last is None:
            return False
        return self._gap > 0 and self._last.y - line.y > _PARAGRAPH_GAP * self._gap
