"""Makes documents of every kind, honest ones and hostile ones."""
# ruff: noqa: E501, ISC004 - files stand here as their formats write them

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

NUMBERS = ("None", "One", "Two", "Three", "Four", "Five")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def picture() -> bytes:
    """A PNG of one red point."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    points = chunk(b"IDAT", zlib.compress((b"\0" + b"\xff\0\0" * 2) * 2))
    return b"\x89PNG\r\n\x1a\n" + head + points + chunk(b"IEND", b"")


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """Make a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in files.items():
            written.writestr(name, data)
    return buffer.getvalue()


def page(body: str) -> str:
    """Make a page of an EPUB, whose head is closed as only XML closes it."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title/><script src='x'/></head><body>{body}</body></html>"
    )


def epub(
    pages: Mapping[str, str],
    *,
    nav: str | None = None,
    ncx: str | None = None,
    others: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """Make a book with a title, two authors, a language and a cover.

    Args:
        pages: the bodies of its pages, by their names without a suffix.
        nav: the body of an EPUB 3's table of contents.
        ncx: the points of an EPUB 2's.
        others: further files, or what stands in the place of one.
    """
    items = [
        f'<item id="{each}" href="{each}.xhtml" media-type="application/xhtml+xml"/>'
        for each in pages
    ]
    items.append('<item id="cover" href="c.png" media-type="image/png" properties="cover-image"/>')
    files: dict[str, str | bytes] = {"mimetype": "application/epub+zip"}
    if nav is not None:
        items.append(
            '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        )
        files["OPS/nav.xhtml"] = page(f'<nav epub:type="toc">{nav}</nav>')
    if ncx is not None:
        items.append('<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>')
        files["OPS/toc.ncx"] = f"<ncx><navMap>{ncx}</navMap></ncx>"
    spine = "".join(f'<itemref idref="{each}"/>' for each in pages)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Tale</dc:title>'
        "<dc:creator>Ann Author</dc:creator><dc:creator>Ben Writer</dc:creator>"
        "<dc:language>en-GB</dc:language></metadata>"
        f'<manifest>{"".join(items)}</manifest><spine toc="ncx">{spine}</spine></package>'
    )
    files |= {"META-INF/container.xml": _CONTAINER, "OPS/book.opf": package, "OPS/c.png": PNG}
    files |= {f"OPS/{name}.xhtml": page(body) for name, body in pages.items()}
    return archive({**files, **(others or {})})


def docx(body: str, *, footnotes: str = "", prolog: str = "") -> bytes:
    """Make a file of Word, titled "A Report" by Ann Author.

    Args:
        body: WordprocessingML; see `words`.
        footnotes: likewise, inside `w:footnote`s.
        prolog: stands before the first element.
    """
    parts = {"document": "main", "footnotes": "footnotes", "styles": "styles"}
    types = "".join(
        f'<Override PartName="/word/{part}.xml" ContentType="{_OFFICE}.{kind}+xml"/>'
        for part, kind in (
            ("document", "document.main"),
            *((p, k) for p, k in parts.items() if k != "main"),
        )
    )
    relations = "".join(
        f'<Relationship Id="r{part}" Type="{_RELATIONS}/{part}" Target="{part}.xml"/>'
        for part in ("footnotes", "styles")
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{name.replace(" ", "")}"><w:name w:val="{name}"/></w:style>'
        for name in ("Title", "heading 1", "heading 2")
    )
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{_RELATIONS}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships">'
            f"{relations}</Relationships>",
            "word/document.xml": f"{prolog}<w:document {_WORD}><w:body>{body}</w:body></w:document>",
            "word/footnotes.xml": f"<w:footnotes {_WORD}>{footnotes}</w:footnotes>",
            "word/styles.xml": f"<w:styles {_WORD}>{styles}</w:styles>",
            "docProps/core.xml": '<cp:coreProperties xmlns:cp="urn:cp" xmlns:dc="urn:dc">'
            "<dc:title>A Report</dc:title><dc:creator>Ann Author</dc:creator>"
            "<dc:language>en</dc:language></cp:coreProperties>",
        }
    )


def words(text: str, style: str = "", *, note: int | None = None) -> str:
    """Make a paragraph of Word, with a reference to a note at its end."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    reference = "" if note is None else f'<w:r><w:footnoteReference w:id="{note}"/></w:r>'
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r>{reference}</w:p>"


def word_table(*rows: Sequence[str]) -> str:
    """Make a table of Word."""
    cells = ("".join(f"<w:tc>{words(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{each}</w:tr>' for each in cells)}</w:tbl>"


class Printed(NamedTuple):
    """Holds a line of a page, which is 612 points wide and 792 high, measured from below."""

    text: str
    y: float
    size: float = 11
    x: float = 72


def pdf(*pages: Sequence[Printed], info: str = "", content: str | None = None) -> bytes:
    """Make a PDF of lines at their places.

    Args:
        info: entries of its dictionary of information.
        content: stands in the place of what draws the lines.
    """
    numbers = range(5, 5 + 2 * len(pages), 2)
    objects = [
        "<< /Type /Catalog /Pages 2 0 R /Lang (en-US) >>",
        f"<< /Type /Pages /Kids [{' '.join(f'{each} 0 R' for each in numbers)}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< {info} >>",
    ]
    for number, lines in zip(numbers, pages, strict=True):
        drawn = content or "\n".join(
            f"/F1 {line.size} Tf 1 0 0 1 {line.x} {line.y} Tm ({line.text}) Tj" for line in lines
        )
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {number + 1} 0 R >>",
            f"<< /Length {len(drawn) + 6} >>\nstream\nBT {drawn} ET\nendstream",
        ]
    written = "%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        f"{written}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R >>\n"
        f"startxref\n{len(written)}\n%%EOF"
    ).encode("latin-1")


def chapter_pages(count: int) -> list[list[Printed]]:
    """Make pages with a running head, a number, a note, and a sentence that runs across pages."""
    return [
        [
            Printed("A TALE OF PAGES", 760, 9),
            *([Printed("Chapter One", 720, 18)] if number == 1 else []),
            Printed(f"{NUMBERS[number]} begins its page with words that are bro-", 680),
            Printed("ken at the end of a line and go on", 666),
            Printed("until they end here.", 652),
            Printed("A paragraph after a gap goes over the", 620),
            Printed(f"{number} A note at the foot.", 80, 8),
            Printed(str(number + 10), 40, 9, 300),
        ]
        for number in range(1, count + 1)
    ]
