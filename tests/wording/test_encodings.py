"""The encoding of a text is told by its bytes as far as they tell it."""

from __future__ import annotations

import codecs
import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wording.encodings import NotText, charset_of, decoded_text, likely_encoding, not_utf8

TEXT = "“Grüße” für euch: 5 €."


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_what_is_found(encoding: str, found: str) -> None:
    """Each encoding that a text editor writes is found, and the text is read."""
    assert decoded_text(TEXT.encode(encoding)) == (TEXT, found)


def test_what_is_given_counts() -> None:
    """A caller who knows the encoding is believed."""
    data = "Grüße".encode("cp850")
    assert decoded_text(data, "cp850") == ("Grüße", "cp850")
    with pytest.raises(NotText, match=r"is not UTF-8 text \(byte 2 is 0x81\)"):
        decoded_text(data, "utf-8")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(b"Hello.", mtime=0), "is compressed (gzip)"),
        (b"BZh91AY\xff", "is compressed (bzip2)"),
        ("Grüße".encode("cp850"), "is not UTF-8 (byte 2 is 0x81), and its bytes do not tell"),
        ("Grüße".encode("cp1252"), "(byte 2 is 0xFC); it seems to be Windows-1252 (cp1252)"),
        ("Grüße".encode("utf-16-le"), "it seems to be UTF-16"),
    ],
)
def test_what_is_said(data: bytes, words: str) -> None:
    """The words name the place, and what the bytes seem to be."""
    assert words in not_utf8(data)


@given(st.text())
def test_utf8_is_never_taken_for_anything_else(text: str) -> None:
    """Whatever is UTF-8 without zeros and marks is read as that."""
    if "\0" not in text and not text.startswith("\ufeff"):
        assert likely_encoding(text.encode()) == "utf-8"


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("application/json; charset=UTF-8", "utf-8"),
        ('multipart/form-data; boundary=x;charset="ISO_8859-1"', "latin-1"),
        ("a/b; charset=Windows-1252; x=y", "cp1252"),
        ("a/b; charset = 'shift_jis'", "cp932"),
        ("a/b", None),
        ("a/b; charset=", None),
        ("a/b; charset=nonsense", None),
        *((f"a/b; charset={name}", None) for name in ("punycode", "idna", "hex", "undefined")),
    ],
)
def test_charsets(content_type: str, charset: str | None) -> None:
    """Those of the web count; Python's other codecs do not, some of which take quadratic time."""
    assert charset_of(content_type) == charset
    assert charset is None or codecs.lookup(charset)


@pytest.mark.parametrize("piece", [";", ' a="', ';charset="', "; charset=x", " ", '\\"'])
def test_long_content_types(piece: str) -> None:
    """The longest header that comes in is read at once."""
    began = time.thread_time()
    charset_of('a/b; a="' + piece * (60_000 // len(piece)))
    assert time.thread_time() - began < 0.1
