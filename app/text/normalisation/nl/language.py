"""This module has what Dutch alone needs beside its words."""

from __future__ import annotations

import re

from app.text.normalisation.nl.words import WORDS
from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.figures import figure_rule
from app.text.normalisation.vocabulary.language import VocabularyLanguage
from app.text.normalisation.vocabulary.words import Noun


class Dutch(VocabularyLanguage):
    """Names rulers with an article, and says decades."""

    def ruler(self, lead: str, name: str, number: int) -> str:  # noqa: ARG002
        return f"{name} de {self.ordinal(str(number)).capitalize()}"

    def half_of(self, unit: Noun) -> str:
        neuter = unit.one.endswith(("uur", "pond", "jaar", "gram", "kilogram"))
        return f"{'een half' if neuter else 'een halve'} {unit.one}"

    def year(self, digits: str) -> str:
        # Such a number is one word.
        spoken = super().year(digits).replace(" honderd ", "honderd").replace(" honderd", "honderd")
        return re.sub(r"(?<=\w)één$", "een", spoken)

    def cardinal(self, digits: str) -> str:
        return re.sub(r"(?<=\w)één$", "een", super().cardinal(digits))

    def own_rules(self) -> tuple[Rule, ...]:
        return (
            figure_rule(
                r"(?<![\w.,-])([1-9]\d{3}) ?([A-Z]{2})(?= [A-Z][a-z]|,|$)(?! [A-Z]{2})",
                lambda found: f"{self.digits(found[1])} {' '.join(found[2])}",
            ),
            rule(
                r"(?<!\w)([A-Z][a-z-]{2,40}|[A-Z]{3,40})(?:str|STR)\.(?= \d|,|$)",
                lambda found: f"{found[1].capitalize()}straat",
                needs=".",
            ),
            rule(r"(?<!\w)t/m(?!\w)", "tot en met", needs="/"),
            figure_rule(
                r"(?<![\w.,])(\d0)-?er(?!\w)", lambda found: f"{self.cardinal(found[1])}er"
            ),
            figure_rule(
                r"(?<!\w)(\d{1,3})-?(jarige?|daags|daagse|voudige?|delige?|urige?|maal)(?!\w)",
                lambda found: self.cardinal(found[1]).replace("één", "een") + found[2],
            ),
        )


DUTCH = Dutch(WORDS)
