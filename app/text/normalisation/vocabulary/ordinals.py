"""This module says ordinals in figures, and Roman numerals."""

from __future__ import annotations

import re

from app.text.normalisation.numerals import roman_value
from app.text.normalisation.rules import Rule, alternatives, rule
from app.text.normalisation.vocabulary.figures import ended_stop, figure_rule
from app.text.normalisation.vocabulary.saying import Saying, before, leading_word

_ROMAN = r"(?=[IVXLCDM])(?P<roman>M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
_SMALL_ROMAN = r"(?=[IVX])(?P<roman>(?:XL|X{0,3})(?:IX|IV|V?I{0,3}))"
_NOT_WORD = r"(?![\w'’-])(?!\.[A-Z])"
_NUMERALS = "IVXLCDM"


def ordinal_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rule for figures with the ending of an ordinal: "3e", "2.ª"."""
    if not language.words.ordinal:
        return ()

    def say(found: re.Match[str]) -> str:
        groups = found.groupdict()
        spoken = language.ordinal(found["digits"], feminine=bool(groups.get("f")))
        if groups.get("s"):
            spoken = language.shortened_ordinal(spoken)
        return spoken + ("s" if groups.get("many") else "")

    return (
        figure_rule(rf"(?<![\w.,])(?P<digits>\d{{1,6}})(?:{language.words.ordinal})(?!\w)", say),
    )


def roman_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for Roman numerals: of rulers, centuries, chapters, and alone."""
    words = language.words

    def value(found: re.Match[str]) -> int:
        return roman_value(found["roman"])

    def say_ruler(found: re.Match[str]) -> str | None:
        number = value(found)
        if not 0 < number < 40:
            return None
        return language.ruler(before(found), found["name"], number) + ended_stop(found)

    def say_ordinal(found: re.Match[str]) -> str | None:
        following = leading_word(found.string[found.end() :].lstrip())
        feminine = bool(found.groupdict().get("f")) or language.gender(following) == "f"
        digits = str(value(found))
        return language.ordinal_before(digits, following, before(found), feminine=feminine)

    def say_century(found: re.Match[str]) -> str:
        return f"{found['name']} {language.century(value(found))}"

    def say_label(found: re.Match[str]) -> str | None:
        # A single C, D, L or M names a letter.
        if found["roman"] in "CDLM":
            return None
        return f"{found['name']} {language.cardinal(str(value(found)))}"

    def say_alone(found: re.Match[str]) -> str:
        return language.cardinal(str(value(found)))

    return (
        # "siglos XIV-XV"
        rule(
            r"(?<![\w.'’-])([IVX]{2,6}(?:e|ème|º|ª|\.)?)[-–—](?=[IVX]{1,6}(?:e|ème|º|ª|\.)?(?!\w))",
            lambda found: f"{found[1]} {words.to} ",
            needs="-–—",
        ),
        rule(
            rf"(?<!\w)(?P<name>(?:{alternatives(words.rulers)})(?: [A-Z]\w{{1,20}})?) "
            rf"{_SMALL_ROMAN}"
            rf"(?:{language.ruler_ending})(?!\w)(?!['’-]\w)(?!\.[A-Z])",
            say_ruler,
            needs=_NUMERALS,
        ),
        rule(
            rf"(?<!\w)(?P<name>{words.century}) {_ROMAN}{_NOT_WORD}", say_century, needs=_NUMERALS
        ),
        rule(
            rf"(?<![\w.'’-]){_SMALL_ROMAN}(?:{words.roman_ordinal})(?!\w)",
            say_ordinal,
            needs=_NUMERALS,
        ),
        rule(
            rf"(?<![\w.'’-]){_SMALL_ROMAN}"
            rf"(?= (?:[a-z]{{1,3}} [IVX]{{1,6}} )?(?:{words.ordinal_nouns})(?!\w))",
            say_ordinal,
            needs=_NUMERALS,
        ),
        rule(
            rf"(?<!\w)(?P<name>{any_case(words.labels)}) {_ROMAN}{_NOT_WORD}",
            say_label,
            needs=_NUMERALS,
        ),
        rule(rf"(?<![\w.'’&-])(?=[IVX]{{2}}){_SMALL_ROMAN}{_NOT_WORD}", say_alone, needs=_NUMERALS),
        rule(
            rf"(?<![\w.'’-])(?=M[CMDLXVI]{{3}}){_ROMAN}{_NOT_WORD}",
            lambda found: language.year(str(value(found))),
            needs="M",
        ),
    )


def any_case(words: tuple[str, ...]) -> str:
    """Return a regular expression for words, with a small or a capital letter at the beginning."""
    return alternatives({form for word in words for form in (word, word[:1].upper() + word[1:])})
