"""This module says measures: numbers with units, ranges and sides of them, percentages."""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule, alternatives, rule
from app.text.normalisation.vocabulary.cldr import name_unit
from app.text.normalisation.vocabulary.figures import DASH, figure_rule, kept_stop
from app.text.normalisation.vocabulary.saying import SPACES, Saying, before, leading_word

_LETTERS = frozenset("dAKNJVLW")
"""These are rather letters than units where no space parts them from the number: "Tor 5A"."""
_WORDS = frozenset("dANJK")
"""These are rather words than units where a space parts them from the number."""
_QUOTES = re.compile(r"(?<!\d)[\"“”„]")
_GAP = f"[{SPACES}]?"


def unit_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for measures and percentages."""
    return (
        *_part_rules(language),
        *_duration_rules(language),
        *_side_rules(language),
        _inch_rule(language),
        _percent_rule(language),
        _measure_rule(language),
        _per_rule(language),
        _bare_rate_rule(language),
        _bare_power_rule(language),
    )


def _inch_rule(language: Saying) -> Rule:
    """Build the rule for a mark of inches, which a quotation mark in front of it would close."""
    inch = name_unit("length-inch", language.words.locale)

    def say(found: re.Match[str]) -> str | None:
        line = found.string[max(0, found.start() - 300) : found.start()].rpartition("\n")[2]
        return None if len(_QUOTES.findall(line)) % 2 else language.counted(found[1], inch)

    return figure_rule(
        rf"(?<![\w.,/\"'-])({language.value})[\"″](?=-[^\W\d_]| [a-zß-ÿ]|[,.;)]|$)",
        say,
        flags=re.MULTILINE,
    )


def _per_rule(language: Saying) -> Rule:
    """Build the rule for a unit behind words: "Einwohner/km²"."""
    unit = alternatives(("km^2", "m^2", "km2", "m2", "m^3", "kg", "km", "h", "min"))

    def say(found: re.Match[str]) -> str:
        name = language.unit(found[1]).one
        return f" {language.per(name)}{name}"

    return rule(rf"(?<=[^\W\d_]{{4}})/({unit})(?![\w^/])", say, needs="/")


def _bare_rate_rule(language: Saying) -> Rule:
    """Build the rule for a unit without a number, as in the heading of a table: "kg/m²"."""
    rated = alternatives(each for each in language.units if len(each) > 1 and each.isalpha())
    per = alternatives(each for each in _units_of(language) if each.isascii())

    def say(found: re.Match[str]) -> str:
        whole = f"{found[1]}/{found[2]}"
        if whole in language.units or whole in language.words.own_units:
            return language.unit(whole).many
        by = language.unit(found[2]).one
        return f"{language.unit(found[1]).many} {language.per(by)}{by}"

    return rule(
        rf"(?<![\w./)-])(?<!\d )(g(?=/)|m(?=/s(?!\w))|{rated})/(s\^2|{per})(?![\w^/]|[.,]\w)",
        say,
        needs="/",
    )


def _bare_power_rule(language: Saying) -> Rule:
    """Build the rule for an area or a volume without a number: "in km²", "pro m³"."""
    per = f" {language.words.per} "

    def say(found: re.Match[str]) -> str:
        name = language.unit(f"{found[1]}^{found[2]}")
        return name.one if before(found).endswith(per) else name.many

    return rule(r"(?<![\w./^)-])(?<!\d )(km|cm|mm|m)\^([23])(?![\w^]| ?[=+*/<>-])", say, needs="^")


def _part_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rule for fractions of a unit: "1/2 l", "1 3/4 h"."""

    known = (language.unit(symbol) for symbol in ("h", "l", "kg", "km", "m", "min"))
    named = {name: noun for noun in known for name in noun}
    units = f"{_units(language)}|{alternatives(named)}"

    def say(found: re.Match[str]) -> str | None:
        unit = named.get(found["unit"]) or language.unit(found["unit"])
        return language.part_of_unit(found["whole"] or "", found["above"], found["below"], unit)

    return (
        figure_rule(
            r"(?<![\w.,/])(?:(?P<whole>\d{1,3})[ -])?(?P<above>\d{1,2})/(?P<below>\d{1,2})"
            rf"{_GAP}(?P<unit>{units})(?![\w^/'’])",
            say,
        ),
    )


def _units_of(language: Saying) -> set[str]:
    return {*language.units, *language.words.own_units}


def _units(language: Saying) -> str:
    return alternatives(_units_of(language))


def _range(language: Saying) -> str:
    """Return a pattern for a number, or a range of two, and the sign in front of each."""
    value, to = language.value, language.words.to
    return (
        rf"(?P<sign>(?<![\w.,)°%])[-−–+±])?(?<![\w.,])(?<!\d-)(?P<low>{value})"
        rf"(?:{_GAP}(?:{DASH}|(?<=[{SPACES}]){to}(?=[{SPACES}])){_GAP}"
        rf"(?P<minus>(?<=[{SPACES}])[-−])?(?P<high>{value}))?"
    )


