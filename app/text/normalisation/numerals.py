"""This module writes the numerals of all scripts in one form, and reads Roman ones."""

from __future__ import annotations

import re
import unicodedata

import regex

from app.text.mapped import MappedText
from app.text.normalisation.rules import Rule, apply_rules, rule, words

MAX_DIGITS = 36
"""Numbers with more digits are read digit by digit, as few know the names beyond."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPT = r"⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,36}"
_NUMERAL = regex.compile(r"[[\p{Nd}\p{No}Ⅰ-ↈ]--[0-9]]", flags=regex.V1)
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")

_RAISED_LIST = rf"{_SUPERSCRIPT}(?:[ ]?[,˒–-]?[ ]?{_SUPERSCRIPT}){{0,9}}"
_WITH_POWERS = words("km hm dm cm mm μm nm mi ft yd in sec min hr rad mol sin cos tan log ln")
_SHORT_WORDS = words(
    "he me we us it is as at an am be by do go if my no of oh on or so to up et il un du au ce en"
    " le "
    "la ne se te tu du da di de el es lo yo su si se er es im um zu so wo ab ob an je ja ze er os"
    " ao "
    "eu em na no as ai io ma mi ti ci vi lo gli al"
)
_LETTERS = re.compile(r"[^\W\d_]{0,4}\Z")


def _say_raised(found: re.Match[str]) -> str:
    """Write a power with a caret; a figure after a word points to a footnote, and goes."""
    before = _LETTERS.search(found.string[max(0, found.start() - 4) : found.start()])
    letters = before[0] if before else ""
    is_word = len(letters) > 2 or letters.lower() in _SHORT_WORDS
    if is_word and letters not in _WITH_POWERS:
        return ""
    return "^" + found[0].translate(_SUPERSCRIPTS)


_IN_BRACKETS = re.compile(r"\([^()]{0,80}[^\W\d_]{3}[^()]{0,80}\)\Z")


def _after_bracket(found: re.Match[str]) -> str | None:
    """Leave out a figure after words in brackets; after a formula it is a power."""
    before = found.string[max(0, found.start() - 160) : found.start()]
    return "" if _IN_BRACKETS.search(before) else None


_POWERS: tuple[Rule, ...] = (
    rule(rf"(?<=[.,;:!?…\"'”’»%])(?<![⁰¹²³⁴⁵⁶⁷⁸⁹],){_RAISED_LIST}", ""),
    rule(rf"(?<=\)){_RAISED_LIST}", _after_bracket, needs=")"),
    rule(rf"(?<=[^\W\d_]{{4}}){_RAISED_LIST}", ""),
    rule(rf"(?<=[\w)]){_SUPERSCRIPT}", _say_raised),
)


_ION = re.compile(r"(?<=[^\W_])([⁰¹²³⁴⁵⁶⁷⁸⁹]?)([⁺⁻])(?![⁰¹²³⁴⁵⁶⁷⁸⁹])")


def plain_numerals(text: MappedText, minus: str = "-") -> MappedText:
    """Write every numeral with ASCII digits: "٣" as "3", "½" as "1/2", "x²" as "x^2", "Ⅳ" as IV."""
    if text.text.isascii():
        return text

    def charge(found: re.Match[str]) -> str:
        return f" {found[1].translate(_SUPERSCRIPTS)}{'+' if found[2] == '⁺' else ' ' + minus}"

    return apply_rules(text.sub(_ION, charge), _POWERS).sub(_NUMERAL, _plain_numeral)


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
    if "ⅰ" <= char <= "ⅿ":
        plain = plain.upper()
    if plain == char:
        value = unicodedata.numeric(char, 0.5)
        return f" {int(value)} " if value.is_integer() else " "
    before = found.string[found.start() - 1 : found.start()]
    return f" {plain}" if before.isalnum() else plain
