"""This module says amounts of money in English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from app.text.normalisation.en.numbers import NUMBER, cardinal, number
from app.text.normalisation.en.units import RATE, name_rate
from app.text.normalisation.rules import Rule, alternatives, rule


class Currency(NamedTuple):
    """Names a currency and its hundredth; without that, decimals are read as in any number."""

    one: str
    many: str
    cent: str = ""
    cents: str = ""


_DOLLAR = Currency("dollar", "dollars", "cent", "cents")


def _dollars(country: str) -> Currency:
    return Currency(f"{country} dollar", f"{country} dollars", "cent", "cents")


_EURO = Currency("euro", "euros", "cent", "cents")
_POUND = Currency("pound", "pounds", "penny", "pence")
_YEN = Currency("yen", "yen")
_RUPEE = Currency("rupee", "rupees", "paisa", "paise")
_REAL = Currency("real", "reais", "centavo", "centavos")
SYMBOLS = {
    "$": _DOLLAR, "€": _EURO, "£": _POUND, "¥": _YEN, "₹": _RUPEE, "₩": Currency("won", "won"),
    "₽": Currency("ruble", "rubles"), "₺": Currency("lira", "lira"),
    "₪": Currency("shekel", "shekels"),
    "₫": Currency("dong", "dong"), "₱": Currency("peso", "pesos"),
    "₴": Currency("hryvnia", "hryvnias"),
    "₿": Currency("bitcoin", "bitcoins"), "US$": _dollars("US"), "U.S.$": _dollars("US"),
    "USD$": _dollars("US"), "A$": _dollars("Australian"), "AU$": _dollars("Australian"),
    "C$": _dollars("Canadian"), "CA$": _dollars("Canadian"), "NZ$": _dollars("New Zealand"),
    "HK$": _dollars("Hong Kong"), "S$": _dollars("Singapore"), "R$": _REAL, "Rs": _RUPEE,
    "Rs.": _RUPEE,
}  # fmt: skip
CODES = {
    "USD": _dollars("US"),
    "EUR": _EURO, "GBP": _POUND, "JPY": _YEN, "CNY": Currency("yuan", "yuan"),
    "RMB": Currency("yuan", "yuan"), "CHF": Currency("Swiss franc", "Swiss francs"),
    "CAD": _dollars("Canadian"), "AUD": _dollars("Australian"), "NZD": _dollars("New Zealand"),
    "HKD": _dollars("Hong Kong"), "SGD": _dollars("Singapore"), "INR": _RUPEE, "BRL": _REAL,
    "SEK": Currency("Swedish krona", "Swedish kronor"), "KRW": Currency("won", "won"),
    "NOK": Currency("Norwegian krone", "Norwegian kroner"), "BTC": Currency("bitcoin", "bitcoins"),
    "DKK": Currency("Danish krone", "Danish kroner"), "PLN": Currency("zloty", "zloty"),
    "MXN": Currency("Mexican peso", "Mexican pesos"), "RUB": Currency("ruble", "rubles"),
}  # fmt: skip
_MAGNITUDES = {
    "L": "lakh", "Cr": "crore", "cr": "crore", "k": "thousand", "K": "thousand", "m": "million",
    "M": "million", "mn": "million",
    "mm": "million", "MM": "million", "mil": "million", "b": "billion", "B": "billion",
    "bn": "billion", "Bn": "billion", "BN": "billion", "t": "trillion", "T": "trillion",
    "tn": "trillion",
}  # fmt: skip
_AS_ADJECTIVE = (
    r"(?P<adjective>(?: |-)(?=(?:bill|note|coin|banknote|check|cheque|fine|fee|reward|deal|"
    r"investment|loan|grant|prize|gift|voucher|coupon|store|house|home|car|contract|question|bet|"
    r"project|lawsuit|company|startup|business|industry|market|plan|bond|ticket|gap|valuation|budget|discount|rebate|donation|fund|a-)(?!\w)))?"
)
_COUNTED = (
    r"(?:\+? (?:[a-z]{2,12} )?(?:users|people|views|viewers|visitors|followers|subscribers|"
    r"downloads|"
    r"copies|dollars|euros|pounds|parameters|params|tokens|rows|lines|jobs|customers|members|units|"
    r"streams|plays|likes|votes|years|records|requests|images|words|sales|households|tons|tonnes|"
    r"miles|steps|homes|items|messages|posts|shares|students|workers|employees|cases|books|children|women|men|adults|residents|refugees|"
    r"migrants|patients|doses|vaccines|barrels|passengers|voters|pupils|tourists|vehicles|cars|"
    r"phones|devices|accounts|citizens|listeners|readers|fans|deaths|births|inhabitants|square|"
    r"papers|articles|pages|species|trees|animals|birds|clicks|hits|sites|[A-Z][a-z]{1,12}ans)"
    r"(?!\w))"
)
_EUROPEAN = r"\d{1,3}(?:\.\d{3}){0,4},\d{2}(?!,?\d)"
_AMOUNT = rf"(?:{_EUROPEAN}|{NUMBER})"
_TO = r" ?(?:[-–—]|to) ?"
_SYMBOL = rf"(?:{alternatives(SYMBOLS)})"
_CODE = rf"(?:{alternatives(CODES)})"


def say_amount(written: str, currency: Currency, magnitude: str = "") -> str:
    """Say an amount: "3.50" in dollars gives "three dollars and fifty cents".

    Args:
        written: as `NUMBER` matches it, without sign.
        currency: what it is an amount of.
        magnitude: "million" and the like, or nothing.
    """
    if magnitude:
        return f"{number(written)} {magnitude} {currency.many}"
    whole, point, decimals = written.partition(".")
    if not point or (len(decimals) <= 2 and not decimals.strip("0")):
        return f"{number(whole)} {currency.one if whole == '1' else currency.many}"
    if len(decimals) > 2 or not currency.cents:
        return f"{number(written)} {currency.many}"
    cents = str(int(decimals.ljust(2, "0")))
    small = f"{cardinal(cents)} {currency.cent if cents == '1' else currency.cents}"
    if not whole.strip("0"):
        return small
    return f"{number(whole)} {currency.one if whole == '1' else currency.many} and {small}"


def _plain(written: str) -> str:
    if re.fullmatch(_EUROPEAN, written):
        return written.replace(".", "").replace(",", ".")
    return written


def _amount(name: str) -> str:
    """Return a pattern for an amount and its magnitude, in groups whose names begin with `name`."""
    return (
        rf"(?P<{name}>{_AMOUNT})"
        rf"(?:[ -]?(?P<{name}_word>[Hh]undred|[Tt]housand|[MBmb]illion|[Tt]rillion|lakh|crore)"
        r"(?!\w)"
        rf"| ?(?P<{name}_short>k|K|mil|mn|mm|MM|m|M|bn|Bn|BN|b|B|tn|t|T|L|Cr|cr)(?!\w))?"
    )


def _money(found: re.Match[str], currencies: Mapping[str, Currency]) -> str:
    groups = found.groupdict()
    currency = currencies[found["name"]]
    low, high, magnitude = found["low"], groups.get("high"), _magnitude(found, "low")
    sign = "minus " if groups["sign"] or groups.get("minus") else ""
    first = f"{sign}{number(_plain(low))} {magnitude}".rstrip()
    if groups.get("adjective") is not None:
        return f"{first} {currency.one} "
    if high and not magnitude and "." in _plain(low) + _plain(high) and currency.cents:
        last = say_amount(_plain(high), currency, _magnitude(found, "high"))
        if not _magnitude(found, "high"):
            return f"{sign}{say_amount(_plain(low), currency)} to {last}"
    if high:
        return f"{first} to {say_amount(_plain(high), currency, _magnitude(found, 'high'))}"
    return sign + say_amount(_plain(low), currency, magnitude)


def _magnitude(found: re.Match[str], name: str) -> str:
    word = found[f"{name}_word"] or ""
    return word.lower() or _MAGNITUDES.get(found[f"{name}_short"] or "", "")


def _bare_magnitude(found: re.Match[str]) -> str | None:
    """Say "10k"; leave "3M" and "12B", a firm and a flat, unless counted things follow."""
    capital = found[3]
    if capital and "." not in found[1] and "," not in found[1] and found["counted"] is None:
        return None
    return f"{number(found[1])} {_MAGNITUDES[capital or found[2]]}"


_SIGNS = "$€£¥₹₩₽₺₪₫₱₴₿"
_CAPITALS = "".join({code[0] for code in CODES})
_SIGN = r"(?P<sign>(?<![\w.,)])[-−–])?"
_RANGE = rf"(?<![\w.,]){_amount('low')}(?:{_TO}{_amount('high')})?"
MONEY: tuple[Rule, ...] = (
    rule(r"(?<=\d)/-(?![\w-])", "", needs="/"),
    rule(
        rf"{_SIGN}(?<![A-Za-z])(?P<name>{_SYMBOL}) ?(?P<minus>[-−])?{_amount('low')}"
        rf"(?:{_TO}(?P=name)?{_amount('high')})?(?!\d){_AS_ADJECTIVE}",
        lambda found: _money(found, SYMBOLS),
        needs=_SIGNS + "R",
    ),
    rule(
        rf"{_SIGN}{_RANGE} ?(?P<name>[€£¥₹₩₽₺₪₫₱₴₿]|\$(?!\d))(?!\w){_AS_ADJECTIVE}",
        lambda found: _money(found, SYMBOLS),
        needs=_SIGNS,
    ),
    rule(
        rf"{_SIGN}{_RANGE} ?(?P<name>{_CODE})(?!\w)",
        lambda found: _money(found, CODES),
        needs=_CAPITALS,
    ),
    rule(
        rf"{_SIGN}(?<!\w)(?P<name>{_CODE}) ?{_amount('low')}(?:{_TO}{_amount('high')})?(?!\w)",
        lambda found: _money(found, CODES),
        needs=_CAPITALS,
    ),
    rule(
        rf"(?<![\w.,])({NUMBER}) ?¢",
        lambda found: f"{number(found[1])} {'cent' if found[1] == '1' else 'cents'}",
        needs="¢",
    ),
    rule(
        rf"(?<![\w.,-])({NUMBER})(?:(k|bn|mn|tn|[mb](?={_COUNTED}))(?!\w)|([KMB])(?!\w)(?P<counted>(?={_COUNTED}))?)",
        _bare_magnitude,
    ),
    rule(rf"(?<=population of )({NUMBER})m(?!\w)", lambda found: f"{number(found[1])} million"),
)
_SHORT_RATES = (
    rule(r"(?<= per )h(?:r)?(?!\w)", "hour"),
    rule(r"(?<= per )d(?!\w)", "day"),
    rule(r"(?<= per )wk(?!\w)", "week"),
    rule(r"(?<= per )mo(?!\w)", "month"),
    rule(r"(?<= per )yr(?!\w)", "year"),
    rule(r"(?<= per )kg(?!\w)", "kilogram"),
    rule(r"(?<= per )lb(?!\w)", "pound"),
    rule(r"(?<= per )min(?!\w)", "minute"),
    rule(r"(?<= per )s(?:ec)?(?!\w)", "second"),
)
PER = (
    rule(
        r"(?<=[a-z]s)/(?=(?:hr|hour|h|day|d|week|wk|month|mo|year|yr|person|night|user|unit|item|kg|lb|min"
        r"|minute|sec|second|page|mile|gallon|head|share|piece|token|seat)(?!\w))",
        " per ",
        needs="/",
    ),
    rule(
        r"(?:(?<=dollars)|(?<=cents)|(?<=euros)|(?<=pounds)|(?<=pence)|(?<=rupees)|(?<=yen)"
        rf"|(?<=yuan)|(?<=francs)|(?<=reais))/({RATE})(?![\w^/])",
        lambda found: f" per {name_rate(found[1])}",
        needs="/",
    ),
    rule(r"(?<=[a-z][se]) p/m(?!\w)", " per month", needs="/"),
    rule(r"(?<=[a-z][se]) p/a(?!\w)", " per year", needs="/"),
    *_SHORT_RATES,
)
WORD_RATES = (
    # What no table of units has: "100 req/s", "5 mg per kilogram/day".
    rule(
        r"(?<=\d )([a-z]{2,12})/(s|sec|min|h|hr|d|day|wk|week|mo|month|yr|year)(?![\w/])",
        lambda found: f"{found[1]} per {found[2]}",
        needs="/",
    ),
    rule(
        r"(?<= per )([a-z]{2,20})/(s|sec|min|h|hr|d|day|wk|week|mo|month|yr|year)(?![\w/])",
        lambda found: f"{found[1]} per {found[2]}",
        needs="/",
    ),
    *_SHORT_RATES,
)
