"""This module says fractions, ranges, powers, sums, codes and plain numbers in English."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import (
    NUMBER,
    cardinal,
    number,
    ordinal,
    pairs,
    spell_digits,
)
from app.text.normalisation.en.shares import SHARES
from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.substances import is_chemical

_OPERATORS = {
    "+": "plus", "-": "minus", "−": "minus", "–": "minus", "*": "times", "×": "times", "·": "times",
    "x": "times", "/": "divided by", "÷": "divided by", "^": "to the power of",
}  # fmt: skip
_COMPARISONS = {
    "=": "equals", "==": "equals", "<": "is less than", ">": "is greater than", "≤": "is at most",
    "<=": "is at most", "≥": "is at least", ">=": "is at least", "≠": "is not equal to",
    "!=": "is not equal to", "≈": "is about",
}  # fmt: skip
_KNOWN_PAIRS = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty-fifty",
    "20/20": "twenty-twenty", "60/40": "sixty-forty", "80/20": "eighty-twenty",
}  # fmt: skip
_DENOMINATORS = frozenset((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 25, 32, 50, 64, 100, 1000))
_SUM = re.compile(rf"{NUMBER}|[<>=!]=|\S")


def say_fraction(numerator: str, denominator: str) -> str:
    """Say a fraction: ("3", "4") gives "three quarters", ("1", "37") "one over thirty-seven"."""
    above, below = int(numerator), int(denominator)
    if below not in _DENOMINATORS or above >= 100:
        return f"{cardinal(numerator)} over {cardinal(denominator)}"
    if below == 2:
        name = "half" if above == 1 else "halves"
    else:
        name = "quarter" if below == 4 else ordinal(denominator)
        name += "" if above == 1 else "s"
    return f"{cardinal(numerator)} {name}"


def say_mixed(whole: str, numerator: str, denominator: str) -> str:
    """Say a whole and a fraction: ("3", "1", "2") gives "three and a half"."""
    part = say_fraction(numerator, denominator)
    part = f"a {part[4:]}" if part.startswith("one ") else part
    return f"{number(whole)} and {part}"


def _mixed_fraction(found: re.Match[str]) -> str:
    return say_mixed(found[1], found[2], found[3])


def _slashed(found: re.Match[str]) -> str | None:
    return _KNOWN_PAIRS.get(found[0]) or say_fraction(found[1], found[2])


def say_power(exponent: str) -> str:
    """Say what follows a base: "2" gives "squared"."""
    if exponent in {"2", "3"}:
        return "squared" if exponent == "2" else "cubed"
    sign = "minus " if exponent[0] in "-−" else ""
    return f"to the power of {sign}{number(exponent.lstrip('+-−'))}"


_COPULA = re.compile(r"(?<!\w)(?:is|are|was|were|be) \Z", re.IGNORECASE)


def _sum(found: re.Match[str]) -> str:
    words: list[str] = []
    has_verb = _COPULA.search(found.string[max(0, found.start() - 6) : found.start()])
    for part in _SUM.findall(found[0]):
        if part[0].isdigit() or (part[0] == "." and len(part) > 1):
            words.append(number(part))
        else:
            words.append(_OPERATORS.get(part) or _COMPARISONS.get(part, part))
            if has_verb:
                words[-1] = words[-1].removeprefix("is ")
    return " ".join(words)


def _number_range(found: re.Match[str]) -> str:
    return f"{number(found[1])} to {number(found[2])}"


def _hyphenated(found: re.Match[str]) -> str:
    return " ".join(
        spell_digits(each) if len(each) > 2 else number(each) for each in found[0].split("-")
    )


def _code(found: re.Match[str]) -> str | None:
    """Say a name made of letters and digits: "MP3", "A1B2", "COVID-19"."""
    parts = re.findall(r"\d+|[^\W\d_]+", found[0])
    digits = [part for part in parts if part.isdigit()]
    if not digits:
        return None
    one_by_one = any(len(part) > 4 for part in digits) or (
        len(parts) > 3 and not is_chemical(found[0])
    )
    words: list[str] = []
    for part in parts:
        if part.isdigit():
            words.append(_code_digits(part, one_by_one=one_by_one))
        elif part.isupper() and part.isascii() and len(part) <= (4 if one_by_one else 3):
            words.append(" ".join(part))
        else:
            words.append(part)
    return " ".join(words)


def _code_digits(digits: str, *, one_by_one: bool) -> str:
    if digits[0] == "0" or one_by_one:
        return spell_digits(digits)
    return cardinal(digits) if len(digits) <= 2 else pairs(digits)


LETTERS: tuple[Rule, ...] = (
    # Letters side by side are a product: "mc^2".
    rule(
        r"(?<!\w)(?!\d{0,4}(?:km|cm|mm|ft|mi|in|yd|nm|ms|ns|hr)\^)(\d{0,4})([a-zA-Z])([a-z])(?=\^[-\d(])",
        lambda found: f"{found[1]} {found[2]} {found[3]}".lstrip(),
        needs="^",
    ),
    rule(r"(?<=\d) ?[xX] ?(?=10\^)", " times ", needs="xX"),
    rule(
        r"(?<=(?<![\w'])[A-Za-z]) ?([<>≤≥≠]|[<>!=]=) ?(?=[A-Za-z](?!\w))",
        lambda found: f" {_COMPARISONS[found[1]]} ",
        needs="<>≤≥≠=",
    ),
    rule(
        r"(?:(?<=\d)|(?<=(?<![\w'])[A-Za-z])|(?<=\)))"
        r"\^(?P<open>\()?([A-Za-z])(?!\w)(?(open)\))",
        lambda found: f" to the power of {found[2]}",
        needs="^",
    ),
    # In code these stand between whole names.
    rule(
        r"(?<=[\w)\]]) ?([<>!=]=)=? ?(?=[-\w(\"'])",
        lambda found: f" {_COMPARISONS[found[1]]} ",
        needs="=",
    ),
    rule(r"(?<=(?<![\w'])[A-Za-z])( ?)\*\1(?=[A-Za-z](?!\w))", " times ", needs="*"),
)
"""These say relations of letters that stand for numbers: "x > y", "x^n"."""

_OPERAND = rf"(?:{NUMBER})"


def _stars(digit: str, name: str) -> str:
    return f"{cardinal(digit)} {'star' if digit == '1' else name}"


QUANTITIES: tuple[Rule, ...] = (
    rule(
        r"(\d{1,4}(?:st|nd|rd|th)) ?[-–] ?(?=\d{1,4}(?:st|nd|rd|th)(?!\w))",
        lambda found: f"{found[1]} to ",
        needs="-–",
    ),
    rule(r"(?<=[Rr]ated )([1-5])\*", lambda found: _stars(found[1], "stars"), needs="*"),
    rule(
        r"(?<![\w.,])([1-5])\*(?= (?:hotel|rating|review|resort|service|accommodation)(?!\w))",
        lambda found: _stars(found[1], "star"),
        needs="*",
    ),
    rule(
        r"(?<![\w.,])(401|403|457)\(([kb])\)",
        lambda found: (
            f"four oh {cardinal(found[1][2])} {found[2].upper()}"
            if found[1][1] == "0"
            else f"four fifty-seven {found[2].upper()}"
        ),
        needs="(",
    ),
    rule(r"(?<![\w.,-])50[-–]50(?![\w-]|[.,]\d)", "fifty-fifty"),
    rule(
        r"(?<![\w.,])(\d{1,3}(?:,\d{3}){1,11}|\d{1,36})(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)",
        lambda found: ordinal(found[1]),
    ),
    rule(
        rf"(?<![\w.,])({NUMBER})[eE]([+-]?\d{{1,4}})(?!\w)",
        lambda found: (
            f"{number(found[1])} times ten to the power of "
            + ("minus " if found[2][0] == "-" else "")
            + cardinal(found[2].lstrip("+-"))
        ),
    ),
    rule(
        rf"(?<![\w.,^])-?{_OPERAND}(?: ?[-+*/×÷^−–] ?{_OPERAND}){{0,20}} ?(?:[=≈≠≤≥<>]|[<>=!]=) ?-?"
        rf"{_OPERAND}(?: ?[-+*/×÷^−–] ?{_OPERAND}){{0,20}}(?![\w])",
        _sum,
        needs="=≈≠≤≥<>",
    ),
    rule(
        r"(?<=[\w)])\^(?P<open>\()?([-+−]?\d{1,36})(?(open)\))",
        lambda found: f" {say_power(found[2])}",
        needs="^",
    ),
    rule(r"(?<![\w/])24/7/365(?![\w/])", "twenty-four seven, three sixty-five", needs="/"),
    *SHARES,
    rule(
        r"(?<![\w.,/-])(\d{1,3})/(\d{1,3}) ?[-–—] ?(?=\d{1,3}/\d{1,3}(?![\w/]))",
        lambda found: f"{say_fraction(found[1], found[2])} to ",
        needs="/",
    ),
    rule(
        r"(?<![\w.,/])(\d{1,6})(?: |-)(\d{1,3})/(\d{1,4})(?![\w/]|[.,]\d)",
        _mixed_fraction,
        needs="/",
    ),
    rule(r"(?<![\w.,/])(\d{1,4})/(\d{1,4})(?![\w/]|[.,]\d)", _slashed, needs="/"),
    # "9-to-5", "2-for-1"
    rule(
        r"(?<![\w.,-])(\d{1,3})-(to|for|on|in|by)-(\d{1,3})(?!\w|[.,]\d)",
        lambda found: f"{number(found[1])} {found[2]} {number(found[3])}",
        needs="-",
    ),
    rule(r"(?<!\w)T-(?=\d{1,4} (?:day|hour|minute|second|week)s?(?!\w))", "T minus ", needs="-"),
    rule(
        r"(?<!\w)(HTTP|[Ee]rror|[Ss]tatus) ([1-5]\d\d)(?![\w%]|[.,:]\d)",
        lambda found: f"{found[1]} {pairs(found[2])}",
    ),
    rule(r"(?<!\w)f/(?=\d)", "f ", needs="/"),
    rule(
        rf"(?<![\w.,/-])({NUMBER}) ?[–—] ?({NUMBER})(?![\w–—-]|[.,]\d)", _number_range, needs="–—"
    ),
    rule(rf"(?<![\w.,/-])({NUMBER})-({NUMBER})(?!\w|-\w|[.,]\d)", _number_range, needs="-"),
    rule(r"(?<![\w.,/])\d{1,6}(?:-\d{1,6}){2,10}(?!\w|-\w)", _hyphenated, needs="-"),
    rule(
        rf"(?<![\w.,])({NUMBER}) ([-+×÷*/−–]) (?=[\d.])",
        lambda found: f"{number(found[1])} {_OPERATORS[found[2]]} ",
        needs="-+×÷*/−–",
    ),
    rule(r"(?<=\d) ?([+×÷*]) ?(?=\d)", lambda found: f" {_OPERATORS[found[1]]} ", needs="+×÷*"),
    rule(r"(?<![\w.)%°])[-−](?=\.?\d)", "minus ", needs="-−"),
    rule(r"(?<=[a-z]) [-−](?=\.?\d)", " minus ", needs="-−"),
    rule(r"(?<!\w)\+(?=\.?\d)", "plus ", needs="+"),
    rule(r"± ?(?=\.?\d)", " plus or minus ", needs="±"),
    rule(r"(?<![\w~])[~≈] ?(?=\.?\d|[$€£])", "about ", needs="~≈"),
    rule(r"(?<![\w#&])# ?(?=\d)", "number ", needs="#"),
    rule(
        r"(?:(?<=[\d)])|(?<=(?<![\w'])[A-Za-z])) ?([<>≤≥≠]|[<>!=]=) ?(?=[-−]?(?:[\d(]|[A-Za-z]"
        r"(?!\w)))",
        lambda found: f" {_COMPARISONS[found[1]]} ",
        needs="<>≤≥≠=",
    ),
    rule(r"(?<!\w)(?:≥|>=) ?(?=\d)", "at least ", needs="≥>"),
    rule(r"(?<!\w)(?:≤|<=) ?(?=\d)", "at most ", needs="≤<"),
    rule(r"(?<![\w<-])< ?(?=\.?\d)", "less than ", needs="<"),
    rule(r"(?<![\w>-])> ?(?=\.?\d)", "more than ", needs=">"),
    rule(
        r"(?<![^\W_])(?=[^\W_]{1,40}\d|[^\W\d_]{1,40}-\d|\d{1,20}-?[^\W\d_])"
        r"(?:(?:[^\W\d_]{1,40}|\d{1,20}(?!\d))(?:-(?=\d|[A-Z]))?){2,12}(?!\w)(?!-?\d)",
        _code,
    ),
    rule(r"(?<=[^\W\d_])-(?=\d)", " ", needs="-"),
    rule(r"(?<=\d)\+(?!\w)", " plus", needs="+"),
    # Laws and journals number their parts in this way: "12(3)(a)".
    rule(r"(?<=[\d)])\((?=\w{1,4}\))", " (", needs="("),
    rule(rf"({NUMBER})", lambda found: number(found[1])),
)
