"""Reads and writes pronunciations as people write them, one a line: `Nginx = engine X`.

In front of the word may stand, in brackets, the language for which it holds, `case` where capitals
count, and `part` where it may be a part of a longer word: `[en, case] US = U S`. A word that has an
equals sign in it, or begins with a bracket or a number sign, stands in double quotes. A line that
begins with a number sign is a comment.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import NamedTuple

from app.errors import shortened
from app.lexicon import LANGUAGES, MAX_PRONUNCIATIONS, Pronunciation, checked

_LINE = re.compile(
    r"""\s*(?:\[(?P<options>[^\]]*)\]\s*)?
    (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^="\[#][^=]*|"[^=]*))
    \s*=(?P<spoken>.*)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)")
_MOST_TOLD = 5


class LineError(Exception):
    """Says in one line what is wrong with some lines, each with its number."""

    def __init__(self, wrong: Iterable[tuple[int, str]]) -> None:
        self.wrong = tuple(wrong)
        told = [f"line {number}: {reason}" for number, reason in self.wrong[:_MOST_TOLD]]
        if len(self.wrong) > _MOST_TOLD:
            told.append(f"and {len(self.wrong) - _MOST_TOLD} more lines")
        super().__init__("; ".join(told))


class Line(NamedTuple):
    """Holds a line as it was written, and what it says; None for a comment or an empty one."""

    text: str
    pronunciation: Pronunciation | None


def text_of(data: bytes) -> str:
    """Read the text of a file, which is UTF-8, or UTF-16 with a byte order mark.

    Raises:
        LineError: it is neither.
    """
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LineError([(line, f"it is not {'UTF-16' if marked else 'UTF-8'}")]) from None


def read_pronunciation(text: str) -> Pronunciation:
    """Read one pronunciation such as `Nginx = engine X`.

    Raises:
        ValueError: it is none; the message says why.
    """
    found = _LINE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{shortened(text.strip(), 60)!r} is not of the form: word = what is spoken"
        )
    written = found["plain"]
    if found["quoted"] is not None:
        written = _ESCAPED.sub(r"\1", found["quoted"])
    language, case_sensitive, whole_words = None, False, True
    for option in filter(None, re.split(r"[,\s]+", found["options"] or "")):
        match option.lower():
            case "case":
                case_sensitive = True
            case "part":
                whole_words = False
            case code if code in LANGUAGES and language in (None, code):
                language = code
            case _:
                raise ValueError(
                    f"{shortened(option, 40)!r} cannot stand in the brackets; case, part and one "
                    f"of {', '.join(LANGUAGES)} can"
                )
    return checked(Pronunciation(written, found["spoken"], language, case_sensitive, whole_words))


def written_pronunciation(pronunciation: Pronunciation) -> str:
    """Write a pronunciation so that `read_pronunciation` reads the same."""
    written, spoken, language, case_sensitive, whole_words = pronunciation
    if "=" in written or written[0] in '"[#':
        escaped = re.sub(r'(["\\])', r"\\\1", written)
        written = f'"{escaped}"'
    options = [
        *([language] if language else []),
        *(["case"] if case_sensitive else []),
        *([] if whole_words else ["part"]),
    ]
    before = f"[{', '.join(options)}] " if options else ""
    return f"{before}{written} = {spoken}"


def read_lines(text: str) -> list[Line]:
    """Read a whole file.

    Raises:
        LineError: some lines are wrong, or say the same as others.
    """
    lines: list[Line] = []
    wrong: list[tuple[int, str]] = []
    known: dict[tuple[object, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        pronunciation = None
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                pronunciation = read_pronunciation(line)
            except ValueError as error:
                wrong.append((number, str(error)))
                continue
            first = known.setdefault(pronunciation.key, number)
            if first != number:
                shown = shortened(pronunciation.written, 40)
                wrong.append((number, f"{shown!r} is there already, in line {first}"))
        lines.append(Line(line, pronunciation))
        if len(known) > MAX_PRONUNCIATIONS:
            wrong.append((number, f"there are more than the {MAX_PRONUNCIATIONS} allowed"))
            break
    if wrong:
        raise LineError(wrong)
    return lines


def pronunciations_of(lines: Iterable[Line]) -> list[Pronunciation]:
    """Return what lines say, in order."""
    return [line.pronunciation for line in lines if line.pronunciation is not None]
