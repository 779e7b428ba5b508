"""Numbers, ordinals, percentages, money, dates and times in languages other than English."""

from __future__ import annotations

import re
from functools import lru_cache, partial

from num2words import num2words  # type: ignore[import-untyped]

from app.text.normalisation.languages import LANGUAGES
from app.text.normalisation.rules import Rule, apply_rules, rule

_MAX_DIGITS = 24
"""num2words has no names for longer numbers in some of the languages."""
_CODES = {"EUR": "€", "USD": "$", "US$": "$", "GBP": "£", "JPY": "¥", "BRL": "R$"}
_CURRENCY = r"(?:R\$|US\$|[€$£¥]|(?<![A-Za-z])(?:EUR|USD|GBP|JPY|CHF|BRL)(?![A-Za-z]))"
_DECIMALS = re.compile(r"(?:,(\d+)|\.(\d{1,2}|\d{4,}))$")
_GERMAN_CASE = r"(?:[Aa]m|[Vv]om|[Zz]um|[Bb]eim|[Dd]em|[Dd]en|[Dd]es|[Ii]m|[Aa]b|[Ss]eit)"
_AFTER_CASE = re.compile(rf"(?<!\w){_GERMAN_CASE} $")


def speak_foreign(text: str, language: str) -> str:
    """Say numbers, percentages, amounts, dates and times in a text of one of `LANGUAGES`.

    Everything else, abbreviations and signs included, stays as it is.
    """
    if not any(char in text for char in "0123456789"):
        return text
    return apply_rules(text, _RULES[language])


@lru_cache(maxsize=8192)
def cardinal(digits: str, language: str) -> str:
    """Say an integer; one with very many digits, or with a leading zero, digit by digit."""
    if len(digits) > _MAX_DIGITS or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(cardinal(digit, language) for digit in digits)
    # Commas between the groups would be heard as pauses.
    return str(num2words(int(digits), lang=language)).replace(",", "")


@lru_cache(maxsize=4096)
def ordinal(digits: str, language: str, *, feminine: bool = False) -> str:
    """Say a position; one beyond a million as a plain number."""
    if len(digits) > 6 or not digits.strip("0"):
        return cardinal(digits, language)
    if language == "fr" and int(digits) == 1:
        return "première" if feminine else "premier"
    spoken = str(num2words(int(digits), lang=language, to="ordinal"))
    return re.sub(r"o(?= |$)", "a", spoken) if feminine else spoken


def number(written: str, language: str) -> str:
    """Say a number with a decimal comma or point, its thousands parted or not."""
    whole, decimals = _split(written)
    spoken = cardinal(whole, language)
    if not decimals:
        return spoken
    tail = " ".join(cardinal(digit, language) for digit in decimals)
    return f"{spoken} {LANGUAGES[language].comma} {tail}"


def amount(written: str, symbol: str, language: str) -> str:
    """Say an amount of money; of a currency without a name in the language, its symbol stays."""
    speech = LANGUAGES[language]
    symbol = _CODES.get(symbol, symbol)
    one, many = speech.currencies.get(symbol, (symbol, symbol))
    whole, decimals = _split(written)
    if decimals.strip("0") and (len(decimals) > 2 or symbol not in speech.cents):
        return f"{number(written, language)} {many}"
    spoken = f"{_count(whole, language)} {one if whole == '1' else many}"
    if not decimals.strip("0"):
        return spoken
    cents = str(int(decimals.ljust(2, "0")))
    name = speech.cents[symbol][cents != "1"]
    return f"{spoken} {speech.over_cents} {_count(cents, language)} {name}"


def date(day: int, month: int, year_digits: str, language: str) -> str:
    """Say a date; `day` and `month` count from 1, `year_digits` may be empty."""
    speech = LANGUAGES[language]
    if language == "de":
        spoken_day = ordinal(str(day), language) + "r"
    elif language in {"fr", "it"} and day == 1:
        spoken_day = "premier" if language == "fr" else "primo"
    else:
        spoken_day = cardinal(str(day), language)
    parts = [spoken_day, speech.months[month - 1]]
    if year_digits:
        parts.append(year(year_digits, language))
    return speech.date_joint.join(parts)


@lru_cache(maxsize=4096)
def year(digits: str, language: str) -> str:
    """Say a year of four digits."""
    return str(num2words(int(digits), lang=language, to="year")).replace(" honderd", "honderd")


def _count(digits: str, language: str) -> str:
    spoken = cardinal(digits, language)
    ending, changed = LANGUAGES[language].before_noun
    return spoken.removesuffix(ending) + changed if ending and spoken.endswith(ending) else spoken


def _split(written: str) -> tuple[str, str]:
    """The digits before the decimal mark, and those after it."""
    found = _DECIMALS.search(written)
    if found is None:
        return re.sub(r"\D", "", written), ""
    return re.sub(r"\D", "", written[: found.start()]), found[1] or found[2]


