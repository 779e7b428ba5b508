"""Makes a book whose every sentence is known, so that what is heard of it can be checked."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

SENTENCES_OF_PARAGRAPH = 7

_WHO = (
    "the old man", "my sister", "a young doctor", "the captain", "our teacher", "the farmer",
    "his brother", "the king", "a little girl", "the woman in the garden", "an old friend",
    "the driver", "her mother", "the soldier", "a stranger", "the boy from the village",
)  # fmt: skip
_DID = (
    "opened the heavy door", "walked along the river", "looked at the dark sky",
    "found a letter on the table", "closed the window", "sat down by the fire",
    "told a long story about the war", "lost the key to the house", "bought some bread and cheese",
    "went back to the station", "heard a noise in the kitchen", "wrote a few lines",
    "took the last train home", "waited for an answer", "put the book on the shelf",
    "drank a cup of coffee", "crossed the bridge", "laughed at the joke", "slept in the chair",
    "counted the money twice", "carried the boxes up the stairs", "turned off the light",
)  # fmt: skip
_HOW = (
    "before the rain began", "without saying a word", "in the early morning", "as fast as possible",
    "with a smile", "for the first time in many years", "after a short rest", "in the cold wind",
    "and nobody knew why", "while the others were still talking", "as if nothing had happened",
    "at the end of the day", "to the great surprise of everyone", "with both hands",
)  # fmt: skip
_WHEN = (
    "After dinner", "Late in the evening", "On the second day", "A little later", "That winter",
    "In the middle of the night", "At last", "When the music stopped", "The next morning",
)  # fmt: skip

_CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
_PACKAGE = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">a-book</dc:identifier>
<dc:title>A Long Walk</dc:title><dc:creator>Nobody</dc:creator><dc:language>en</dc:language>
</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>
"""


@dataclass(frozen=True)
class BookChapter:
    """Holds what a chapter says after its heading."""

    heading: str
    sentences: tuple[str, ...]


def book_of(characters: int, chapters: int) -> list[BookChapter]:
    """Make so many chapters of so many characters together."""
    return [
        BookChapter(f"Chapter {number}", tuple(_sentences(number, characters // chapters)))
        for number in range(1, chapters + 1)
    ]


def _sentences(seed: int, characters: int) -> list[str]:
    dice = Random(seed)
    found: list[str] = []
    while sum(map(len, found)) + len(found) < characters:
        who, did, how = dice.choice(_WHO), dice.choice(_DID), dice.choice(_HOW)
        shapes = (
            f"{who[0].upper()}{who[1:]} {did} {how}.",
            f"{dice.choice(_WHEN)}, {who} {did}.",
            f"{who[0].upper()}{who[1:]} {did}, and {dice.choice(_WHO)} {dice.choice(_DID)}.",
        )
        found.append(dice.choice(shapes))
    return found


def write_epub(path: Path, book: list[BookChapter]) -> None:
    """Write a book as an EPUB."""
    names = [f"c{number}" for number in range(1, len(book) + 1)]
    items = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in names
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", _CONTAINER)
        archive.writestr("book.opf", _PACKAGE.format(items=items, spine=spine))
        for name, chapter in zip(names, book, strict=True):
            body = f"<body><h1>{chapter.heading}</h1>{_paragraphs(chapter)}</body>"
            page = f'<html xmlns="http://www.w3.org/1999/xhtml">{body}</html>'
            archive.writestr(f"{name}.xhtml", page)


def _paragraphs(chapter: BookChapter) -> str:
    said, size = chapter.sentences, SENTENCES_OF_PARAGRAPH
    return "".join(
        f"<p>{' '.join(said[start : start + size])}</p>" for start in range(0, len(said), size)
    )
