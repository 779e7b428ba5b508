"""Reads plain text, in which blank lines part paragraphs and a line of its own begins a chapter."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.documents.blocks import Block, bounded, chapters_of, joined_lines, paragraph
from app.documents.document import Document

_NUMBER = r"(?:\d{1,4}|[ivxlcdm]{1,10})"
_CHAPTER = re.compile(
    # English, French, German, Spanish, Portuguese, Italian, Dutch
    r"(?:(?:chapter|chapitre|kapitel|cap[ií]tulo|capitolo|hoofdstuk|part|partie|teil|parte|deel|"
    rf"book|livre|buch|libro|livro|boek)\s+(?:{_NUMBER}\b|[a-zà-ÿ]{{3,20}}$|[a-zà-ÿ]{{3,20}}[.:])"
    r"|(?:prologue|epilogue|preface|foreword|introduction|prolog|epilog|vorwort|nachwort|einleitung|"
    r"prólogo|epílogo|prologo|epilogo|voorwoord|nawoord)$"
    r").{0,80}",
    re.IGNORECASE,
)
_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_INDENTED = re.compile(r"\n(?=[ \t]{2,}\S)")
_HARD_WRAPPED_CHARACTERS = 90
"""Lines that were broken by hand are no longer than this."""


def read_plain_text(text: str) -> Document:
    """Read a text.

    Raises:
        Unreadable: there is nothing to speak in it, or too much.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    return Document(None, None, None, chapters_of(bounded(_blocks(text))))


def is_chapter_heading(line: str) -> bool:
    """Tell whether a line of its own begins a chapter by its words, such as "Chapter 3"."""
    return len(line) <= 100 and _CHAPTER.fullmatch(line) is not None


def _blocks(text: str) -> Iterator[Block]:
    pieces = _BLANK.split(text.strip("\n"))
    # Where no blank line parts them, long lines are paragraphs.
    if len(pieces) == 1 and max(map(len, text.split("\n"))) > _HARD_WRAPPED_CHARACTERS:
        pieces = text.split("\n")
    for piece in pieces:
        for part in _INDENTED.split(piece):
            lines = part.strip().split("\n")
            if is_chapter_heading(lines[0].strip()):
                yield Block("heading", lines[0], 1)
                lines = lines[1:]
            if joined := _joined(lines):
                yield paragraph(joined)


def _joined(lines: list[str]) -> str:
    """Join the lines of a paragraph that were broken by hand."""
    joined = ""
    for line in filter(None, (" ".join(each.split()) for each in lines)):
        joined = joined_lines(joined, line)
    return joined
