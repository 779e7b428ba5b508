"""Finds out what kind of document a file is, and has it read. Runs in a child process only."""

from __future__ import annotations

import re
from pathlib import PurePath

from app.documents.archive import Archive
from app.documents.document import READABLE, Document, ReadingOptions, Unreadable
from app.wording.encodings import NotText, decoded_text

_PDF_WITHIN_BYTES = 1024
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# What people send that looks like a document and is none of those that are read.
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an old or encrypted file of Office; save it as DOCX without a password",
    b"{\\rtf": "RTF; save it as DOCX",
    b"%!PS": "PostScript; save it as PDF",
}
_SRT = re.compile(r"\s*\d+[ \t]*\r?\n[ \t]*[\d:,. ]{8,20}-->")
_HTML = re.compile(r"\s*(?:<\?xml[^>]{0,200}>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_BY_SUFFIX = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".htm": "html",
    ".html": "html",
    ".xhtml": "html",
    ".srt": "srt",
    ".vtt": "vtt",
}
_NAMES = {".pdf": "PDF", ".docx": "DOCX", ".epub": "EPUB"}


def read(data: bytes, filename: str, options: ReadingOptions) -> Document:
    """Read a document of any kind, by what is in it first and by its name then.

    Raises:
        Unreadable: it is none that is read here, or something is wrong with it.
    """
    if b"%PDF-" in data[:_PDF_WITHIN_BYTES]:
        from app.documents.pdf import read_pdf  # noqa: PLC0415 - each child needs one of these

        return read_pdf(data, options)
    if data.startswith(_ZIP):
        return _read_archive(data, options)
    suffix = PurePath(filename).suffix.lower()
    for mark, what in _OTHERS.items():
        if data.startswith(mark):
            raise Unreadable(f"is {what}")
    if suffix in _NAMES:
        raise Unreadable(f"is called {suffix}, but is no {_NAMES[suffix]}, or a damaged one")
    return _read_text(_decoded(data), suffix, options)


def _read_archive(data: bytes, options: ReadingOptions) -> Document:
    from app.documents.docx import MAIN_PART, read_docx  # noqa: PLC0415
    from app.documents.epub import CONTAINER, read_epub  # noqa: PLC0415

    archive = Archive(data)
    if CONTAINER in archive.names:
        return read_epub(archive, options)
    if MAIN_PART in archive.names:
        return read_docx(data, archive, options)
    raise Unreadable(f"is a zip archive that is neither EPUB nor DOCX; send {READABLE}")


def _decoded(data: bytes) -> str:
    try:
        text = decoded_text(data).text
    except NotText as error:
        raise Unreadable(f"{error}; send {READABLE}") from error
    if "\x00" in text:
        raise Unreadable(f"is no text and no document that is known; send {READABLE}")
    return text.removeprefix("\ufeff")


def _read_text(text: str, suffix: str, options: ReadingOptions) -> Document:
    kind = _BY_SUFFIX.get(suffix) or _kind_of(text)
    if kind in ("srt", "vtt"):
        from app.documents.subtitles import read_subtitles  # noqa: PLC0415

        return read_subtitles(text, kind)
    if kind in ("html", "markdown"):
        from app.documents.web_page import read_html, read_markdown  # noqa: PLC0415

        return (read_html if kind == "html" else read_markdown)(text, options)
    from app.documents.plain_text import read_plain_text  # noqa: PLC0415

    return read_plain_text(text)


def _kind_of(text: str) -> str:
    if text.startswith("WEBVTT"):
        return "vtt"
    if _SRT.match(text):
        return "srt"
    return "html" if _HTML.match(text) else "text"