def _say_date(found: re.Match[str], language: str) -> str | None:
    day, month = int(found["day"]), int(found["month"])
    if not 1 <= day <= 31 or not 1 <= month <= 12:
        return None
    spoken = date(day, month, found["year"], language)
    if language == "de" and _AFTER_CASE.search(
        found.string[max(0, found.start() - 6) : found.start()]
    ):
        nominative = ordinal(str(day), language) + "r"
        return f"{nominative[:-1]}n{spoken[len(nominative) :]}"
    return spoken


def _say_time(found: re.Match[str], language: str) -> str:
    speech = LANGUAGES[language]
    hour, minute = found[1], found[2]
    spoken = _count(hour.lstrip("0") or "0", language)
    if language == "fr" and int(hour) == 1:
        return "une heure" + (f" {cardinal(minute.lstrip('0'), language)}" if minute > "00" else "")
    if not minute or minute == "00":
        return f"{spoken} {speech.full_hour}".rstrip()
    return f"{spoken} {speech.hour} {cardinal(minute.lstrip('0'), language)}"


def _say_parts(found: re.Match[str], language: str) -> str:
    return " ".join(cardinal(part, language) for part in re.findall(r"\d+", found[0]))


def _say_german_day(found: re.Match[str]) -> str:
    lead = found[1] or ""
    return f"{lead}{ordinal(found[2], 'de')}{'n' if lead else 'r'} "


def _build(language: str) -> tuple[Rule, ...]:
    speech = LANGUAGES[language]
    value = (
        rf"(?:\d{{1,3}}(?:[{speech.thousands}]\d{{3}}){{1,7}}(?!\d)(?:,\d{{1,36}})?"
        r"|\d{1,36}(?:[.,]\d{1,36})?)"
    )
    say = partial(number, language=language)
    rules = [
        rule(r"\d{37,}", partial(_say_parts_of_run, language=language)),
        rule(
            r"(?<![\w.,/-])(?P<day>\d{1,2})(?P<mark>[./-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\w/-])",
            partial(_say_date, language=language),
        ),
        rule(
            r"(?<![\w.,/-])(?P<year>[12]\d{3})-(?P<month>\d\d)-(?P<day>\d\d)(?![\w/-])",
            partial(_say_date, language=language),
        ),
        rule(
            rf"(?<![\w.,:])([01]?\d|2[0-4])[:{'h' if language in {'fr', 'pt'} else ''}]([0-5]\d)"
            rf"(?: ?(?:Uhr|uur|heures))?(?![\w:])",
            partial(_say_time, language=language),
        ),
        rule(
            rf"(?<![\w.,])([-−])?({value}) ?({_CURRENCY})",
            lambda found: (
                (f"{speech.minus} " if found[1] else "") + amount(found[2], found[3], language)
            ),
        ),
        rule(
            rf"(?<!\w)([-−])?({_CURRENCY}) ?({value})",
            lambda found: (
                (f"{speech.minus} " if found[1] else "") + amount(found[3], found[2], language)
            ),
        ),
        rule(
            rf"(?<![\w.,-])({value}) ?[-–] ?(?={value}(?![\w-]))",
            lambda found: f"{say(found[1])} {speech.to} ",
        ),
        rule(rf"({value})[ \u00a0\u202f]?%", lambda found: f"{say(found[1])} {speech.percent}"),
        rule(r"(?<![\w.,)])[-−](?=\d)", f"{speech.minus} "),
    ]
    if speech.ordinal:
        rules.append(
            rule(
                rf"(?<![\w.,])(\d{{1,6}})(?:{speech.ordinal})(?!\w)",
                lambda found: ordinal(
                    found[1], language, feminine=bool(found.groupdict().get("f"))
                ),
            )
        )
    if language == "de":
        months = "|".join(speech.months)
        rules.append(
            rule(
                rf"(?<!\w)({_GERMAN_CASE} )?([1-9]|[12]\d|3[01])\. (?=(?:{months})(?!\w))",
                _say_german_day,
            )
        )
    if language in {"de", "nl"}:
        rules.append(
            rule(r"(?<![\w.,])1[1-9]\d\d(?![\w%°]|[.,]\d)", lambda found: year(found[0], language))
        )
    parts = partial(_say_parts, language=language)
    if "." in speech.thousands:
        parts_rule = rule(
            r"(?<![\w.,])(?!\d{1,3}(?:\.\d{3}){2,7}(?!\d|\.\d))\d{1,6}(?:\.\d{1,6}){2,8}", parts
        )
    else:
        parts_rule = rule(r"(?<![\w.,])\d{1,6}(?:\.\d{1,6}){2,8}", parts)
    return (*rules, parts_rule, rule(value, lambda found: say(found[0])))


def _say_parts_of_run(found: re.Match[str], language: str) -> str:
    return " ".join(cardinal(digit, language) for digit in found[0])


_RULES = {language: _build(language) for language in LANGUAGES}
