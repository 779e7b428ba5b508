"""This module says telephone numbers, digit by digit in their groups."""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule
from app.text.normalisation.vocabulary.figures import figure_rule
from app.text.normalisation.vocabulary.saying import Saying

_GROUPS = r"(?:[ \u00a0.]|[ ]?[-–/][ ]?)?\(?\d{1,8}\)?"
_FEWEST_DIGITS = 7


def telephone_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for telephone numbers: with a plus, a leading zero, or the word for them."""

    def say(found: re.Match[str]) -> str | None:
        digits = sum(map(str.isdecimal, found["number"]))
        if digits < _FEWEST_DIGITS and not found.groupdict().get("lead"):
            return None
        return (found.groupdict().get("lead") or "") + say_telephone(language, found["number"])

    return (
        figure_rule(
            rf"(?<!\w)(?P<lead>(?:{language.words.telephone})\.? ?:? ?)"
            rf"(?P<number>\+?\(?\d{{1,12}}\)?(?:{_GROUPS}){{0,7}})(?![\w%€]|[.,]\d)",
            say,
            flags=re.IGNORECASE,
        ),
        figure_rule(
            r"(?<![\w.,+(])(?P<number>"
            r"(?:\+\d{1,3}|\(0\d{1,5}\)|00?[1-9]\d{0,4}(?=[ \u00a0/.-]))"
            rf"(?:{_GROUPS}){{1,7}})(?![\w%€]|[.,:/]\d)",
            say,
        ),
        figure_rule(
            rf"(?<![\w.,(-])(?P<number>{language.words.telephone_shape})(?![\w%€°-]|[.,:/]\d)", say
        ),
        # A number that ends in hundreds is rather the end of a range.
        figure_rule(
            r"(?<![\w.,(-])(?P<number>\d{3}-\d{4}(?<!00))(?![\w%€°-]|[.,:/]\d| ?[$€£])", say
        ),
    )


def say_telephone(language: Saying, written: str) -> str:
    """Say a telephone number; commas part its groups."""
    groups = re.findall(r"\d+", written)
    plus = f"{language.words.signs.plus} " if written.lstrip("( ").startswith("+") else ""
    return plus + ", ".join(_say_group(language, each) for each in groups)


def _say_group(language: Saying, digits: str) -> str:
    if language.words.pairs_in_telephones and len(digits) == 2 and digits[0] != "0":
        return language.cardinal(digits)
    return language.digits(digits)
