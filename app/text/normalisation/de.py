"""This module holds the German words for numbers, amounts, dates and times, and its own rules."""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule
from app.text.normalisation.vocabulary import (
    NO_BREAK_SPACES,
    Vocabulary,
    VocabularyLanguage,
    figure_rule,
)

_CASE = r"(?:[Aa]m|[Vv]om|[Zz]um|[Bb]eim|[Dd]em|[Dd]en|[Dd]es|[Ii]m|[Aa]b|[Ss]eit)"
"""An ordinal after one of these words ends in -n: "am dritten Mai"."""
_AFTER_CASE = re.compile(rf"(?<!\w){_CASE} $")


class German(VocabularyLanguage):
    """Says days as ordinals, in the case that the word in front of the date asks for."""

    def day_in_date(self, day: int, before: str = "") -> str:
        return self.ordinal(str(day)) + ("n" if _AFTER_CASE.search(before) else "r")

    def own_rules(self) -> tuple[Rule, ...]:
        months = "|".join(self.months)
        return (
            figure_rule(
                rf"(?<!\w)({_CASE} )?([1-9]|[12]\d|3[01])\. (?=(?:{months})(?!\w))",
                self._say_day,
            ),
        )

    def _say_day(self, found: re.Match[str]) -> str:
        before = found[1] or ""
        return f"{before}{self.day_in_date(int(found[2]), before)} "


GERMAN = German(Vocabulary(
    code="de",
    comma="Komma",
    minus="minus",
    percent="Prozent",
    to="bis",
    over_cents="und",
    thousands=".'’" + NO_BREAK_SPACES,
    before_noun=("eins", "ein"),
    hour="Uhr",
    full_hour="Uhr",
    years_by_hundreds=True,
    months=("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
            "Oktober", "November", "Dezember"),
    currencies={"€": ("Euro", "Euro"), "$": ("Dollar", "Dollar"), "£": ("Pfund", "Pfund"),
                "¥": ("Yen", "Yen"), "CHF": ("Franken", "Franken")},
    cents={"€": ("Cent", "Cent"), "$": ("Cent", "Cent"), "£": ("Penny", "Pence"),
           "CHF": ("Rappen", "Rappen")},
))  # fmt: skip
