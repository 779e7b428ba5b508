"""Documents that are damaged, or made to harm, are refused with the reason, and in bounds."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import zlib

import pytest
from pypdf import PdfReader, PdfWriter

from app.bounds import DOCUMENT_CHAPTERS, PARSER
from app.documents.document import ReadingOptions, Unreadable
from app.documents.formats import read
from app.documents.reading import read_document
from app.errors import DocumentUnreadable, Parameter
from tests.documents.files import archive, chapter_pages, docx, epub, pdf, words

PAGES = {"one": "<p>Text.</p>"}
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
BOMB = f'<?xml version="1.0"?><!DOCTYPE w [{LAUGHS}]>'
SECRET = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'


def encrypted_pdf() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(*chapter_pages(1)))))
    writer.encrypt("secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def encrypted_zip() -> bytes:
    """An archive whose entries say that they are encrypted."""
    data = bytearray(epub(PAGES))
    for mark, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + flags_at] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def zip_bomb() -> bytes:
    """A book of which one page unpacks to thirty megabytes."""
    return epub(PAGES, others={"OPS/one.xhtml": b"<html>" + b" " * 30_000_000})


def wide_zip_bomb() -> bytes:
    """A book whose files unpack to more than a quarter of a gigabyte together."""
    piece = bytes(19_000_000)
    return epub(PAGES, others={f"OPS/{number}.bin": piece for number in range(14)})


def nested_zip() -> bytes:
    return archive({"inner.zip": archive({"inner.epub": epub(PAGES)})})


def pdf_bomb() -> bytes:
    """A page that unpacks to a hundred megabytes, in two steps."""
    packed = zlib.compress(zlib.compress(bytes(100_000_000), 9), 9).decode("latin-1")
    head = f"<< /Length {len(packed)} /Filter [/FlateDecode /FlateDecode] >>"
    stream = f"{head}\nstream\n{packed}\nendstream"
    return pdf([]).replace(b"<< /Length 12 >>\nstream\nBT  ET\nendstream", stream.encode("latin-1"))


HOSTILE = {
    "white space": (b" \n\n ", "a.txt", "holds no text that can be spoken"),
    "only marks": (b"*** --- ***", "a.md", "holds no text that can be spoken"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "a.png", "is no"),
    "gzip": (b"\x1f\x8b\x08" + bytes(range(256)), "a.txt", "is compressed"),
    "an old Word file": (b"\xd0\xcf\x11\xe0" + bytes(600), "a.doc", "save it as DOCX"),
    "RTF": (rb"{\rtf1 Hello}", "a.rtf", "is RTF; save it as DOCX"),
    "text called PDF": (b"Hello.", "a.pdf", "is called .pdf, but is no PDF"),
    "text called EPUB": (b"Hello.", "a.epub", "is called .epub, but is no EPUB"),
    "a zip of nothing": (archive({}), "a.epub", "neither EPUB nor DOCX"),
    "zips in a zip": (nested_zip(), "a.epub", "neither EPUB nor DOCX"),
    "a cut zip": (epub(PAGES)[:-30], "a.epub", "damaged or cut off"),
    "half an EPUB": (epub(PAGES)[:400], "a.epub", "damaged or cut off"),
    "half a DOCX": (docx(words("Hi."))[:900], "a.docx", "damaged or cut off"),
    "encrypted EPUB": (encrypted_zip(), "a.epub", "is encrypted"),
    "encrypted PDF": (encrypted_pdf(), "a.pdf", "is an encrypted PDF"),
    "protected EPUB": (
        epub(
            PAGES,
            others={
                "META-INF/encryption.xml": "<encryption><CipherData>"
                '<CipherReference URI="OPS/one.xhtml"/></CipherData></encryption>'
            },
        ),
        "a.epub",
        "digital rights",
    ),
    "no package": (archive({"META-INF/container.xml": "<container/>"}), "a.epub", "no package"),
    "a missing package": (
        archive({"META-INF/container.xml": '<c><rootfile full-path="gone.opf"/></c>'}),
        "a.epub",
        "it lacks its file 'gone.opf'",
    ),
    "laughs in an EPUB": (
        epub(PAGES, others={"OPS/one.xhtml": f"{BOMB}<html><body>&l9;</body></html>"}),
        "a.epub",
        "declares entities",
    ),
    "laughs in a DOCX": (docx(words("&l9;"), prolog=BOMB), "a.docx", "declares entities"),
    "a file in an EPUB": (
        epub(PAGES, others={"OPS/one.xhtml": f"{SECRET}<html><body>&secret;</body></html>"}),
        "a.epub",
        "declares entities",
    ),
    "a file in a package": (
        epub(PAGES, others={"META-INF/container.xml": f"{SECRET}<c>&secret;</c>"}),
        "a.epub",
        "declares entities",
    ),
    "a file in a DOCX": (docx(words("&secret;"), prolog=SECRET), "a.docx", "declares entities"),
    "a zip bomb": (zip_bomb(), "a.epub", "a file in it of more than"),
    "a wide zip bomb": (wide_zip_bomb(), "a.epub", "unpacks to more than"),
    "too many files": (archive({str(n): b"" for n in range(10_001)}), "a.epub", "10000 files"),
    "a million headings": (b"# a\n\n" * 40_000, "a.md", f"{DOCUMENT_CHAPTERS} chapters"),
    "headings of HTML": (b"<h1>a</h1>" * 300_000, "a.html", "200000 headings"),
    "headings of text": (b"Chapter 1\n\n" * 1_000_000, "a.txt", "200000 headings"),
    "too much text": (b"word " * 1_100_000, "a.txt", "5000000 characters"),
    "deep XML": (
        epub({"one": "<div>" * 100_000 + "x" + "</div>" * 100_000}),
        "a.epub",
        "no text|damaged|deeply",
    ),
    "cues of a hundred hours": (
        b"1\n99:00:00,000 --> 99:00:01,000\nHello.\n",
        "a.srt",
        "more than the 12 hours",
    ),
    "cues of nonsense": (b"WEBVTT\n\n99:99 --> x\n", "a.vtt", "understood|no text"),
    "a PDF of pictures": (pdf([]), "a.pdf", "without a text layer"),
}
BREAKING = {
    "nothing at all": (b"", "a.txt", "is empty; send plain text"),
    "half a PDF": (pdf(*chapter_pages(2))[:700], "a.pdf", "damaged|text layer"),
    "only the head of a PDF": (b"%PDF-1.7\n", "a.pdf", "damaged"),
    "a PDF of noise": (b"%PDF-1.4\n" + random.Random(1).randbytes(20_000), "a.pdf", "damaged"),
    "a PDF bomb": (pdf_bomb(), "a.pdf", "damaged|memory|text layer|too long"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_is_refused(kind: str) -> None:
    """Each says what is wrong with it."""
    data, name, reason = HOSTILE[kind]
    with pytest.raises(Unreadable, match=reason):
        read(data, name, ReadingOptions())


@pytest.mark.parametrize("kind", BREAKING)
def test_what_breaks_a_parser_is_refused(kind: str) -> None:
    """In whatever way a parser ends in its process, the document is refused by its field."""
    data, name, reason = BREAKING[kind]
    with pytest.raises(DocumentUnreadable, match=reason) as refused:
        read_document(data, name)
    assert refused.value.field is Parameter.DOCUMENT
    assert refused.value.message.startswith("document ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_a_slow_document_is_given_up() -> None:
    """A document that takes longer than allowed is refused, and its process ended."""
    with pytest.raises(DocumentUnreadable, match="takes too long to read"):
        read_document(b"Hello.", "a.txt", limits=PARSER._replace(wall_seconds=0.01))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory for certain")
def test_memory_is_bounded() -> None:
    """A document that takes more memory than allowed is refused."""
    few = PARSER._replace(memory_bytes=100_000_000)
    with pytest.raises(DocumentUnreadable, match="more memory"):
        read_document(b"word " * 8_000_000, "a.txt", limits=few)


def test_no_parser_is_left_in_this_process() -> None:
    """What reads documents is in a child, of which nothing stays."""
    code = (
        "import sys; from app.documents.reading import read_document; "
        "print(read_document(b'# Hi', 'a.md').chapters[0].text, "
        "[m for m in ('lxml', 'pypdf', 'mammoth', 'markdown_it', 'pysubs2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.split("\n")[0] == "Hi []"


def test_names_of_files_are_harmless() -> None:
    """A name tells the kind, and nothing else."""
    for name in ("../../etc/passwd.md", "-c.md", "a\0b.md", "\ud800.md"):
        assert read_document(b"# Hi", name).chapters[0].text == "Hi"
