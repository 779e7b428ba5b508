"""This module says times of day in English."""

from __future__ import annotations

import re

from app.text.normalisation.en.abbreviations import ends_sentence
from app.text.normalisation.en.numbers import cardinal
from app.text.normalisation.rules import Rule, rule

_HALF = r"(?: ?([AaPp])(?:\.[ ]?[Mm]\.?|[Mm](?![\w])|(?<=[AP]) M(?!\w)))"
_CLOCK = r"([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,6}|,\d{3})?)?"


def say_time(hour: int, minute: int, second: int | None, half: str) -> str:
    """Say a time of day.

    Args:
        hour: 0 to 24.
        minute: 0 to 59.
        second: 0 to 59, or None where it is not given.
        half: "A M", "P M", or nothing.
    """
    spoken = cardinal(str(hour))
    if minute:
        spoken += f" oh {cardinal(str(minute))}" if minute < 10 else f" {cardinal(str(minute))}"
    elif not half:
        spoken += " o'clock" if 1 <= hour <= 12 else " hundred"
        spoken += " hours" if second and spoken.endswith("hundred") else ""
    if second:
        spoken += f" and {cardinal(str(second))} second{'s' if second != 1 else ''}"
    return f"{spoken} {half}" if half else spoken


def _half(letter: str) -> str:
    return f"{letter.upper()} M"


def _clock(found: re.Match[str]) -> str | None:
    half = _half(found[4]) if found[4] else ""
    second = int(found[3]) if found[3] else None
    spoken = say_time(int(found[1]), int(found[2]), second, half)
    return spoken + ("." if half and ends_sentence(found, "p.m") else "")


def _dotted_time(found: re.Match[str]) -> str:
    spoken = say_time(int(found[1]), int(found[2]), None, _half(found[3]))
    return spoken + ("." if ends_sentence(found, "p.m") else "")


def _duration(found: re.Match[str]) -> str | None:
    """Say "1h30m" or "2m 20s" in full, which need two parts at least."""
    counts = [(found[name], name) for name in _DURATION_PARTS if found[name]]
    if len(counts) < 2:
        return None
    return " ".join(
        f"{cardinal(count)} {name}{'' if count.lstrip('0') == '1' else 's'}"
        for count, name in counts
    )


def _hours(found: re.Match[str]) -> str:
    return f"{cardinal(found[1])} {_half(found[2])}" + ("." if ends_sentence(found, "p.m") else "")


_DURATION_PARTS = ("day", "hour", "minute", "second")
_NOT_BEFORE = r"(?<![\w:.,/$€£¥])(?<!\d-)"
HALF_DAYS: tuple[Rule, ...] = (
    rule(
        r"(?<![\w.])([AaPp])\.? ?[Mm]\.? ?[-–—] ?(?=\d)",
        lambda found: f"{_half(found[1])} to ",
        needs="-–—",
    ),
    rule(
        r"(?<![\w.])([AaPp])\.[ ]?[Mm]\.",
        lambda found: _half(found[1]) + ("." if ends_sentence(found, "p.m") else ""),
        needs=".",
    ),
)
TIMES: tuple[Rule, ...] = (
    rule(
        r"(?<![\w.,:/-])(?=\d{1,4} ?(?:d|h|hr|hrs|m|min|mins)(?: ?)\d)(?:(?P<day>\d{1,4}) ?d(?: |"
        r"(?=\d))?)?"
        r"(?:(?P<hour>\d{1,4}) ?(?:hrs?|h)(?: |(?=\d))?)?"
        r"(?:(?P<minute>\d{1,4}) ?(?:(?:mins?|m)(?!\w| ?\d{1,4} ?c?m(?!\w))|(?:mins?|m)(?="
        r" ?\d{1,4} ?s)|(?<=[hr]\d\d)(?!\w))"
        r"(?: (?=\d)|(?=\d))?)?"
        r"(?:(?P<second>\d{1,4}) ?(?:secs?|s))?(?<! )(?![\w:]|[.,]\d)",
        _duration,
        needs="dhm",
    ),
    rule(
        rf"(?<![\w:.,/$€£¥])(1[0-2]|0?[1-9])\.([0-5]\d){_HALF}(?!\w)",
        _dotted_time,
        needs=".",
    ),
    rule(r"(?<!\w)(noon|midnight) ?[-–—] ?(?=\d)", lambda found: f"{found[1]} to ", needs="-–—"),
    rule(r"(?<!\w)(GMT|UTC) ?[-−–](?=\d)", lambda found: f"{found[1]} minus ", needs="-−–"),
    # A range of times, "9am-5pm" or "5:30–6:30", is parted before its times are said.
    rule(
        r"(?<![\d:.,/])(\d{1,2}(?::[0-5]\d)?(?: ?[AaPp]\.?[Mm]\.?)?) ?[-–—] ?"
        r"(?=\d{1,2}(?::[0-5]\d)(?!\d)|\d{1,2}(?::[0-5]\d)? ?[AaPp]\.? ?[Mm](?!\w))",
        lambda found: f"{found[1]} to ",
        needs="-–—",
    ),
    rule(rf"{_NOT_BEFORE}{_CLOCK}{_HALF}?Z?(?: ?h(?!\w))?(?![\w:])(?!\.\d)", _clock, needs=":"),
    rule(rf"(?<![\w:.,/$€£¥])(1[0-2]|0?[1-9]){_HALF}(?!\w)", _hours),
    rule(
        r"(?<![\w:.,])(\d{1,3}):(\d{1,3}(?:,\d{3}){1,3}|\d{1,7})(?![\w:]|[.,]\d)",
        lambda found: f"{cardinal(found[1])} to {cardinal(found[2])}",
        needs=":",
    ),
)
