"""This module says numbers, amounts, measures and dates with the words of a vocabulary."""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import num2words  # type: ignore[import-untyped]

from app.text.normalisation.language import Language
from app.text.normalisation.vocabulary.cldr import UNITS, name_currency, name_unit
from app.text.normalisation.vocabulary.words import Gender, Noun, Vocabulary

SPACES = " \u00a0\u202f"
"""These may part the thousands of a number in every language, and a number from its unit."""

BEFORE_CHARS = 24
"""This much of the text in front of a number may decide how it is said."""

_MAX_DIGITS = 24
"""Longer numbers have no name in num2words; in Portuguese those from 10^18 on have none."""
_MAX_ORDINAL_DIGITS = 6
_RARER_DENOMINATORS = frozenset((10, 12, 16, 20, 50, 100, 1000))
"""One of these is a fraction; more of them, as in 8/10, are rather a part out of a whole."""
_CODES = {"EUR": "€", "USD": "$", "US$": "$", "GBP": "£", "JPY": "¥", "BRL": "R$"}
_POWERED = re.compile(r"(.+)\^([23])")
_LEADING_WORD = re.compile(r"[^\W\d_]+")


class Saying(Language):
    """Says single things with the words of a vocabulary; what a language alone needs overrides it.

    Genders and grammatical cases are found by the ends of words and by lists, where they decide
    what a number becomes in front of a noun.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.code = vocabulary.code
        self.minus = vocabulary.signs.minus
        self.months = vocabulary.months
        self.words = vocabulary
        self.units = {**UNITS, **vocabulary.units}
        self.value = _value_pattern(vocabulary.thousands)

    def gender(self, noun: str) -> Gender | None:  # noqa: ARG002
        """Tell the gender of a noun in the singular or plural; None where nothing can be told."""
        return None

    def agree(self, spoken: str, gender: Gender | None, noun: str, before: str) -> str:  # noqa: ARG002
        """Change an integer in words as a noun behind it asks for.

        Args:
            spoken: the integer.
            gender: the noun's.
            noun: what is counted, or nothing.
            before: the end of the text in front of the number.
        """
        return spoken

    def hour(self, hour: int) -> str:
        """Say the hour of a time."""
        clock = self.words.clock
        return self.agree(self.cardinal(str(hour)), clock.gender, clock.full_hour.many, "")

    def cardinal(self, digits: str) -> str:
        """Say an integer; one that has no name, or a leading zero, digit by digit."""
        if len(digits) > _MAX_DIGITS or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        try:
            spoken = in_words(int(digits), self.words.numbers, "cardinal")
        except OverflowError:
            return self.digits(digits)
        # Commas between the groups would be heard as pauses.
        return spoken.replace(",", "")

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        """Say a position; one beyond a million as a plain number."""
        if len(digits) > _MAX_ORDINAL_DIGITS or not digits.strip("0"):
            return self.cardinal(digits)
        spoken = in_words(int(digits), self.words.numbers, "ordinal")
        return re.sub(r"o(?= |$)", "a", spoken) if feminine else spoken

    def number(self, written: str) -> str:
        """Say a number with a decimal comma or point, its thousands parted or not."""
        whole, decimals = split_decimals(written)
        spoken = self.cardinal(whole)
        return f"{spoken} {self.words.comma} {self.digits(decimals)}" if decimals else spoken

    def labelled(self, written: str) -> str:
        """Say a number that counts nothing: "page 80"."""
        return self.number(written)

    def count(self, written: str, noun: str, before: str = "") -> str:
        """Say a number in front of the noun that it counts, in its gender."""
        whole, decimals = split_decimals(written)
        if decimals:
            return self.number(written)
        return self.agree(self.cardinal(whole), self.gender(noun), noun, before)

    def counted(self, written: str, noun: Noun, before: str = "") -> str:
        """Say a number and what it counts."""
        name = noun.one if self.is_singular(written) else noun.many
        return self.joined(self.count(written, name, before), name)

    def is_singular(self, written: str) -> bool:
        """Tell whether what a number counts is in the singular."""
        whole, decimals = split_decimals(written)
        if self.words.singular_below_two:
            return whole.lstrip("0") in {"", "1"}
        return whole == "1" and not decimals

    def joined(self, spoken: str, noun: str) -> str:
        """Put a number in words in front of what it counts: "two million of euros"."""
        if re.search(self.words.millions, spoken):
            return f"{spoken} {self.words.after_million}{noun}"
        return f"{spoken} {noun}"

    def unit(self, symbol: str) -> Noun:
        """Name a unit by its symbol.

        Raises:
            KeyError, ValueError: there is no such unit.
        """
        own = self.words.own_units.get(symbol)
        return own or name_unit(self.units[symbol], self.words.locale)

    def currency(self, symbol: str) -> Noun:
        """Name a currency by its sign or its code; one without a name keeps its sign."""
        symbol = _CODES.get(symbol, symbol)
        known = self.words.currencies.get(symbol)
        return known or name_currency(symbol, self.words.locale) or Noun(symbol, symbol)

    def amount(self, written: str, symbol: str, before: str = "") -> str:
        """Say an amount of money."""
        symbol = _CODES.get(symbol, symbol)
        currency, cent = self.currency(symbol), self.words.cents.get(symbol)
        whole, decimals = split_decimals(written)
        if len(decimals) == 3 and "." not in written:
            # Nobody writes three decimals of an amount: the comma parts thousands.
            whole, decimals = whole + decimals, ""
        if not decimals.strip("0"):
            return self.counted(whole, currency, before)
        if len(decimals) > 2 or cent is None:
            return f"{self.number(written)} {currency.many}"
        cents = str(int(decimals.ljust(2, "0")))
        if not whole.strip("0"):
            return self.counted(cents, cent, before)
        small = self.counted(cents, cent)
        if not self.words.cents_named:
            small = self.count(cents, cent.many)
        return f"{self.counted(whole, currency, before)} {self.words.over_cents}{small}"

    def fraction(self, whole: str, numerator: str, denominator: str) -> str | None:
        """Say a fraction; None where it is no usual one, which may be something else."""
        words = self.words.fractions
        above, below = int(numerator), int(denominator)
        usual = 2 <= below <= 9 or (above == 1 and below in _RARER_DENOMINATORS)
        if not usual or above >= 10 * below or above == 0:
            return None
        if below == 2:
            if not whole:
                return words.half
            if whole == "1" and words.one_and_a_half:
                return words.one_and_a_half
            spoken = self.cardinal(whole)
            bound = words.and_a_half.startswith("-")
            return spoken + words.and_a_half[1:] if bound else f"{spoken} {words.and_a_half}"
        part = self.counted(numerator, self.denominator(denominator))
        return f"{self.cardinal(whole)} {words.joint}{part}" if whole else part

    def part_of_unit(self, whole: str, numerator: str, denominator: str, unit: Noun) -> str | None:
        """Say a fraction of a unit, and whole ones before it if any: "half a litre"."""
        words = self.words.fractions
        if (numerator, denominator) == ("1", "2"):
            if not whole:
                return self.half_of(unit)
            if words.and_a_half.startswith("-"):
                return f"{self.fraction(whole, numerator, denominator)} {unit.many}"
            return f"{self.counted(whole, unit)} {self.and_a_half(unit)}"
        part = self.fraction("", numerator, denominator)
        if part is None:
            return None
        if whole:
            return f"{self.fraction(whole, numerator, denominator)} {unit.many}"
        return f"{part} {self.joint_of_part(unit)}{unit.one}"

    def half_of(self, unit: Noun) -> str:
        """Say half a unit."""
        return f"{self.words.fractions.half} {unit.one}"

    def and_a_half(self, unit: Noun) -> str:  # noqa: ARG002
        """Say what follows whole units for another half."""
        return self.words.fractions.and_a_half

    def per(self, noun: str) -> str:  # noqa: ARG002
        """Return what stands in front of the unit per which something is measured, and a space."""
        return f"{self.words.per} "

    def joint_of_part(self, unit: Noun) -> str:  # noqa: ARG002
        """Return what stands between a fraction and its unit."""
        return self.words.fractions.of_unit

    def denominator(self, digits: str) -> Noun:
        """Name the parts of which a fraction has several."""
        words = self.words.fractions
        if int(digits) in {3, 4}:
            return words.third if int(digits) == 3 else words.quarter
        stem = re.sub(words.cut, "", self.ordinal(digits))
        return Noun(stem + words.ending.one, stem + words.ending.many)

    def day(self, day: int) -> str:
        return self.cardinal(str(day))

    def day_in_date(self, day: int, before: str = "") -> str:  # noqa: ARG002
        """Say the day in front of its month.

        Args:
            day: counted from 1.
            before: the end of the text in front of the date, where it decides a grammatical case.
        """
        if day == 1 and self.words.ordinal_first_day:
            return self.ordinal("1")
        return self.day(day)

    def year(self, digits: str) -> str:
        if not self.words.years_by_hundreds:
            return self.cardinal(str(int(digits)))
        return in_words(int(digits), self.words.numbers, "year")

    def date(self, day: int, month: int, year_digits: str) -> str:
        return self.join_date(self.day_in_date(day), month, year_digits)

    def join_date(self, spoken_day: str, month: int, year_digits: str) -> str:
        parts = [spoken_day, self.months[month - 1]]
        if year_digits:
            parts.append(self.year(year_digits))
        return self.words.date_joint.join(parts)

    ruler_ending = ""
    """This regular expression matches what follows the number of a ruler, and is not said."""

    def ruler(self, lead: str, name: str, number: int) -> str:  # noqa: ARG002
        """Say a ruler's name and number.

        Args:
            lead: the end of the text in front of the name, where it decides a grammatical case.
            name: of a king, queen or pope.
            number: which of that name.
        """
        return f"{name} {self.ordinal(str(number))}"

    def century(self, number: int) -> str:
        """Say the number of a century behind the word for it."""
        return self.cardinal(str(number))

    def ordinal_before(self, digits: str, noun: str, lead: str, *, feminine: bool) -> str:  # noqa: ARG002
        """Say a position in front of a noun.

        Args:
            lead: the end of the text in front of it.
        """
        return self.ordinal(digits, feminine=feminine)

    def shortened_ordinal(self, spoken: str) -> str:
        """Shorten an ordinal as its ending in figures says."""
        return spoken

    def sign(self, char: str) -> str:
        signs = self.words.signs
        return {
            "+": signs.plus, "-": signs.dash, "−": signs.minus, "×": signs.times, "/": signs.slash,
            "=": signs.equals, "<": signs.less, ">": signs.more, "@": signs.at,
            "_": signs.underscore,
            "#": signs.hash, "&": signs.ampersand, "%": self.words.percent, ".": signs.point,
            ",": self.words.comma, "§": signs.section.one,
        }.get(char, char)  # fmt: skip


def leading_word(text: str) -> str:
    """Return the word with which a text begins, or nothing."""
    found = _LEADING_WORD.match(text)
    return found[0] if found else ""


def before(found: re.Match[str]) -> str:
    """Return the end of the text in front of a match."""
    return found.string[max(0, found.start() - BEFORE_CHARS) : found.start()]


def split_decimals(written: str) -> tuple[str, str]:
    """Part a number into the digits before its decimal mark and those after it.

    Of a comma and a point, the last is the decimal mark; one that is repeated, or a single point in
    front of three digits, parts thousands.
    """
    bare = re.sub(r"[^\d.,]", "", written)
    mark = max(bare.rfind(","), bare.rfind("."))
    if mark < 0:
        return bare, ""
    whole, decimals, sign = bare[:mark], bare[mark + 1 :], bare[mark]
    grouped = sign in whole or (
        sign == "." and len(decimals) == 3 and "," not in whole and whole.strip("0") != ""
    )
    digits = re.sub(r"\D", "", whole)
    # ",5" has no digit in front of its mark.
    return (digits + decimals, "") if grouped else (digits or "0", decimals)


def _value_pattern(thousands: str) -> str:
    """Return a pattern for a number without sign, whose thousands are parted in several ways."""
    parted = rf"[1-9]\d{{0,2}}(?:[{SPACES}{thousands}]\d{{3}}(?!\d)){{1,7}}"
    english = r"[1-9]\d{0,2}(?:,\d{3}(?!\d)){1,7}"
    return (
        rf"(?:{parted}(?:,\d{{1,36}}|\.\d\d(?![\d.]))?|{english}\.\d{{1,36}}|{english}(?<=,\d\d\d,\d\d\d)"
        r"|\d{1,36}(?:[.,]\d{1,36})?)"
    )


@lru_cache(maxsize=16_384)
def in_words(value: int, code: str, kind: str) -> str:
    """Say a number with num2words."""
    return str(num2words(value, lang=code, to=kind))
