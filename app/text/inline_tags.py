"""This module finds tags inside running text: `[pause 0.5s]`, and those of other systems.

Every pattern looks at a bounded stretch after an opening bracket, or no further than the next
one, so the time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from app.errors import InvalidRequest, Parameter
from app.text.foreign_tags import MEDIUM_PAUSE_SECONDS, Bracket, foreign_pause

MAX_PAUSE_SECONDS = 30.0
"""No pause may last longer than this."""

_MAX_QUOTED_CHARS = 80
"""An error quotes at most this much of a tag."""

_TAG = re.compile(
    # A pause that is written wrongly, however long, must be refused rather than spoken.
    r"\[(?P<PAUSE>[^\S\n]*(?i:pause)(?![\w-])[^\[\]\n]*)\]"
    r"|\[(?P<SQUARE>[^\[\]\n]{1,80})\]"
    r"|\((?P<ROUND>[^()\[\]<>*\n]{1,40})\)"
    r"|<\|(?P<ANGLE_BAR>[^|<>\n]{1,80})\|>"
    r"|<(?P<ANGLE>/?[A-Za-z][\w -]{0,40}/?)>"
    r"|(?<![\w*])\*(?P<STARS>[A-Za-z][A-Za-z ]{2,30})\*(?![\w*])"
)
_PAUSE = re.compile(r"pause(?![\w-])(?P<sign>[\s:=]*)(?P<time>.*)", re.IGNORECASE)
# What follows "pause" is meant as a time; other words, as in "[pause for applause]", are prose.
_LIKE_A_TIME = re.compile(r"[-+.,]?\d")
_TIME = re.compile(r"\+?(?P<number>[0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})\s?(?P<unit>m?s)")


class InlineTag(NamedTuple):
    """Marks `text[start:end]` as unspoken, with the seconds of silence in its place, often 0."""

    start: int
    end: int
    pause_seconds: float


def find_inline_tags(text: str, *, where: Callable[[int], str]) -> Iterator[InlineTag]:
    """Yield the tags in a text, from left to right.

    Args:
        text: running text.
        where: says in words where the character of an index stands, for errors.

    Raises:
        InvalidRequest: a pause is malformed or too long.
    """
    for found in _TAG.finditer(text):
        kind = str(found.lastgroup)
        if is_quoted(text, found):
            continue
        pause = _PAUSE.fullmatch(found[kind].strip()) if kind == "PAUSE" else None
        if pause is not None and not _means_a_time(pause):
            continue
        if pause is None:
            seconds = foreign_pause(found[kind], Bracket[kind])
        else:
            seconds = _read_pause(found[0], pause["time"], where(found.start()))
        if seconds is not None:
            yield InlineTag(found.start(), found.end(), seconds)


def is_quoted(text: str, tag: re.Match[str]) -> bool:
    """Tell whether a tag stands in backticks, as one that is only talked about."""
    before, after = tag.start() - 1, tag.end()
    return text[max(0, before) : before + 1] == "`" and text[after : after + 1] == "`"


def is_inline_tag(inner: str) -> bool:
    """Tell whether square brackets around these words make a tag, or begin like a pause."""
    if _PAUSE.fullmatch(inner.strip()):
        return True
    return foreign_pause(inner, Bracket.SQUARE) is not None


def parse_seconds(time: str) -> float | None:
    """Read the seconds of a time such as "0.5s" or "500ms"; None where it is no time."""
    found = _TIME.fullmatch(time.strip().lower())
    if found is None:
        return None
    return float(found["number"]) / (1000 if found["unit"] == "ms" else 1)


def _means_a_time(pause: re.Match[str]) -> bool:
    """Tell whether a pause says nothing more, or a time, be it written wrongly."""
    if not pause["time"] or _LIKE_A_TIME.match(pause["time"]):
        return True
    return not pause["sign"].isspace()


def _read_pause(tag: str, time: str, where: str) -> float:
    seconds = parse_seconds(time) if time else MEDIUM_PAUSE_SECONDS
    if len(tag) > _MAX_QUOTED_CHARS:
        tag = f"{tag[:_MAX_QUOTED_CHARS]}…]"
    if seconds is None:
        raise InvalidRequest(
            f"{tag} {where} of {Parameter.TEXT} is not a pause; write a time with its unit, "
            "such as [pause 0.5s] or [pause 500ms]",
            field=Parameter.TEXT,
        )
    if seconds > MAX_PAUSE_SECONDS:
        raise InvalidRequest(
            f"{tag} {where} of {Parameter.TEXT} is too long; a pause lasts from 0 to "
            f"{MAX_PAUSE_SECONDS:.0f} seconds",
            field=Parameter.TEXT,
        )
    return seconds
