"""This module lists the rules of English in their order, and says single items in English."""

from __future__ import annotations

import re
from functools import partial

from app.text.normalisation.en import numbers
from app.text.normalisation.en.abbreviations import ABBREVIATIONS
from app.text.normalisation.en.acronyms import ACRONYMS
from app.text.normalisation.en.characters import plain_characters
from app.text.normalisation.en.citations import CITATIONS
from app.text.normalisation.en.dates import DATES, MONTHS, say_date, say_year
from app.text.normalisation.en.fractions import MEASURED_FRACTIONS
from app.text.normalisation.en.games import CHESS
from app.text.normalisation.en.identifiers import IDENTIFIERS
from app.text.normalisation.en.money import MONEY, PER, WORD_RATES
from app.text.normalisation.en.numbers import spell_long_numbers
from app.text.normalisation.en.places import COORDINATES
from app.text.normalisation.en.quantities import LETTERS, QUANTITIES, say_fraction
from app.text.normalisation.en.roman import ROMAN
from app.text.normalisation.en.symbols import SIGN_NAMES, speak_symbols, tidy_spaces
from app.text.normalisation.en.telephones import KEYS, TELEPHONES, say_telephone
from app.text.normalisation.en.times import HALF_DAYS, TIMES, say_time
from app.text.normalisation.en.units import BARE_RATES, SCIENTIFIC_UNITS, UNIT_RULES
from app.text.normalisation.en.verses import VERSES
from app.text.normalisation.en.web import WEB, part_underscores
from app.text.normalisation.language import Language
from app.text.normalisation.rules import apply_near_digits, apply_rules

_WITH_DIGITS = (
    *DATES,
    *VERSES,
    *CHESS,
    *COORDINATES,
    *TIMES,
    *TELEPHONES,
    *MONEY,
    *PER,
    *MEASURED_FRACTIONS,
    *UNIT_RULES,
    *WORD_RATES,
    *QUANTITIES,
)
_TELEPHONE_SIGNS = re.compile(r"[-().]")


class English(Language):
    """Puts everything into words; no digit and no sign is left."""

    code = "en"
    minus = "minus"
    months = MONTHS
    steps = (
        # These look at brackets and colons that are written in one way afterwards.
        partial(apply_rules, rules=(*CITATIONS, *IDENTIFIERS)),
        plain_characters,
        spell_long_numbers,
        partial(apply_rules, rules=(*KEYS, *WEB)),
        part_underscores,
        partial(apply_rules, rules=ROMAN),
        partial(apply_rules, rules=(*HALF_DAYS, *ABBREVIATIONS)),
        partial(apply_rules, rules=SCIENTIFIC_UNITS),
        partial(apply_rules, rules=(*BARE_RATES, *LETTERS)),
        partial(apply_near_digits, rules=_WITH_DIGITS),
        partial(apply_rules, rules=ACRONYMS),
        speak_symbols,
        tidy_spaces,
    )

    def number(self, written: str) -> str:
        # Running text parts thousands with commas alone; a named number may have "'" or a space.
        return numbers.number(written.replace("'", ",").replace(" ", ","))

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:  # noqa: ARG002
        return numbers.ordinal(digits)

    def day(self, day: int) -> str:
        return numbers.ordinal(str(day))

    def year(self, digits: str) -> str:
        return say_year(digits)

    def date(self, day: int, month: int, year_digits: str) -> str:
        return say_date(day, month, year_digits)

    def sign(self, char: str) -> str:
        """Name a sign; one without a name is left out."""
        return SIGN_NAMES.get(char, "")

    def fraction(self, whole: str, numerator: str, denominator: str) -> str:
        part = say_fraction(numerator, denominator)
        return f"{numbers.cardinal(whole)} and {part}" if whole else part

    def time(self, hour: int, minute: int, second: int | None, half: str) -> str:
        return say_time(hour, minute, second, f"{half.upper()} M" if half else "")

    def telephone(self, written: str) -> str:
        if any(map(str.isalpha, written)):
            return self.spell(_TELEPHONE_SIGNS.sub(" ", written))
        return say_telephone(written)


ENGLISH = English()
