"""Reads DOCX, the files of Word, by way of HTML."""

from __future__ import annotations

import io
from collections.abc import Iterator

import mammoth

from app.documents.archive import Archive
from app.documents.blocks import bounded, chapters_of, one_line, with_notes
from app.documents.document import Document, ReadingOptions
from app.documents.markup_tree import blocks_of, local_name, parse_html, parse_xhtml

MAIN_PART = "word/document.xml"
_PROPERTIES = "docProps/core.xml"
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Quote'] => p:fresh
"""


def read_docx(data: bytes, archive: Archive, options: ReadingOptions) -> Document:
    """Read a document.

    Word keeps what stands on every page beside the text, and numbers pages when it shows them; so
    neither is in what is read here, whatever the options say.

    Raises:
        Unreadable: it is damaged, or too large.
    """
    for name in archive.names:
        if name.endswith((".xml", ".rels")):
            archive.read_xml(name)  # mammoth opens the archive itself
    html = mammoth.convert_to_html(
        io.BytesIO(data),
        style_map=_STYLES,
        convert_image=mammoth.images.img_element(lambda _image: {}),
    ).value
    root = parse_html(html)
    blocks = [] if root is None else bounded(blocks_of(root, options))
    said = dict(_properties(archive))
    return Document(
        title=one_line(said.get("title")),
        author=one_line(said.get("creator")),
        language=one_line(said.get("language")),
        chapters=chapters_of(with_notes(blocks, options)),
    )


def _properties(archive: Archive) -> Iterator[tuple[str, str]]:
    if _PROPERTIES in archive.names:
        root = parse_xhtml(archive.read_xml(_PROPERTIES))
        if root is not None:
            for each in root:
                yield local_name(each), each.text or ""
