"""This module is the engine of languages that are described by a vocabulary.

Numbers, ordinals, percentages, money, dates and times are put into words; the rest of a text,
abbreviations and signs included, stays as it is. French, German, Portuguese, Italian, Spanish and
Dutch each fill in a `Vocabulary`, and add what they alone need in a class of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import NamedTuple

from num2words import num2words  # type: ignore[import-untyped]

from app.text.normalisation.language import Language
from app.text.normalisation.rules import Rule, apply_rules, rule

NO_BREAK_SPACES = "\u00a0\u202f"

_MAX_DIGITS = 24
"""Longer numbers have no name in num2words in some of the languages."""
_MAX_ORDINAL_DIGITS = 6
_CODES = {"EUR": "€", "USD": "$", "US$": "$", "GBP": "£", "JPY": "¥", "BRL": "R$"}
_CURRENCY = r"(?:R\$|US\$|[€$£¥]|(?<![A-Za-z])(?:EUR|USD|GBP|JPY|CHF|BRL)(?![A-Za-z]))"
_BEFORE_CHARS = 6
"""This much of the text in front of a date may decide its grammatical case."""
_DECIMALS = re.compile(r"(?:,(\d+)|\.(\d{1,2}|\d{4,}))$")


class Vocabulary(NamedTuple):
    """Holds the words and ways of writing that the shared rules need of a language."""

    code: str
    """It is two letters, as in "fr"."""
    comma: str
    minus: str
    percent: str
    to: str
    over_cents: str
    """It stands between the whole and the hundredths of an amount."""
    thousands: str
    """These may part thousands; it is a class of a regular expression."""
    hour: str
    """It stands between hours and minutes."""
    full_hour: str
    """It stands after hours without minutes."""
    months: tuple[str, ...]
    """They go from January to December."""
    currencies: Mapping[str, tuple[str, str]]
    """It holds the singular and plural of each currency, by symbol."""
    cents: Mapping[str, tuple[str, str]]
    """It holds the singular and plural of each currency's hundredth, by symbol."""
    ordinal: str = ""
    """This regular expression matches the ending of an ordinal in figures; group f is feminine."""
    before_noun: tuple[str, str] = ("", "")
    """The first ends a number, and becomes the second in front of what is counted."""
    one_hour: str = ""
    """This is said for 1:00 and before its minutes; it is empty where 1 is as the other hours."""
    hour_marks: str = ":"
    """These may part hours and minutes; it is a class of a regular expression."""
    date_joint: str = " "
    """It stands between day, month and year."""
    ordinal_first_day: bool = False
    """This says whether the first of a month is an ordinal, unlike the other days."""
    years_by_hundreds: bool = False
    """This says whether 1984 is read as "nineteen hundred eighty-four"."""


