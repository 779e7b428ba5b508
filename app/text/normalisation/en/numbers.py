"""This module says English numbers, given in digits as they are written."""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import num2words  # type: ignore[import-untyped]

from app.text.mapped import MappedText
from app.text.normalisation.numerals import MAX_DIGITS
from app.text.normalisation.rules import apply_rules, rule

_LAKHS = r"\d{1,2}(?:,\d{2}){1,6},\d{3}(?!,?\d)"
INTEGER = rf"(?:\d{{1,3}}(?:,\d{{3}}){{1,11}}(?!\d)|{_LAKHS}|\d{{1,36}})"
NUMBER = rf"(?:{INTEGER}(?:\.\d{{1,36}})?|\.\d{{1,36}})"
"""This regular expression matches a number without sign: "7", "1,234", "3.14", ".5"."""

_GROUPED_IN_LAKHS = re.compile(_LAKHS)
_SCALES = (
    "",
    "thousand",
    "million",
    "billion",
    "trillion",
    "quadrillion",
    "quintillion",
    "sextillion",
    "septillion",
    "octillion",
    "nonillion",
    "decillion",
)
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@lru_cache(maxsize=1000)
def _below_thousand(value: int) -> str:
    return str(num2words(value, lang="en"))


def cardinal(digits: str) -> str:
    """Say an integer: "1,234" gives "one thousand two hundred and thirty-four".

    Args:
        digits: ASCII digits, thousands separators allowed; those of India, "12,34,567", make
            lakhs and crores of it.
    """
    if _GROUPED_IN_LAKHS.fullmatch(digits):
        return _in_lakhs(digits.replace(",", ""))
    digits = digits.replace(",", "").lstrip("0") or "0"
    if len(digits) > MAX_DIGITS:
        return spell_digits(digits)
    if digits == "0":
        return "zero"
    words: list[str] = []
    groups = -(-len(digits) // 3)
    for index in range(groups - 1, -1, -1):
        end = len(digits) - 3 * index
        group = int(digits[max(0, end - 3) : end])
        if group:
            if index == 0 and words and group < 100:
                words.append("and")
            words.append(_below_thousand(group))
            if index:
                words.append(_SCALES[index])
    return " ".join(words)


def _in_lakhs(digits: str) -> str:
    parts = ((digits[:-7], "crore"), (digits[-7:-5], "lakh"), (digits[-5:], ""))
    spoken = [f"{cardinal(part)} {name}" for part, name in parts if part.strip("0")]
    if int(digits[-5:]) and int(digits[-5:]) < 100:
        spoken.insert(-1, "and")
    return " ".join(spoken).rstrip()


def ordinal(digits: str) -> str:
    """Say a position: "22" gives "twenty-second"."""
    digits = digits.replace(",", "")
    if len(digits) > MAX_DIGITS:
        return spell_digits(digits)
    return _ordinal_in_words(int(digits))


@lru_cache(maxsize=4096)
def _ordinal_in_words(value: int) -> str:
    return str(num2words(value, lang="en", to="ordinal")).replace(",", "")


def spell_digits(digits: str) -> str:
    """Say digit by digit: "007" gives "zero zero seven"; what is no digit is left out."""
    return " ".join(_DIGITS[int(digit)] for digit in digits if digit.isdecimal())


_LONG_NUMBER = rule(rf"\d{{{MAX_DIGITS + 1},}}", lambda found: spell_digits(found[0]))


def spell_long_numbers(text: MappedText) -> MappedText:
    """Say numbers of more than 36 digits one by one, so that later rules need not match them."""
    return apply_rules(text, (_LONG_NUMBER,))


def number(written: str) -> str:
    """Say a number without sign, as `NUMBER` matches it.

    Leading zeros are read out, as they are what tells a code from a count.
    """
    whole, point, decimals = written.partition(".")
    if not whole:
        return f"point {spell_digits(decimals)}"
    if len(whole) > 1 and whole[0] == "0":
        spoken = spell_digits(whole)
    elif len(whole) >= 13 and "," not in whole and not whole.endswith("000000"):
        # A count is not written like this: it is a card, an account or a serial number.
        spoken = spell_digits(whole)
    else:
        spoken = cardinal(whole)
    return f"{spoken} point {spell_digits(decimals)}" if point else spoken


@lru_cache(maxsize=4096)
def year(value: int) -> str:
    """Say a year: 1984 gives "nineteen eighty-four", 1905 "nineteen oh five"."""
    if 2000 <= value < 2010 or not 1000 <= value < 10_000 or value % 1000 == 0:
        return cardinal(str(value))
    century, rest = divmod(value, 100)
    if rest == 0:
        return f"{_below_thousand(century)} hundred"
    if rest < 10:
        return f"{_below_thousand(century)} oh {_DIGITS[rest]}"
    return f"{_below_thousand(century)} {_below_thousand(rest)}"


def pairs(digits: str) -> str:
    """Say three or four digits as in names of things: "747" is "seven forty-seven"."""
    head, tail = digits[:-2], digits[-2:]
    if digits[0] == "0":
        return spell_digits(digits)
    if tail == "00":
        return (
            cardinal(digits)
            if len(head) == 1 or head.endswith("0")
            else f"{cardinal(head)} hundred"
        )
    if tail[0] == "0":
        return f"{cardinal(head)} oh {_DIGITS[int(tail[1])]}"
    return f"{cardinal(head)} {cardinal(tail)}"


def is_one(written: str) -> bool:
    """Tell whether a unit after this number is in the singular."""
    return written == "1"


def plural_of(spoken: str) -> str:
    """Form the plural of a number in words: "eighty" gives "eighties"."""
    return (
        spoken[:-1] + "ies"
        if spoken.endswith("y")
        else spoken + ("es" if spoken.endswith("x") else "s")
    )
