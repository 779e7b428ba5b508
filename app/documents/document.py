"""Defines what a document is once it has been read, and what its readers are asked."""

from __future__ import annotations

from dataclasses import dataclass, field

READABLE = "plain text, Markdown, HTML, EPUB, DOCX, PDF with a text layer, SRT or WebVTT"
"""These are the documents that can be read, in words for people."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """Says what is read of a document besides its running text.

    Attributes:
        footnotes: notes are read after the paragraph that refers to them, where that is known.
        page_numbers: numbers of printed pages are read where they stand.
        running_heads: what stands at the top or the bottom of every page is read on each.
        tables: tables are read row by row.
    """

    footnotes: bool = False
    page_numbers: bool = False
    running_heads: bool = False
    tables: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """Holds what is spoken of one chapter.

    Attributes:
        heading: is spoken before the paragraphs; None if it has none.
        paragraphs: are plain text, without markup; a line break inside one is the author's.
    """

    heading: str | None
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the whole chapter as one text, with blank lines between its paragraphs."""
        return "\n\n".join([*([self.heading] if self.heading else []), *self.paragraphs])


@dataclass(frozen=True, slots=True)
class Cover:
    """Holds the picture on the cover, as it stands in the document."""

    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cue:
    """Holds a sentence of subtitles, or as much as stands alone, and when it is to be heard.

    Attributes:
        end_seconds: it is to have ended then, because the next one begins, or the subtitles end.
    """

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Document:
    """Holds what was read of a document; what it does not say of itself is None.

    Attributes:
        language: a tag as in `lang="en-GB"`.
        cues: the same text with its times, of subtitles; else there are none.
    """

    title: str | None
    author: str | None
    language: str | None
    chapters: tuple[Chapter, ...]
    cover: Cover | None = None
    cues: tuple[Cue, ...] = ()


class Unreadable(Exception):
    """Says why a document is not read, in words that follow its name, such as "is encrypted"."""
