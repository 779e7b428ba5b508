"""This module is the engine of languages that are described by a vocabulary."""

from __future__ import annotations

from functools import partial

from app.text.normalisation.rules import Rule, apply_rules
from app.text.normalisation.vocabulary.abbreviations import abbreviation_rules, weekday_rules
from app.text.normalisation.vocabulary.citations import citation_rules
from app.text.normalisation.vocabulary.dates import date_rules, year_rules
from app.text.normalisation.vocabulary.figures import figure_rule
from app.text.normalisation.vocabulary.identifiers import identifier_rules
from app.text.normalisation.vocabulary.money import money_rules
from app.text.normalisation.vocabulary.ordinals import ordinal_rules, roman_rules
from app.text.normalisation.vocabulary.saying import Saying
from app.text.normalisation.vocabulary.signs import (
    number_rules,
    part_rules,
    sign_rules,
    sum_rules,
)
from app.text.normalisation.vocabulary.telephones import say_telephone, telephone_rules
from app.text.normalisation.vocabulary.times import say_clock, time_rules
from app.text.normalisation.vocabulary.units import unit_rules
from app.text.normalisation.vocabulary.web import web_rules
from app.text.normalisation.vocabulary.words import Vocabulary


class VocabularyLanguage(Saying):
    """Puts texts into words with the tables of a vocabulary and the rules that all tables share."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(vocabulary)
        self.steps = (partial(apply_rules, rules=self._rules()),)

    def own_rules(self) -> tuple[Rule, ...]:
        """Return the rules of this language alone, which go before those for numbers."""
        return ()

    def time(self, hour: int, minute: int, second: int | None, half: str) -> str:  # noqa: ARG002
        return say_clock(self, hour, minute, None if second is None else str(second))

    def telephone(self, written: str) -> str | None:
        return None if any(map(str.isalpha, written)) else say_telephone(self, written)

    def _rules(self) -> tuple[Rule, ...]:
        return (
            *citation_rules(self),
            *identifier_rules(self),
            *web_rules(self),
            figure_rule(r"\d{37,}", lambda found: self.digits(found[0])),
            *weekday_rules(self),
            *date_rules(self),
            *abbreviation_rules(self),
            *roman_rules(self),
            *telephone_rules(self),
            *time_rules(self),
            *money_rules(self),
            *ordinal_rules(self),
            *sum_rules(self)[:1],
            *unit_rules(self),
            *sum_rules(self)[1:],
            *self.own_rules(),
            *year_rules(self),
            *part_rules(self),
            *number_rules(self),
            *sign_rules(self),
        )
