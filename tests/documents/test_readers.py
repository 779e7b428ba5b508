"""Each kind of document becomes chapters of text, with what it says of itself."""
# ruff: noqa: E501 - lines of documents are as long as they are

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from app.documents.blocks import Block, chapters_of
from app.documents.document import Chapter, Document, ReadingOptions, Unreadable
from app.documents.formats import read
from app.documents.plain_text import read_plain_text
from tests.documents.files import (
    PNG,
    Printed,
    chapter_pages,
    docx,
    epub,
    pdf,
    word_table,
    words,
)

LEFT_OUT = ReadingOptions()
ALL = ReadingOptions(footnotes=True, page_numbers=True, running_heads=True, tables=True)


def read_as(text: str | bytes, name: str, options: ReadingOptions = LEFT_OUT) -> Document:
    return read(text.encode() if isinstance(text, str) else text, name, options)


def spoken(document: Document) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(chapter.heading, chapter.paragraphs) for chapter in document.chapters]


def test_plain_text() -> None:
    """Blank lines part paragraphs, lines broken by hand are joined, a heading's line begins one."""
    text = "To my\nreaders.\n\nCHAPTER I. The Beginning\n\nIt was\r\nlate.\n\n\n\nHe slept.\n\nChapter 2\n\nEnd.\n"
    assert spoken(read_as(text, "book.txt")) == [
        (None, ("To my readers.",)),
        ("CHAPTER I. The Beginning", ("It was late.", "He slept.")),
        ("Chapter 2", ("End.",)),
    ]


@pytest.mark.parametrize(
    "heading",
    ["Chapter 12", "Kapitel 3: Aufbruch", "CHAPITRE IV", "Capítulo 2", "Epilogue", "Part One"],
)
def test_headings_of_chapters_in_plain_text(heading: str) -> None:
    """Chapters are known in several languages."""
    assert [
        each.heading for each in read_plain_text(f"Before.\n\n{heading}\n\nText.").chapters
    ] == [None, heading]


@pytest.mark.parametrize(
    "line", ["Part of the way he walked.", "Introduction to it was made.", "Book him!"]
)
def test_a_sentence_is_no_heading(line: str) -> None:
    """A sentence that begins like a heading is spoken like any other."""
    assert [each.heading for each in read_plain_text(f"Before.\n\n{line}").chapters] == [None]


def test_long_lines_are_paragraphs() -> None:
    """Where no blank line parts them, lines that nobody broke by hand are paragraphs."""
    long = "word " * 30
    assert len(read_plain_text(f"{long}\n{long}\n{long}").chapters[0].paragraphs) == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_text(encoding: str) -> None:
    """Text is read in the encoding that its bytes tell."""
    found = read_as("Où est-ce ?".encode(encoding), "a.txt")
    assert found.chapters == (Chapter(None, ("Où est-ce ?",)),)


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=1))
def test_no_word_of_plain_text_is_lost(said: list[str]) -> None:
    """All words of a text are in its chapters, in order."""
    for between in (" ", "\n", "\n\n"):
        document = read_plain_text(between.join(said))
        assert "\n".join(chapter.text for chapter in document.chapters).split() == said


MARKDOWN = """---
title: Of Mice
author: Ann Author
lang: en
---
# Of Mice

A *word*[^1] with a [link](http://example.com) and `code`.

## One

- first
- second

| Name | Age |
|------|-----|
| Tom  | 3   |

## Two

The end.

[^1]: A note.
"""


def test_markdown() -> None:
    """Front matter tells the title; marks are not spoken; notes and tables are left out."""
    found = read_as(MARKDOWN, "mice.md")
    assert (found.title, found.author, found.language) == ("Of Mice", "Ann Author", "en")
    assert spoken(found) == [
        ("Of Mice", ("A word with a link and code.",)),
        ("One", ("first", "second")),
        ("Two", ("The end.",)),
    ]


def test_notes_and_tables_of_markdown() -> None:
    """A note is read behind the paragraph that refers to it, a table row by row."""
    first, one, _ = spoken(read_as(MARKDOWN, "mice.md", ALL))
    assert first[1][-2:] == ("A word with a link and code.", "A note.")
    assert one[1][-2:] == ("Name, Age.", "Tom, 3.")


HTML = """<!DOCTYPE html><html lang="de"><head><title>Die Seite</title>
<meta name="Author" content="Ann Author"><style>p {}</style></head><body>
<header>My site</header><nav><a href="/">Home</a></nav>
<h1>Eins</h1><p>Ein <b>Satz</b><sup><a href="#fn1">1</a></sup>,&nbsp;und<br>noch einer.<p>Offen.
<script>alert("no")</script><!-- nor this --><table><tr><td>a</td><td>b</td></tr></table>
<h1>Zwei</h1><div>Text<div>innen</div>danach</div><ol><li id="fn1">Notiz <a href="#r1">↩</a></li></ol>
<table><tr><td>Nur angeordnet.</td></tr></table><p hidden>nie</p><footer>Impressum</footer></body></html>"""


