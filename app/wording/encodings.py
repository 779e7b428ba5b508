"""Finds out in which encoding bytes that should be UTF-8 text were really written."""

from __future__ import annotations

import codecs
import re
from types import MappingProxyType
from typing import NamedTuple

# UTF-32 comes first, as its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKINGS = MappingProxyType(
    {
        b"\x1f\x8b": "gzip",
        b"\x28\xb5\x2f\xfd": "zstd",
        b"BZh": "bzip2",
        b"PK\x03\x04": "zip",
        b"\x78\x01": "deflate",
        b"\x78\x9c": "deflate",
        b"\x78\xda": "deflate",
    }
)
_TITLES = MappingProxyType({"cp1252": "Windows-1252 (cp1252)"})
_CHARSETS = MappingProxyType(
    {
        name: python
        for python, names in {
            "utf-8": ("utf-8", "utf8", "us-ascii", "ascii"),
            "utf-16": ("utf-16", "utf16"),
            "utf-16-le": ("utf-16le", "utf-16-le"),
            "utf-16-be": ("utf-16be", "utf-16-be"),
            "utf-32": ("utf-32", "utf32"),
            "utf-32-le": ("utf-32le", "utf-32-le"),
            "utf-32-be": ("utf-32be", "utf-32-be"),
            "gb18030": ("gb18030", "gb2312", "gbk"),
            "cp932": ("shift-jis", "sjis", "windows-31j"),
            **{each: (each,) for each in ("big5", "euc-jp", "euc-kr", "iso-2022-jp", "koi8-r")},
            **{f"cp125{each}": (f"windows-125{each}", f"cp125{each}") for each in range(9)},
            "latin-1": ("latin-1", "latin1", "iso-8859-1"),
            **{f"iso8859-{each}": (f"iso-8859-{each}",) for each in range(2, 17) if each != 12},
        }.items()
        for name in names
    }
)
"""Charsets that the web knows, with Python's names of them. Python knows others that take quadratic
time, such as punycode, or are no charsets, and remembers each unknown name for ever."""
# The email package parses a header of 60 kB for two seconds.
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([\w.-]{1,40})""", re.IGNORECASE)
_LOOKED_AT_BYTES = 4096
_FEWEST_BYTES = 4


class NotText(Exception):
    """Says why bytes cannot be read as text, in words that follow the name of their source."""


class DecodedText(NamedTuple):
    """Holds text, and Python's name of the encoding in which it was written."""

    text: str
    encoding: str


def decoded_text(data: bytes, encoding: str | None = None) -> DecodedText:
    """Read text in an encoding that is given, or that its bytes tell.

    Without a mark and zeros that tell more, text is UTF-8, or else what western editions of
    Windows write.

    Args:
        encoding: Python's name of the encoding; None to find it out.

    Raises:
        NotText: it is compressed, or no text in that encoding.
    """
    if encoding is None:
        encoding = likely_encoding(data)
        if encoding is None:
            raise NotText(not_utf8(data))
    try:
        return DecodedText(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        raise NotText(f"is not {_title(encoding)} text ({_place(data, error)})") from None


def charset_of(content_type: str) -> str | None:
    """Return Python's name of the charset in a Content-Type; None if none is named that is read."""
    named = _CHARSET.search(content_type)
    return None if named is None else _CHARSETS.get(named[1].lower().replace("_", "-"))


def likely_encoding(data: bytes) -> str | None:
    """Return Python's name of the encoding in which a text was written; None if it is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if len(data) % 2 == 0 and len(data) >= _FEWEST_BYTES:
        encoding_with_zeros = _encoding_with_zeros(data[:_LOOKED_AT_BYTES])
        if encoding_with_zeros is not None:
            return encoding_with_zeros
    if _can_be("utf-8", data):
        return "utf-8"
    return "cp1252" if _packing_of(data) is None and _can_be("cp1252", data) else None


def not_utf8(data: bytes) -> str:
    """Say what bytes are that cannot be read as UTF-8, in words that follow their source's name."""
    if (packing := _packing_of(data)) is not None:
        return f"is compressed ({packing})"
    place = ""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place = f" ({_place(data, error)})"
    encoding = likely_encoding(data)
    if encoding is None:
        return f"is not UTF-8{place}, and its bytes do not tell in which encoding it is"
    return f"is not UTF-8{place}; it seems to be {_title(encoding)}"


def _can_be(encoding: str, data: bytes) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _encoding_with_zeros(start: bytes) -> str | None:
    """Recognise UTF-16 without a mark: every other byte of it is zero in Latin letters."""
    pairs = len(start) // 2
    first, second = start[: 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if first == 0 and second > pairs // 2:
        return "utf-16-le"
    if second == 0 and first > pairs // 2:
        return "utf-16-be"
    return None


def _packing_of(data: bytes) -> str | None:
    return next((name for start, name in _PACKINGS.items() if data.startswith(start)), None)


def _place(data: bytes, error: UnicodeDecodeError) -> str:
    return f"byte {error.start} is 0x{data[error.start]:02X}"


def _title(encoding: str) -> str:
    name = encoding.lower().removesuffix("-le").removesuffix("-be").removesuffix("-sig")
    return _TITLES.get(name, name.upper())
