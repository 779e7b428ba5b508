"""This module says what the shared rules need to know of a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

Gender: TypeAlias = Literal["m", "f", "n"]


class Noun(NamedTuple):
    """Names what is counted, in the singular and in the plural."""

    one: str
    many: str


@dataclass(frozen=True)
class Signs:
    """Names signs between numbers."""

    plus: str
    minus: str
    times: str
    divided: str
    equals: str
    less: str
    more: str
    at_most: str
    at_least: str
    unequal: str
    about: str
    plus_minus: str
    by: str
    """It stands between the sides of something: "10 x 20 cm"."""
    power: str
    """It stands between a base and an exponent."""
    squared: str
    cubed: str
    ratio: str
    """It stands between the numbers of a score or a scale: "3:2"."""
    out_of: str
    """It stands between a part and the whole, as in "page 3/10"."""
    point: str
    """It stands between the parts of a version, and in an address."""
    at: str
    slash: str
    dash: str
    underscore: str
    hash: str
    number: str
    """It is said for "#" in front of a number."""
    ampersand: str
    section: Noun
    copyright: str
    arrow: str
    version: str
    """It is said for "v" in front of a version."""


@dataclass(frozen=True)
class Clock:
    """Says how times of day are written and said."""

    hour: str
    """It stands between hours and minutes."""
    full_hour: Noun
    """It stands after hours without minutes; empty where only the number is said."""
    gender: Gender = "m"
    """Hours are counted in this gender."""
    marks: str = ":"
    """These may part hours and minutes; it is a class of a regular expression."""
    after: str = ""
    """This regular expression matches what may follow a time, and is not said twice."""
    dot_before: str = ""
    """After this regular expression a full stop may part hours and minutes, too."""
    unit: str = ""
    """This regular expression matches what follows a time that is written with a full stop."""
    bare_before: str = ""
    """After this regular expression a full hour needs no word behind it."""
    morning: str = ""
    afternoon: str = ""
    night: str = ""


@dataclass(frozen=True)
class Fractions:
    """Names fractions."""

    half: str
    and_a_half: str
    """It follows a whole number; "-" at its beginning joins the words."""
    one_and_a_half: str
    """It is said for 1 1/2 where that joins the words."""
    quarter: Noun
    third: Noun
    ending: Noun
    """It makes the other denominators of ordinals, in the place of their last letters."""
    cut: str
    """This regular expression matches the last letters that `ending` replaces."""
    joint: str
    """It stands between a whole and its fraction."""
    of_unit: str = ""
    """It stands between a fraction and its unit, as in "three quarters of a litre"."""


class Citations(NamedTuple):
    """Says how sources are named by their numbers: "see [12]"."""

    source: Noun
    naming: str
    """After this regular expression the number is said."""
    not_after: str
    """After words of this regular expression figures in brackets are none of a citation."""


@dataclass(frozen=True)
class Vocabulary:
    """Holds the words and ways of writing that the shared rules need of a language."""

    code: str
    """It is two letters, as in "fr"."""
    numbers: str
    """num2words knows the language under this name."""
    locale: str
    """The Unicode Consortium's data (CLDR) know the language under this name."""
    comma: str
    percent: str
    permille: str
    to: str
    """It stands between the ends of a range."""
    until_now: str
    """It is said for the end of a span of years that is left open: "(1990-)"."""
    over_cents: str
    """It stands between the whole and the hundredths of an amount."""
    cents_named: bool
    """This says whether the hundredths have their name after them."""
    per: str
    signs: Signs
    clock: Clock
    fractions: Fractions
    months: tuple[str, ...]
    """They go from January to December."""
    month_short: tuple[str, ...]
    """Regular expressions for their short forms, without full stop; in the same order."""
    currencies: Mapping[str, Noun]
    """It has the everyday names of currencies, by symbol; CLDR has the others."""
    cents: Mapping[str, Noun]
    """It has the names of each currency's hundredth, by symbol."""
    magnitudes: Mapping[str, Noun]
    """It has words for millions and such, by how they are shortened; without full stop."""
    units: Mapping[str, str]
    """It has CLDR's names of units by the signs that this language alone uses for them."""
    labels: tuple[str, ...]
    """What stands in front of a number that counts nothing: "chapter", "page"."""
    abbreviations: Mapping[str, str]
    """What they stand for, by how they are written, full stops and spaces included."""
    weekdays: Mapping[str, str]
    """Their names by their short forms, without full stop, which count in front of a day only."""
    before_number: Mapping[str, str]
    """Abbreviations that are some only in front of a number."""
    titles: Mapping[str, str]
    """Abbreviations without full stop that stand in front of a name."""
    citations: Citations
    telephone: str
    """This regular expression matches what stands in front of a telephone number."""
    telephone_shape: str
    """This regular expression matches telephone numbers that are known by their groups."""
    times_each: Noun
    """It stands for "x" in "3x"; "-" at its beginning joins the words."""
    own_units: Mapping[str, Noun] = field(default_factory=dict)
    """It has names for units that CLDR does not name, or names differently."""
    after_million: str = ""
    """It stands between millions and what is counted."""
    millions: str = r"(?!)"
    """This regular expression matches the end of a number that takes `after_million`."""
    singular_below_two: bool = False
    """This says whether 0 and 1.5 take the singular."""
    thousands: str = ""
    """These may part thousands, beside spaces; it is a class of a regular expression."""
    ordinal: str = ""
    """This regular expression matches the ending of an ordinal in figures; group f is feminine."""
    roman_ordinal: str = r"(?!)"
    """This regular expression matches the ending of an ordinal in Roman numerals, as `ordinal`."""
    ordinal_nouns: str = r"(?!)"
    """In front of these, words of a regular expression, a Roman numeral is an ordinal."""
    century: str = r"(?!)"
    """This regular expression matches the word for centuries in front of a Roman numeral."""
    rulers: tuple[str, ...] = ()
    """They have numbers: kings, queens and popes."""
    date_joint: str = " "
    """It stands between day, month and year."""
    day_mark: str = ""
    """This regular expression matches what follows the figures of a day in front of a month."""
    before_date: str = r"(?!)"
    """After this regular expression "3/5" is a date."""
    short_date: tuple[str, str] = ("/", "")
    """Regular expressions for what stands between such a day and month, and after them."""
    sure_date: str = r"(?P<day>\d{1,2})/(?P<month>0[1-9]|(?:(?<=2[456]/)|(?<=31/))12)"
    """This regular expression matches a day and a month in figures that can be nothing else."""
    day_range: str = r"(?!)"
    """This regular expression matches the word between two days of one month."""
    counted_after_year: str = r"(?!)"
    """In front of this regular expression 1984 counts something, and is no year."""
    short_year_marks: str = "/"
    """Between these a year may have two digits; it is a class of a regular expression."""
    ordinal_first_day: bool = False
    """This says whether the first of a month is an ordinal, unlike the other days."""
    years_by_hundreds: bool = False
    """This says whether 1984 is read as "nineteen hundred eighty-four"."""
    pairs_in_telephones: bool = False
    """This says whether the digits of telephone numbers are read two by two."""