class VocabularyLanguage(Language):
    """Says figures with num2words and the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.code = vocabulary.code
        self.minus = vocabulary.minus
        self.months = vocabulary.months
        self.words = vocabulary
        self.steps = (partial(apply_rules, rules=self._rules()),)

    def own_rules(self) -> tuple[Rule, ...]:
        """Return the rules of this language alone, which go before those for years and numbers."""
        return ()

    def cardinal(self, digits: str) -> str:
        """Say an integer; one with very many digits, or with a leading zero, digit by digit."""
        if len(digits) > _MAX_DIGITS or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        # Commas between the groups would be heard as pauses.
        return _in_words(int(digits), self.code, "cardinal").replace(",", "")

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        """Say a position; one beyond a million as a plain number."""
        if len(digits) > _MAX_ORDINAL_DIGITS or not digits.strip("0"):
            return self.cardinal(digits)
        spoken = _in_words(int(digits), self.code, "ordinal")
        return re.sub(r"o(?= |$)", "a", spoken) if feminine else spoken

    def number(self, written: str) -> str:
        """Say a number with a decimal comma or point, its thousands parted or not."""
        whole, decimals = _split_decimals(written)
        spoken = self.cardinal(whole)
        return f"{spoken} {self.words.comma} {self.digits(decimals)}" if decimals else spoken

    def amount(self, written: str, symbol: str) -> str:
        """Say an amount of money; a currency that has no name in the language keeps its symbol."""
        symbol = _CODES.get(symbol, symbol)
        one, many = self.words.currencies.get(symbol, (symbol, symbol))
        whole, decimals = _split_decimals(written)
        if decimals.strip("0") and (len(decimals) > 2 or symbol not in self.words.cents):
            return f"{self.number(written)} {many}"
        spoken = f"{self._count(whole)} {one if whole == '1' else many}"
        if not decimals.strip("0"):
            return spoken
        cents = str(int(decimals.ljust(2, "0")))
        name = self.words.cents[symbol][cents != "1"]
        return f"{spoken} {self.words.over_cents} {self._count(cents)} {name}"

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
        # Dutch hundreds are one word, as in "negentienhonderd".
        return _in_words(int(digits), self.code, "year").replace(" honderd", "honderd")

    def date(self, day: int, month: int, year_digits: str) -> str:
        return self._join_date(self.day_in_date(day), month, year_digits)

    def _join_date(self, spoken_day: str, month: int, year_digits: str) -> str:
        parts = [spoken_day, self.months[month - 1]]
        if year_digits:
            parts.append(self.year(year_digits))
        return self.words.date_joint.join(parts)

    def _count(self, digits: str) -> str:
        """Say a number in front of what it counts."""
        spoken = self.cardinal(digits)
        ending, changed = self.words.before_noun
        if not ending or not spoken.endswith(ending):
            return spoken
        return spoken.removesuffix(ending) + changed

    def _rules(self) -> tuple[Rule, ...]:
        value = (
            rf"(?:\d{{1,3}}(?:[{self.words.thousands}]\d{{3}}){{1,7}}(?!\d)(?:,\d{{1,36}})?"
            r"|\d{1,36}(?:[.,]\d{1,36})?)"
        )
        return (
            figure_rule(r"\d{37,}", lambda found: self.digits(found[0])),
            *self._date_rules(),
            self._time_rule(),
            *self._amount_rules(value),
            *self._sign_rules(value),
            *self._ordinal_rules(),
            *self.own_rules(),
            *self._year_rules(),
            self._parts_rule(),
            figure_rule(value, lambda found: self.number(found[0])),
        )

    def _date_rules(self) -> tuple[Rule, ...]:
        return (
            figure_rule(
                r"(?<![\w.,/-])(?P<day>\d{1,2})(?P<mark>[./-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\w/-])",
                self._say_date,
            ),
            figure_rule(
                r"(?<![\w.,/-])(?P<year>[12]\d{3})-(?P<month>\d\d)-(?P<day>\d\d)(?![\w/-])",
                self._say_date,
            ),
        )

    def _say_date(self, found: re.Match[str]) -> str | None:
        day, month = int(found["day"]), int(found["month"])
        if not 1 <= day <= 31 or not 1 <= month <= 12:
            return None
        before = found.string[max(0, found.start() - _BEFORE_CHARS) : found.start()]
        return self._join_date(self.day_in_date(day, before), month, found["year"])

    def _time_rule(self) -> Rule:
        return figure_rule(
            rf"(?<![\w.,:])([01]?\d|2[0-4])[{self.words.hour_marks}]([0-5]\d)"
            rf"(?: ?(?:Uhr|uur|heures))?(?![\w:])",
            self._say_time,
        )

    def _say_time(self, found: re.Match[str]) -> str:
        hour, minute = found[1].lstrip("0") or "0", found[2].lstrip("0")
        one_hour = self.words.one_hour if hour == "1" else ""
        if not minute:
            return one_hour or f"{self._count(hour)} {self.words.full_hour}".rstrip()
        spoken_hour = one_hour or f"{self._count(hour)} {self.words.hour}"
        return f"{spoken_hour} {self.cardinal(minute)}"

    def _amount_rules(self, value: str) -> tuple[Rule, ...]:
        return (
            figure_rule(
                rf"(?<![\w.,])([-−])?({value}) ?({_CURRENCY})",
                lambda found: self._signed(found[1]) + self.amount(found[2], found[3]),
            ),
            figure_rule(
                rf"(?<!\w)([-−])?({_CURRENCY}) ?({value})",
                lambda found: self._signed(found[1]) + self.amount(found[3], found[2]),
            ),
        )

    def _signed(self, sign: str | None) -> str:
        return f"{self.minus} " if sign else ""

    def _sign_rules(self, value: str) -> tuple[Rule, ...]:
        return (
            figure_rule(
                rf"(?<![\w.,-])({value}) ?[-–] ?(?={value}(?![\w-]))",
                lambda found: f"{self.number(found[1])} {self.words.to} ",
            ),
            figure_rule(
                rf"({value})[ {NO_BREAK_SPACES}]?%",
                lambda found: f"{self.number(found[1])} {self.words.percent}",
            ),
            figure_rule(r"(?<![\w.,)])[-−](?=\d)", f"{self.minus} "),
        )

    def _ordinal_rules(self) -> tuple[Rule, ...]:
        if not self.words.ordinal:
            return ()
        return (
            figure_rule(
                rf"(?<![\w.,])(\d{{1,6}})(?:{self.words.ordinal})(?!\w)",
                lambda found: self.ordinal(found[1], feminine=bool(found.groupdict().get("f"))),
            ),
        )

    def _year_rules(self) -> tuple[Rule, ...]:
        if not self.words.years_by_hundreds:
            return ()
        return (
            figure_rule(
                r"(?<![\w.,])1[1-9]\d\d(?![\w%°]|[.,]\d)", lambda found: self.year(found[0])
            ),
        )

    def _parts_rule(self) -> Rule:
        """Build the rule for versions, chapters and the like, "1.2.3", which are no numbers."""
        grouped = r"(?!\d{1,3}(?:\.\d{3}){2,7}(?!\d|\.\d))" if "." in self.words.thousands else ""
        return figure_rule(
            rf"(?<![\w.,]){grouped}\d{{1,6}}(?:\.\d{{1,6}}){{2,8}}",
            lambda found: " ".join(self.cardinal(part) for part in found[0].split(".")),
        )


def figure_rule(pattern: str, speak: Callable[[re.Match[str]], str | None] | str) -> Rule:
    """Build a rule for something that is written with digits; other texts are passed over."""
    return rule(pattern, speak, needs="0123456789")


@lru_cache(maxsize=16_384)
def _in_words(value: int, code: str, kind: str) -> str:
    return str(num2words(value, lang=code, to=kind))


def _split_decimals(written: str) -> tuple[str, str]:
    """Part a number into the digits before its decimal mark and those after it."""
    found = _DECIMALS.search(written)
    if found is None:
        return re.sub(r"\D", "", written), ""
    # ",5" has no digit in front of its mark.
    return re.sub(r"\D", "", written[: found.start()]) or "0", found[1] or found[2]