def test_html() -> None:
    """What a browser shows as running text is read, and nothing else."""
    found = read_as(HTML, "seite.html")
    assert (found.title, found.author, found.language) == ("Die Seite", "Ann Author", "de")
    assert spoken(found) == [
        ("Eins", ("Ein Satz, und\nnoch einer.", "Offen.")),
        ("Zwei", ("Text", "innen", "danach", "Nur angeordnet.")),
    ]


def test_all_of_html() -> None:
    """Options have notes, tables and what stands around a page read."""
    assert spoken(read_as(HTML, "", ALL)) == [
        (None, ("My site",)),
        ("Eins", ("Ein Satz, und\nnoch einer.", "Notiz", "Offen.", "a, b.")),
        ("Zwei", ("Text", "innen", "danach", "Nur angeordnet.", "Impressum")),
    ]


PAGES = {
    "front": "<p>To&#160;you&mdash;all.</p>",
    "one": '<h2>1</h2><p>First<a epub:type="noteref" href="notes.xhtml#n1">1</a> words.</p>'
    '<p>Over <span epub:type="pagebreak" title="7"/>pages.</p>',
    "two": '<h2 id="b">2</h2><p>Second.</p><h2 id="c">3</h2><p>Third.</p>',
    "notes": '<section epub:type="endnotes"><p epub:type="footnote" id="n1">A note.</p></section>',
}
NAV = (
    '<ol><li><a href="one.xhtml">The First</a></li><li><a href="two.xhtml#b">The Second</a><ol>'
    '<li><a href="two.xhtml#c">3</a></li></ol></li></ol>'
)
NCX = (
    '<navPoint><navLabel><text>The First</text></navLabel><content src="one.xhtml"/></navPoint>'
    '<navPoint><navLabel><text>The Second</text></navLabel><content src="two.xhtml#b"/>'
    '<navPoint><navLabel><text>3</text></navLabel><content src="two.xhtml#c"/></navPoint></navPoint>'
)
CHAPTERS = [
    (None, ("To you—all.",)),
    ("The First", ("1", "First words.", "Over pages.")),
    ("The Second", ("2", "Second.")),
    ("3", ("Third.",)),
]


@pytest.mark.parametrize("data", [epub(PAGES, nav=NAV), epub(PAGES, ncx=NCX)], ids=["nav", "ncx"])
def test_epub(data: bytes) -> None:
    """The table of contents of either version names the chapters, within a page too."""
    found = read_as(data, "tale.epub")
    assert (found.title, found.author, found.language) == (
        "A Tale",
        "Ann Author, Ben Writer",
        "en-GB",
    )
    assert found.cover is not None
    assert (found.cover.media_type, found.cover.data) == ("image/png", PNG)
    assert spoken(found) == CHAPTERS


def test_all_of_epub() -> None:
    """A note in another file is read where it is referred to, and the number of a page in place."""
    first = read_as(epub(PAGES, nav=NAV), "", ALL).chapters[1]
    assert first.paragraphs == ("1", "First words.", "A note.", "Over 7 pages.")


def test_epub_without_contents() -> None:
    """Without a table of contents headings begin the chapters."""
    assert [each.heading for each in read_as(epub(PAGES), "").chapters] == [None, "1", "2", "3"]


BODY = (
    words("A Report", "Title")
    + words("Opening", "heading1")
    + words("It began.", note=2)
    + word_table(("Year", "Sum"), ("1999", "5"))
    + words("Closing", "heading1")
    + words("It ended.")
)
NOTE = f'<w:footnote w:id="2">{words("A note.")}</w:footnote>'


def test_docx() -> None:
    """Styles of headings begin chapters; notes and tables are left out, or read by options."""
    found = read_as(docx(BODY, footnotes=NOTE), "report.docx")
    assert (found.title, found.author, found.language) == ("A Report", "Ann Author", "en")
    assert spoken(found) == [
        ("A Report", ()),
        ("Opening", ("It began.",)),
        ("Closing", ("It ended.",)),
    ]
    opening = read_as(docx(BODY, footnotes=NOTE), "report.docx", ALL).chapters[1]
    assert opening.paragraphs == ("It began.", "A note.", "Year, Sum.", "1999, 5.")


def test_pdf() -> None:
    """Lines are joined across pages, cut words stay so; heads, numbers and notes are left out."""
    found = read_as(pdf(*chapter_pages(3), info="/Title (A Tale) /Author (Ann Author)"), "tale.pdf")
    assert (found.title, found.author, found.language) == ("A Tale", "Ann Author", "en-US")
    (chapter,) = found.chapters
    assert chapter.heading == "Chapter One"
    assert chapter.paragraphs[0] == (
        "One begins its page with words that are bro-\nken at the end of a line and go on "
        "until they end here."
    )
    assert chapter.paragraphs[1].startswith("A paragraph after a gap goes over the Two begins")
    assert not any(word in chapter.text for word in ("TALE OF", "note", "11", "12", "13"))


