"""This module is the interface of a language, and what all languages share."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable

from app.text.mapped import MappedText
from app.text.normalisation.numerals import plain_numerals

_LAST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Language(ABC):
    """Puts whole texts into words, and single items whose kind the writer has named.

    Digits are ASCII digits throughout. Of the items, a language has to know numbers, ordinals and
    dates; the others have a default.
    """

    code: str
    """It is two letters, as in "en"."""
    steps: tuple[Callable[[MappedText], MappedText], ...]
    """These put running text into words: each step works on what the one before left."""
    minus: str
    """This word stands in front of a negative number."""
    months: tuple[str, ...]
    """They go from January to December."""

    def speak(self, text: MappedText | str) -> MappedText:
        """Put a text without Markdown and emoji into words, as far as the rules go."""
        spoken = plain_numerals(MappedText.of(text), self.minus)
        for step in self.steps:
            spoken = step(spoken)
        return spoken

    @abstractmethod
    def number(self, written: str) -> str:
        """Say a number without sign that is written as the language writes numbers."""

    @abstractmethod
    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        """Say a position; the gender counts where the language has one."""

    @abstractmethod
    def day(self, day: int) -> str:
        """Say a day of the month alone, without month and year."""

    @abstractmethod
    def year(self, digits: str) -> str:
        """Say a year of four digits."""

    @abstractmethod
    def date(self, day: int, month: int, year_digits: str) -> str:
        """Say a date.

        Args:
            day: counted from 1.
            month: counted from 1.
            year_digits: four digits, or none.
        """

    def digits(self, text: str) -> str:
        """Say the digits of a text one by one and leave everything else out."""
        decimals = (unicodedata.decimal(char) for char in text if char.isdecimal())
        return " ".join(self.number(str(value)) for value in decimals)

    def spell(self, text: str) -> str:
        """Say a text character by character: letters as capitals, digits and signs by name."""
        names = (self._name(char) for char in text if not char.isspace())
        return " ".join(name for name in names if name)

    def sign(self, char: str) -> str:
        """Name a sign, or return the sign itself where it has no name."""
        return char

    def fraction(self, whole: str, numerator: str, denominator: str) -> str | None:  # noqa: ARG002
        """Say a fraction, and the whole number before it if any; None leaves it to `speak`."""
        return None

    def time(self, hour: int, minute: int, second: int | None, half: str) -> str | None:  # noqa: ARG002
        """Say a time of day; None leaves it to `speak`.

        Args:
            hour: 0 to 24.
            minute: 0 to 59.
            second: 0 to 59, or None where it is not given.
            half: "a" or "p" in any case, or nothing.
        """
        return None

    def telephone(self, written: str) -> str | None:
        """Say a telephone number; return None for one with letters that the language cannot say."""
        return None if any(map(str.isalpha, written)) else self.digits(written)

    def _name(self, char: str) -> str:
        if char.isdecimal():
            return self.digits(char)
        return capital(char) if char.isalpha() else self.sign(char)


def capital(letter: str) -> str:
    """Write a letter as a capital, which the model reads by its name; "ß" has none and stays."""
    return letter.upper() if len(letter.upper()) == 1 else letter


def has_day(month: int, day: int) -> bool:
    """Tell whether a month, counted from 1, has that day in some year."""
    return 1 <= month <= 12 and 1 <= day <= _LAST_DAYS[month - 1]


def full_year(digits: str) -> str:
    """Complete a year of two digits, which is one from 1970 to 2069; others stay."""
    if len(digits) != 2:
        return digits
    return f"{'19' if digits >= '70' else '20'}{digits}"
