"""This module writes the numerals of all scripts in one form, and reads Roman ones."""

from __future__ import annotations

import re
import unicodedata

import regex

from app.text.mapped import MappedText
from app.text.normalisation.rules import Rule, apply_rules, rule

MAX_DIGITS = 36
"""Numbers with more digits are read digit by digit, as few know the names beyond."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPT = r"⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,36}"
_NUMERAL = regex.compile(r"[[\p{Nd}\p{No}Ⅰ-ↈ]--[0-9]]", flags=regex.V1)
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")

_POWERS: tuple[Rule, ...] = (
    # A raised figure after a word points to a footnote; after a unit or a number it is a power.
    rule(rf"(?<=[A-Za-z]{{4}}){_SUPERSCRIPT}", ""),
    rule(rf"(?<=[\w)]){_SUPERSCRIPT}", lambda found: "^" + found[0].translate(_SUPERSCRIPTS)),
)


def plain_numerals(text: MappedText) -> MappedText:
    """Write every numeral with ASCII digits: "٣" as "3", "½" as "1/2", "x²" as "x^2", "Ⅳ" as IV."""
    if text.text.isascii():
        return text
    return apply_rules(text, _POWERS).sub(_NUMERAL, _plain_numeral)


def roman_value(roman: str) -> int:
    """Return the value of a Roman numeral in capitals and in the usual form, or 0 if it is none."""
    if not roman or not _ROMAN.fullmatch(roman):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in roman]
    following = [*values[1:], 0]
    return sum(
        -value if value < after else value for value, after in zip(values, following, strict=True)
    )


def _plain_numeral(found: regex.Match[str]) -> str:
    char = found[0]
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", char).replace("⁄", "/")
    if plain == char:
        value = unicodedata.numeric(char, 0.5)
        return f" {int(value)} " if value.is_integer() else " "
    before = found.string[found.start() - 1 : found.start()]
    return f" {plain}" if before.isalnum() else plain