def test_all_of_pdf() -> None:
    """Options have running heads, page numbers and notes read."""
    text = "\n".join(each.text for each in read_as(pdf(*chapter_pages(3)), "", ALL).chapters)
    assert text.count("A TALE OF PAGES") == 3
    assert text.count("A note at the foot.") == 3
    assert "11" in text and "13" in text  # noqa: PT018


def test_outline_of_pdf() -> None:
    """An outline names the chapters, with the words that stand in it."""
    lines = [[Printed("Dawn", 700, 14), Printed(f"Text {n}.", 660)] for n in (1, 2)]
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(*lines))))
    writer.add_outline_item(title="Dawn", page_number=0)
    writer.add_outline_item(title="Dusk", page_number=1)
    buffer = io.BytesIO()
    writer.write(buffer)
    assert [each.heading for each in read_as(buffer.getvalue(), "").chapters] == ["Dawn", "Dusk"]


SRT = (
    "1\n00:00:01,000 --> 00:00:02,000\n<i>Good</i> morning,\n\n"
    "2\n00:00:02,100 --> 00:00:03,000\nTom.\n\n3\n00:00:03,500 --> 00:00:04,000\n[door slams]\n\n"
    "4\n00:00:09,000 --> 00:00:10,000\n{\\an8}Who is\nthere?\n"
)
VTT = (
    "WEBVTT\n\nNOTE not spoken\n\nSTYLE\n::cue {}\n\n00:01.000 --> 00:02.000\n<v Ann>Good morning,\n\n"
    "00:02.100 --> 00:03.000\nTom.\n\nlast\n00:09.000 --> 00:10.000 line:0\nWho is\nthere?\n"
)


@pytest.mark.parametrize(("text", "name"), [(SRT, "a.srt"), (SRT, ""), (VTT, "a.vtt"), (VTT, "")])
def test_subtitles(text: str, name: str) -> None:
    """What is said becomes running text, with a paragraph after a pause; sounds are left out."""
    assert spoken(read_as(text, name)) == [(None, ("Good morning, Tom.", "Who is there?"))]


def times_of(text: str) -> list[tuple[str, float, float]]:
    found = read_as(text, "a.srt")
    return [(each.text, each.start_seconds, each.end_seconds) for each in found.cues]


def srt(*cues: tuple[str, str, str]) -> str:
    return "\n\n".join(
        f"{number}\n00:00:{start},000 --> 00:00:{end},000\n{text}"
        for number, (start, end, text) in enumerate(cues, start=1)
    )


def test_times_of_subtitles() -> None:
    """A sentence over several cues is one, and has until the next one begins."""
    expected = [("Good morning, Tom.", 1.0, 9.0), ("Who is there?", 9.0, 10.0)]
    assert times_of(SRT) == expected


def test_times_of_subtitles_without_sentences() -> None:
    """Without the end of a sentence a pause parts them, or the length; nothing else does."""
    apart = srt(("01", "02", "one"), ("02", "03", "two"), ("05", "06", "three"))
    assert times_of(apart) == [("one two", 1.0, 5.0), ("three", 5.0, 6.0)]
    long = "word " * 30
    cues = [(f"{number:02}", f"{number + 1:02}", long) for number in range(10, 14)]
    unlike = [(start, end, f"{text}{start}") for start, end, text in cues]
    assert [(start, end) for _, start, end in times_of(srt(*unlike))] == [(10, 12), (12, 14)]


def test_times_of_subtitles_that_overlap() -> None:
    """They are spoken in the order of their times; what begins together is one."""
    mixed = srt(("05", "06", "Last."), ("01", "04", "First."), ("01", "03", "At once."))
    assert times_of(mixed) == [("First. At once.", 1.0, 5.0), ("Last.", 5.0, 6.0)]


def test_only_subtitles_have_times() -> None:
    """Other documents are read on."""
    assert read_as("# Hello\n\nThere.", "a.md").cues == ()


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.text("ab c", max_size=5)),
        unique_by=lambda each: " ".join(each[1].split()),
    )
)
def test_every_block_is_in_a_chapter(found: list[tuple[int, str]]) -> None:
    """Whatever the levels of headings, no text is lost, and none is put elsewhere.

    A heading that is said again at once, as in a table of contents and on its page, is said once.
    """
    blocks = [Block("heading" if level else "paragraph", text, level) for level, text in found]
    expected = " ".join(text for _, text in found).split()
    try:
        chapters = chapters_of(blocks)
    except Unreadable:
        assert not expected
    else:
        assert " ".join(chapter.text for chapter in chapters).split() == expected