def _say_low(language: Saying, found: re.Match[str]) -> str:
    """Say the sign and the lower end of a range, if it is one; after it comes what has a unit."""
    signs = language.words.signs
    minus = f"{signs.minus} "
    names = {"+": f"{signs.plus} ", "±": f"{signs.plus_minus} "}
    spoken = names.get(found["sign"], minus) if found["sign"] else ""
    if found["high"]:
        spoken += f"{language.number(found['low'])} {language.words.to} "
        spoken += minus if found["minus"] else ""
    return spoken


def _measure_rule(language: Saying) -> Rule:
    words, unit = language.words, _units(language)

    def say(found: re.Match[str]) -> str | None:
        symbol, per = found["unit"], found["per"]
        attached = found.string[found.start("unit") - 1].isdecimal()
        if symbol in (_LETTERS if attached else _WORDS) and not per:
            return None
        whole = f"{symbol}/{per}" if per else symbol
        is_one = whole in language.units or whole in words.own_units
        name = language.unit(whole if is_one else symbol)
        lead = "" if found["high"] else before(found)
        spoken = _say_low(language, found)
        spoken += language.counted(found["high"] or found["low"], name, lead)
        if per and not is_one:
            by = language.unit(per).one
            spoken += f" {language.per(by)}{by}"
        if found["each"]:
            return f"{spoken} {language.per(leading_word(found.string[found.end() :]))}"
        return spoken + kept_stop(found)

    return figure_rule(
        rf"{_range(language)}(?:[{SPACES}]|(?<=\d)-(?=[^\W\d]))?(?P<unit>{unit})"
        rf"(?:/(?P<per>{unit})(?!\w)|(?P<each>/)(?=[^\W\d_]{{3}})|(?![\w/]))(?![\^]|[.,]\d)"
        # In front of a capital the full stop may end the sentence.
        rf"(?:(?<=[a-z])\.(?!\w)"
        rf"(?={_GAP}(?:[a-z,;:)]|\d{{1,2}}{_GAP}(?:[Mm]in|[Ss]ek|s(?:ec)?)(?!\w))|\s*$|\n))?",
        say,
        flags=re.MULTILINE,
    )


def _percent_rule(language: Saying) -> Rule:
    names = {"%": language.words.percent, "‰": language.words.permille}

    def say(found: re.Match[str]) -> str:
        last = language.number(found["high"] or found["low"])
        return f"{_say_low(language, found)}{last} {names[found['name']]}"

    return figure_rule(rf"{_range(language)}{_GAP}(?P<name>[%‰])(?!\w)", say)


def _side_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for sides: "10 x 20 cm", "5 m x 3 m"."""
    value, unit, by = language.value, _units(language), language.words.signs.by

    def say(found: re.Match[str]) -> str | None:
        numbers = re.findall(value, found["sides"])
        is_product = "×" in found[0] or (" " in found[0].strip() and len(numbers) == 2)
        if not found["unit"] and is_product and all(len(each) < 3 for each in numbers):
            return f" {language.words.signs.times} ".join(map(language.number, numbers))
        spoken = f" {by} ".join(language.number(each) for each in numbers)
        return f"{spoken} {language.unit(found['unit']).many}" if found["unit"] else spoken

    def say_first(found: re.Match[str]) -> str:
        return f"{language.counted(found[1], language.unit(found[2]))} {by} "

    return (
        figure_rule(rf"(?<![\w.,])({value}){_GAP}({unit}){_GAP}[xX×]{_GAP}(?=\d)", say_first),
        figure_rule(
            rf"(?<![\w.,])(?P<sides>{value}(?:{_GAP}[xX×]{_GAP}{value}){{1,4}})"
            rf"(?:{_GAP}(?P<unit>{unit})(?![\w^])|(?![\w.]\w|{_GAP}[=+*/^]))",
            say,
        ),
    )


def _duration_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for durations of several parts: "1h30min", "2min15s"."""

    def say(found: re.Match[str]) -> str:
        parts = zip(found.groups(), ("h", "min", "s"), strict=True)
        return " ".join(
            language.counted(str(int(written)), language.unit(unit), before(found))
            for written, unit in parts
            if written and int(written)
        ) + kept_stop(found)

    return (
        figure_rule(
            rf"(?<![\w.,])(\d{{1,3}}){_GAP}h{_GAP}(\d{{1,2}}){_GAP}(?:min|mn|Min|m)(?!\w)"
            rf"(?:{_GAP}(\d{{1,2}}){_GAP}s(?:ec|ek|eg)?(?!\w))?",
            say,
        ),
        figure_rule(rf"(?<![\w.,:])()(\d{{1,3}}):([0-5]\d){_GAP}[mM]in(?!\w)\.?", say),
        figure_rule(r"(?<![\w.,])(\d{1,3})h([0-5]\d)()(?!\w)", say),
        figure_rule(rf"(?<![\w.,])()(\d{{1,3}}){_GAP}(?:min|m)(\d{{1,2}})s(?!\w)", say),
    )
