"""This module says telephone numbers digit by digit, with commas between the groups."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import spell_digits
from app.text.normalisation.rules import Rule, rule

_GROUP = re.compile(r"\d+")
_NUMBERS = re.compile(r"\d+")
_LINKS = frozenset(("then", "by", "with", "followed", "and", "or"))
_NOT_INSIDE = r"(?<![\w$€£¥/])(?<![.,:+-])"
_NOT_GOING_ON = (
    r"(?:,?[ ]?(?:[xX]|[Ee]xt(?:ension|\.)?)\.?[ ]?(?P<extension>\d{1,6}))?(?![\w/]|[-.,:]\d)"
)


def say_telephone(written: str) -> str:
    """Say the digits one by one, groups parted by commas; "+" is "plus"."""
    groups = [spell_digits(group) for group in _GROUP.findall(written)]
    spoken = ", ".join(groups)
    return f"plus {spoken}" if written.lstrip(" (").startswith("+") else spoken


def _say_if_long(found: re.Match[str]) -> str | None:
    extension = found["extension"]
    written = found[0]
    if extension:
        written = found.string[found.start() : found.start("extension")]
    if sum(char.isdigit() for char in written) < 7:
        return None
    spoken = say_telephone(written)
    return f"{spoken}, extension {spell_digits(extension)}" if extension else spoken


def _after_verb(found: re.Match[str]) -> str:
    return _NUMBERS.sub(lambda digits: spell_digits(digits[0]), found[0])


def _say_keys(found: re.Match[str]) -> str | None:
    if found[1].split()[0].lower() in _LINKS and not found[2].startswith("*"):
        return None
    if found[2][0] == "#" and len(found[2]) > 1 and "*" not in found[2]:
        return None
    names = {"*": "star", "#": "hash"}
    keys = (names.get(char) or spell_digits(char) for char in found[2])
    return found[1] + " ".join(keys)


def _with_words(found: re.Match[str]) -> str:
    return f"{say_telephone(found[1])}, {found[2].replace('-', ' ')}"


KEYS: tuple[Rule, ...] = (
    rule(
        r"(?<!\w)((?:press|dial|hit|tap|push|enter|type|call|key|button|then|by|with|followed by"
        r"|and|or)"
        r"(?: the)? [\"'(]?)((?:[*#]\d{0,12}){1,6})(?![\w*])",
        _say_keys,
        needs="*#",
        flags=re.IGNORECASE,
    ),
    rule(r"(?<=[\"'(])\*(?=[\"')])", "star", needs="*"),
    rule(r"(?<=, )\*(?=,? (?:or|and)(?!\w))", "star", needs="*"),
    rule(r"(?<=the )\*(?= (?:key|sign|button|symbol)(?!\w))", "star", needs="*"),
)
"""These say keys of a telephone: "press *", "dial *#06#"."""
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
    rule(
        rf"{_NOT_INSIDE}(?:0\d{{3,4}}[ -]\d{{6}}|1[38]00 \d{{3}} \d{{3}}){_NOT_GOING_ON}",
        _say_if_long,
        needs=" -",
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
