"""This module says amounts of money, and numbers with a shortened million behind them."""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule, alternatives
from app.text.normalisation.vocabulary.figures import DASH, figure_rule, kept_stop
from app.text.normalisation.vocabulary.saying import (
    SPACES,
    Saying,
    before,
    leading_word,
    split_decimals,
)
from app.text.normalisation.vocabulary.words import Noun

_SIGNS = (
    "US-$", "$US", "$ US", "$ CA",
    "$CA", "$CAN", "$AU", "R$", "US$", "U$S", "U$", "AR$", "MX$", "S/", "A$",
    "C$", "€", "$", "£", "¥", "₹", "₽", "₺", "₩", "₪", "₿", "₫", "₱", "₴", "zł", "Kč",
)  # fmt: skip
_SIGN_CODES = {
    "US-$": "USD",
    "$US": "USD", "$ US": "USD", "$ CA": "CAD", "$CA": "CAD", "$CAN": "CAD", "$AU": "AUD",
    "U$S": "USD", "U$": "USD", "AR$": "ARS", "MX$": "MXN", "S/": "PEN", "A$": "AUD", "C$": "CAD",
    "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS", "₿": "BTC", "₫": "VND", "₱": "PHP",
    "₴": "UAH", "zł": "PLN", "Kč": "CZK",
}  # fmt: skip
_CODES = (
    "EUR|USD|GBP|JPY|CHF|BRL|CNY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|INR|MXN|ARS|CLP|COP|PEN"
    "|UYU|ZAR|KRW|ILS|HKD|SGD|THB|AOA|MZN|XOF|XAF|MAD|TND|DZD|BTC"
)
_CURRENCY = rf"(?:{alternatives(_SIGNS)}|(?<![A-Za-z])(?:{_CODES})(?![A-Za-z]))"
_SIGN = r"(?P<sign>(?<![\w.,)])[-−–])?"


def money_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for amounts, and for "5 Mio." without a currency."""
    words, value = language.words, language.value
    written_out = {form for noun in words.magnitudes.values() for form in noun}
    magnitude = (
        rf"(?:[{SPACES}]?(?P<magnitude>{alternatives(words.magnitudes)}"
        rf"|{alternatives(written_out)})(?!\w)\.?(?:[{SPACES}](?:de|di)(?!\w)|[{SPACES}]d['’])?)?"
    )
    units = (each for each in language.units if each[0] not in "°μΩ")
    unit = alternatives({*language.words.own_units, *units})
    per = (
        rf"(?:[{SPACES}]?/[{SPACES}]?(?P<per>{unit})(?![\w^/])(?:\.(?=,| [a-z]))?"
        rf"|(?P<each>[{SPACES}]?/[{SPACES}]?)(?=[^\W\d_]{{3}}))?"
    )
    to = rf"(?:[{SPACES}]?(?:{DASH}|(?<= ){words.to}(?= ))[{SPACES}]?(?P<high>{value}))?"

    def say(found: re.Match[str]) -> str:
        spoken = say_amount(found)
        if found["per"]:
            by = language.unit(found["per"]).one
            return f"{spoken} {language.per(by)}{by}"
        if found["each"]:
            return f"{spoken} {language.per(leading_word(found.string[found.end() :]))}"
        return spoken

    def say_amount(found: re.Match[str]) -> str:
        sign = f"{words.signs.minus} " if found["sign"] or found.groupdict().get("inner") else ""
        written = found.groupdict().get("code") or found["name"]
        symbol = _SIGN_CODES.get(written, written)
        low, high, short = found["low"], found["high"], found["magnitude"]
        if short:
            return sign + _many(language, low, high, short, symbol)
        if high:
            whole = not split_decimals(low)[1]
            first = (
                language.count(low, language.currency(symbol).many)
                if whole
                else language.amount(low, symbol)
            )
            return f"{sign}{first} {words.to} {language.amount(high, symbol)}"
        return sign + language.amount(low, symbol, before(found))

    def say_short(found: re.Match[str]) -> str | None:
        noun = words.magnitudes[found["short"]]
        if noun.one == "mil" and not split_decimals(found["low"])[1]:
            counted = leading_word(found.string[found.end() :].lstrip())
            return language.count(f"{split_decimals(found['low'])[0]}000", counted)
        return _magnitude(language, found["low"], noun) + kept_stop(found)

    def say_named(found: re.Match[str]) -> str:
        name = found["name"]
        symbol = next(each for each, noun in words.currencies.items() if name in noun)
        return language.amount(found["low"], symbol)

    indian = r"(?<![\w.,])\d{1,2}(?:,\d\d){1,6},\d{3}(?![\d,]|\.\d{3})"
    whole = r"(?:[.,][-–—]{1,2})?"
    names = alternatives({form for noun in words.currencies.values() for form in noun})
    return (
        # In India all groups but the last have two figures.
        figure_rule(indian, lambda found: found[0].replace(",", "")),
        figure_rule(
            rf"(?<![\w.,])(?P<low>{value}(?<=[.,]\d\d))[{SPACES}](?P<name>{names})(?!\w)", say_named
        ),
        # "12€50"
        figure_rule(
            r"(?<![\w.,])(\d{1,6})([€$£])(\d\d)(?![\w.,]\d|\w)",
            lambda found: language.amount(f"{found[1]},{found[3]}", found[2], before(found)),
        ),
        figure_rule(
            rf"{_SIGN}(?<!\w)(?P<name>{_CURRENCY})[{SPACES}]?(?P<inner>[-−])?(?P<low>{value}){whole}{to}"
            rf"{magnitude}(?!\d)(?:[{SPACES}](?P<code>{_CODES})(?![A-Za-z]))?{per}",
            say,
        ),
        figure_rule(
            rf"{_SIGN}(?<![\w.,])(?P<low>{value}){whole}{to}{magnitude}[{SPACES}]?(?P<name>{_CURRENCY})"
            rf"(?!\d){per}",
            say,
        ),
        figure_rule(
            rf"(?<![\w.,])(?P<low>{value})[{SPACES}]?(?P<short>{alternatives(words.magnitudes)})"
            r"(?!\w)(?:(?<=[a-z])\.)?",
            say_short,
        ),
    )


def _many(language: Saying, low: str, high: str | None, short: str, symbol: str) -> str:
    """Say an amount of millions, or a range of them."""
    magnitudes = language.words.magnitudes
    noun = magnitudes.get(short) or next(each for each in magnitudes.values() if short in each)
    currency = language.currency(symbol).many
    first = f"{language.number(low)} {language.words.to} " if high else ""
    return first + language.joined(_magnitude(language, high or low, noun), currency)


def _magnitude(language: Saying, written: str, noun: Noun) -> str:
    if noun.one == noun.many:
        # "mil" and "tausend" are parts of the number.
        spoken = language.number(written)
        return noun.one if noun.one == "mil" and written == "1" else f"{spoken} {noun.one}"
    return language.counted(written, noun)
