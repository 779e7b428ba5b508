"""This module checks a script and removes its invisible characters."""

from __future__ import annotations

import re
import unicodedata

import regex

from app.errors import InvalidRequest, NoText, NothingToSpeak, Parameter, TooLarge
from app.text.mapped import MappedText

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_LINE_END = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")
_LINE_ENDS = {"\u2029": "\n\n"}
_MAYBE_DECOMPOSED = regex.compile(r"(?=[^\x00-\x7f]|[\x00-\x7f][^\x00-\x7f])\X")
_MAX_MARKS_IN_A_ROW = 30
_TOO_MANY_MARKS = regex.compile(rf"\p{{M}}{{{_MAX_MARKS_IN_A_ROW + 1}}}")


def clean_script(text: MappedText | str, *, max_chars: int) -> MappedText:
    """Check a script and bring it into the one form the splitter expects.

    Invisible format characters (byte order mark, zero-width space, soft hyphen, marks of writing
    direction) are removed, Unicode is normalised to NFC, every line ends with a line feed, and
    outer white space is gone. Words are not changed.

    Args:
        text: as the caller sent it; what is returned maps to it.
        max_chars: the most Unicode code points a script may have, counted as received.

    Raises:
        TooLarge: the script is longer than `max_chars`.
        NothingToSpeak: no word is in it; NoText where nothing is in it at all.
        InvalidRequest: it holds characters no text has.
    """
    if len(text) > max_chars:
        raise TooLarge(
            f"{Parameter.TEXT} has {len(text)} characters; at most {max_chars} are allowed",
            field=Parameter.TEXT,
        )
    source = MappedText.of(text)
    _refuse_broken_characters(source.text)
    visible = source.sub(_INVISIBLE, "")
    _refuse_stacked_marks(visible.text)
    script = _composed(_with_line_feeds(visible)).strip()
    if not script:
        raise NoText(f"{Parameter.TEXT} is empty; send the text to speak", field=Parameter.TEXT)
    if not any(map(str.isalnum, script.text)):
        raise NothingToSpeak(
            f"{Parameter.TEXT} holds nothing that can be spoken: no letter and no digit",
            field=Parameter.TEXT,
        )
    return script


def ends_paragraph(text: str) -> bool:
    """Tell whether a blank line ends a text, before `clean_script` takes it away."""
    tail = text[len(text.rstrip()) :]
    return _with_line_feeds(MappedText(tail)).text.count("\n") >= 2


def _with_line_feeds(text: MappedText) -> MappedText:
    return text.sub(_LINE_END, lambda found: _LINE_ENDS.get(found[0], "\n"))


def _composed(text: MappedText) -> MappedText:
    """Normalise a text to NFC, every grapheme for itself: no composition goes beyond one."""
    if unicodedata.is_normalized("NFC", text.text):
        return text
    return text.sub(_MAYBE_DECOMPOSED, _compose)


def _compose(found: regex.Match[str]) -> str | None:
    composed = unicodedata.normalize("NFC", found[0])
    return None if composed == found[0] else composed


def _refuse_broken_characters(text: str) -> None:
    if found := _SURROGATE.search(text):
        raise InvalidRequest(
            f"{Parameter.TEXT} holds half a surrogate pair, {_where(found)}; "
            "the text was cut or decoded wrongly",
            field=Parameter.TEXT,
        )
    if found := _CONTROL.search(text):
        raise InvalidRequest(
            f"{Parameter.TEXT} holds a control character, {_where(found)}; "
            "only tabs and line breaks are allowed",
            field=Parameter.TEXT,
        )


def _refuse_stacked_marks(text: str) -> None:
    # Normalising sorts the marks on a letter in quadratic time: a megabyte of them takes hours.
    # No language needs more than 30, the limit of Unicode's Stream-Safe Text Format (UAX #15).
    if found := _TOO_MANY_MARKS.search(text):
        raise InvalidRequest(
            f"{Parameter.TEXT} stacks more than {_MAX_MARKS_IN_A_ROW} combining marks, "
            f"from {_where(found)} on",
            field=Parameter.TEXT,
        )


def _where(found: re.Match[str] | regex.Match[str]) -> str:
    return f"U+{ord(found[0][0]):04X} at character {found.start() + 1}"
