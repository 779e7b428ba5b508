"""Makes chapters of the headings, paragraphs and notes that a reader finds in a document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from app.bounds import (
    DOCUMENT_CHAPTERS,
    DOCUMENT_CHARACTERS,
    DOCUMENT_LINE_CHARACTERS,
    DOCUMENT_PARAGRAPHS,
)
from app.documents.document import Chapter, ReadingOptions, Unreadable

# A script may not have them, and nobody sees or speaks them.
_CUT = re.compile(r"[^\W\d_][-‐‑]\Z")
_UNSPOKEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u00ad\ufeff]")


@dataclass(frozen=True, slots=True)
class Block:
    """Holds a heading, a paragraph or a note, in the order of the document.

    Attributes:
        level: of a heading, 1 for the highest.
        ids: anchors at this block, by which tables of contents and references name it.
        notes: the anchors of notes that it refers to.
        opens: the heading of the chapter that begins here, whatever the block itself is. None
            leaves it to the headings.
    """

    kind: Literal["heading", "paragraph", "note"]
    text: str
    level: int = 0
    ids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    opens: str | None = None


def paragraph(text: str) -> Block:
    """Make a block that is a paragraph and nothing more."""
    return Block("paragraph", text)


def joined_lines(text: str, line: str) -> str:
    """Join a line to what stands before it.

    A word that was cut between them stays so, over two lines: whoever reads the text aloud makes it
    whole, and knows that "twenty-" and "one" are two.
    """
    if not text:
        return line
    cut = _CUT.search(text) is not None and line[:1].isalpha()
    return text + ("\n" if cut else " ") + line


def tidy(text: str) -> str:
    """Take out what cannot be spoken, and white space that is not a line break of the author's."""
    lines = _UNSPOKEN.sub("", text).split("\n")
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def one_line(text: str | None) -> str | None:
    """Make a title or a heading of a text; None if nothing is left."""
    line = " ".join(tidy(text or "").split())
    if len(line) > DOCUMENT_LINE_CHARACTERS:
        line = f"{line[:DOCUMENT_LINE_CHARACTERS]}…"
    return line or None


def bounded(blocks: Iterable[Block]) -> list[Block]:
    """Collect the blocks of a document.

    Raises:
        Unreadable: there are too many of them, or of their characters.
    """
    found: list[Block] = []
    characters = 0
    for block in blocks:
        found.append(block)
        characters += len(block.text)
        if characters > DOCUMENT_CHARACTERS:
            raise Unreadable(f"has more than the {DOCUMENT_CHARACTERS} characters that are read")
        if len(found) > DOCUMENT_PARAGRAPHS:
            raise Unreadable(
                f"has more than the {DOCUMENT_PARAGRAPHS} headings and paragraphs that are read"
            )
    return found


def with_notes(blocks: Iterable[Block], options: ReadingOptions) -> Iterator[Block]:
    """Put each note behind the first block that refers to it, or leave all notes out."""
    blocks = list(blocks)
    if not options.footnotes:
        yield from (block for block in blocks if block.kind != "note")
        return
    notes = {name: block for block in blocks if block.kind == "note" for name in block.ids}
    referred = {name for block in blocks for name in block.notes}
    placed: set[int] = set()
    for block in blocks:
        if block.kind == "note":
            if not referred.intersection(block.ids):
                yield block
            continue
        yield block
        for name in block.notes:
            note = notes.get(name)
            if note is not None and id(note) not in placed:
                placed.add(id(note))
                yield note


def chapters_of(blocks: Iterable[Block]) -> tuple[Chapter, ...]:
    """Divide a document into chapters.

    They begin where a table of contents says so. Without one, the highest level of headings that
    occurs more than once begins them; lower headings are spoken as paragraphs.

    Raises:
        Unreadable: there are too many chapters, or there is nothing to speak.
    """
    blocks = list(blocks)
    chapters: list[Chapter] = []
    heading: str | None = None
    paragraphs: list[str] = []

    def end() -> None:
        if paragraphs or heading:
            chapters.append(Chapter(heading, tuple(paragraphs)))
        if len(chapters) > DOCUMENT_CHAPTERS:
            raise Unreadable(f"has more than the {DOCUMENT_CHAPTERS} chapters that are read")

    for block, opens in zip(blocks, _openings(blocks), strict=True):
        if opens is not None:
            end()
            heading, paragraphs = one_line(opens), []
        text = tidy(block.text)
        is_said = block.kind == "heading" and not paragraphs and _same(text, heading)
        if text and not is_said:
            paragraphs.append(text)
    end()
    if not any(character.isalnum() for chapter in chapters for character in chapter.text):
        raise Unreadable("holds no text that can be spoken: no letter and no digit")
    return tuple(chapters)


def _openings(blocks: list[Block]) -> list[str | None]:
    """Return for each block the heading of the chapter that it opens, if it opens one."""
    openings = [block.opens for block in blocks]
    if any(each is not None for each in openings):
        return openings
    level = _level_of_chapters(blocks)
    return [
        block.text if block.kind == "heading" and block.level <= level else None for block in blocks
    ]


def _level_of_chapters(blocks: Iterable[Block]) -> int:
    levels = Counter(block.level for block in blocks if block.kind == "heading")
    repeated = [level for level, times in levels.items() if times > 1]
    return min(repeated, default=max(levels, default=0))


def _same(text: str, heading: str | None) -> bool:
    def letters(line: str) -> str:
        return "".join(filter(str.isalnum, line)).casefold()

    return heading is not None and letters(text) == letters(heading)
