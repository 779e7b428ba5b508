"""This module says telephone numbers digit by digit, with commas between the groups."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import spell_digits
from app.text.normalisation.rules import Rule, rule

_GROUP = re.compile(r"\d+")
_NUMBERS = re.compile(r"\d+")
_NOT_INSIDE = r"(?<![\w$€£¥/])(?<![.,:+-])"
_NOT_GOING_ON = r"(?![\w/]|[-.,:]\d)"


def say_telephone(written: str) -> str:
    """Say the digits one by one, groups parted by commas; "+" is "plus"."""
    groups = [spell_digits(group) for group in _GROUP.findall(written)]
    spoken = ", ".join(groups)
    return f"plus {spoken}" if written.lstrip(" (").startswith("+") else spoken


def _say_if_long(found: re.Match[str]) -> str | None:
    digits = sum(char.isdigit() for char in found[0])
    return say_telephone(found[0]) if digits >= 7 else None


def _after_verb(found: re.Match[str]) -> str:
    return _NUMBERS.sub(lambda digits: spell_digits(digits[0]), found[0])


def _with_words(found: re.Match[str]) -> str:
    return f"{say_telephone(found[1])}, {found[2].replace('-', ' ')}"


TELEPHONES: tuple[Rule, ...] = (
    rule(
        r"(?<!\w)(?:call|dial|phone|ring|text)(?:s|l?ed|l?ing)?(?: (?:on|up))? "
        r"\d{3,15}(?: \d{3,6}){0,3}(?:(?:,? or |,? and |, |/)\d{3,15}(?!\d)){0,4}"
        r"(?![\w$€£%]|[-.,:/]\d| (?:people|[a-z]{3,30}s)(?!\w))",
        _after_verb,
        flags=re.IGNORECASE,
    ),
    rule(
        rf"{_NOT_INSIDE}(1[ .-]\d{{3}}|8\d\d)[ .-]"
        r"([A-Z]{2,10}(?:-[A-Z]{2,10}){0,2})(?![\w-])",
        _with_words,
        needs="-.",
    ),
    rule(
        rf"(?<![\w+])\+\d{{1,3}}(?:[ .-]?\(?\d{{1,6}}\)?){{2,6}}{_NOT_GOING_ON}",
        _say_if_long,
        needs="+",
    ),
    rule(
        rf"{_NOT_INSIDE}(?:1[ .-])?\(\d{{2,5}}\)[ -]?\d{{3,4}}[ .-]\d{{3,4}}{_NOT_GOING_ON}",
        _say_if_long,
        needs=" .-(",
    ),
    rule(
        rf"{_NOT_INSIDE}(?:1[ .-])?\d{{3}}([ .-])\d{{3}}\1\d{{4}}{_NOT_GOING_ON}",
        _say_if_long,
        needs=" .-(",
    ),
    rule(
        rf"{_NOT_INSIDE}0\d{{1,4}}[ -]\d{{3,4}}[ -]\d{{3,4}}{_NOT_GOING_ON}",
        _say_if_long,
        needs=" .-(",
    ),
    rule(rf"{_NOT_INSIDE}0\d(?:[ .]\d\d){{4}}{_NOT_GOING_ON}", _say_if_long, needs=" .-("),
    rule(
        rf"{_NOT_INSIDE}\d{{4}}([ -])\d{{4}}\1\d{{4}}(?:\1\d{{1,4}})?{_NOT_GOING_ON}",
        _say_if_long,
        needs=" .-(",
    ),
    rule(rf"{_NOT_INSIDE}\d{{3}}-\d{{2}}-\d{{4}}{_NOT_GOING_ON}", _say_if_long, needs=" .-("),
    rule(rf"{_NOT_INSIDE}\d{{3}}-\d{{4}}{_NOT_GOING_ON}", _say_if_long, needs=" .-("),
)
