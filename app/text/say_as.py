"""This module reads a text in the way that its writer names, as `<say-as>` of SSML does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from app.errors import InvalidRequest
from app.text.mapped import MappedText
from app.text.normalisation.en.money import CODES
from app.text.normalisation.language import Language, capital, full_year, has_day
from app.text.normalisation.languages import find_language
from app.text.normalisation.numerals import MAX_DIGITS, plain_numerals, roman_value
from app.text.normalise import normalise

_NUMBER = re.compile(r"([-+−]?) ?((?:\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+|\d+)?(?:[.,]\d+)?)")
_FRACTION = re.compile(r"(?:(\d{1,36})[ +])?(\d{1,36}) ?[/⁄] ?(\d{1,36})")
_ORDINAL = re.compile(r"(\d[\d,]{0,47})(?:[^\s\d.,]{1,3}|\.?[ªº°]|\.)?", re.ASCII)
_DATE_PART = re.compile(r"\d{1,8}", re.ASCII)
_TIME = re.compile(
    r"(\d{1,2})(?:[:.h](\d{2}))?(?::(\d{2}))?(?: ?([AaPp])\.? ?[Mm]\.?|Z)?", re.ASCII
)
_DATE_ORDERS = frozenset(("mdy", "dmy", "ymd", "ydm", "md", "dm", "ym", "my", "y", "m", "d"))


def say_as(text: str, *, interpret_as: str, detail: str | None, language: str) -> str:
    """Write a text in the words of its kind: "3" as an ordinal gives "third".

    `cardinal` (or `number`), `ordinal`, `fraction`, `digits`, `characters` (or `spell-out`,
    `verbatim`), `date`, `time`, `telephone`, `currency`, `unit`, and `address`, which is
    normalised like any text. Numbers, digits, currency and dates are said in every language of
    `normalise`; fractions, times, telephone numbers and the names of signs in English, and in
    other languages are normalised as usual.

    Args:
        text: what the tag holds.
        interpret_as: one of the names above, in any case.
        detail: for a date, the order of its parts such as "mdy", "dmy", "ymd" or "md"; without it
            as `normalise` reads dates. For a currency, its code where the text has none. Else
            without effect.
        language: two letters as in "en".

    Raises:
        InvalidRequest: of an unknown kind, or the text is not of that kind.
    """
    kind = interpret_as.strip().lower()
    say = _KINDS.get(kind)
    if say is None:
        known = ", ".join(sorted(_KINDS))
        raise InvalidRequest(f"interpret-as {_quote(interpret_as)} is not supported; use {known}")
    plain = " ".join(text.split())
    spoken = say(plain, (detail or "").strip(), language) if plain else None
    if not spoken:
        raise InvalidRequest(f"{_quote(text)} cannot be read as {kind}")
    return spoken


def _quote(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:60]}…"'


def _said_normally(text: str, _detail: str, language: str) -> str | None:
    return normalise(text, language=language).text


def _cardinal(text: str, _detail: str, language: str) -> str | None:
    found, speech = _NUMBER.fullmatch(text), find_language(language)
    if found is None or not found[2] or not text.isascii() or speech is None:
        return normalise(text, language=language).text if any(map(str.isdigit, text)) else None
    spoken = speech.number(found[2])
    return f"{speech.minus} {spoken}" if found[1].strip("+") else spoken


def _ordinal(text: str, _detail: str, language: str) -> str | None:
    found, speech = _ORDINAL.fullmatch(text), find_language(language)
    digits = found[1].replace(",", "") if found else str(roman_value(text) or "")
    if not digits.isdecimal() or not digits.isascii() or len(digits) > MAX_DIGITS:
        return None
    feminine = text.endswith(("a", "ª", "re"))
    return speech.ordinal(digits, feminine=feminine) if speech else None


def _digits(text: str, _detail: str, language: str) -> str | None:
    speech = find_language(language)
    if speech is None or any(map(str.isalpha, text)):
        return None
    return speech.digits(text)


def _characters(text: str, _detail: str, language: str) -> str | None:
    if speech := find_language(language):
        return speech.spell(text)
    return " ".join(capital(char) for char in text if not char.isspace())


def _fraction(text: str, _detail: str, language: str) -> str | None:
    found, speech = (
        _FRACTION.fullmatch(plain_numerals(MappedText(text)).text.strip()),
        find_language(language),
    )
    if found is None:
        return None
    spoken = speech.fraction(found[1] or "", found[2], found[3]) if speech else None
    return spoken or normalise(text, language=language).text


def _date(text: str, detail: str, language: str) -> str | None:
    order, speech = detail.lower(), find_language(language)
    if not order or speech is None:
        return normalise(text, language=language).text if any(map(str.isdigit, text)) else None
    if order not in _DATE_ORDERS:
        raise InvalidRequest(
            f"the format {_quote(detail)} of a date is none of {', '.join(sorted(_DATE_ORDERS))}"
        )
    parts = _DATE_PART.findall(text)
    if len(parts) == 1 and len(parts[0]) == 8 and len(order) == 3:
        parts = _cut(parts[0], order)
    if len(parts) != len(order) or _DATE_PART.sub("", text).strip(" ./-–,"):
        return None
    given = dict(zip(order, parts, strict=True))
    if len(given.get("y", "2000")) not in {2, 4} or any(len(given.get(k, "1")) > 2 for k in "md"):
        return None
    return _say_date_parts(given, speech)


def _cut(digits: str, order: str) -> list[str]:
    parts = []
    for part in order:
        size = 4 if part == "y" else 2
        parts.append(digits[:size])
        digits = digits[size:]
    return parts


def _say_date_parts(given: Mapping[str, str], speech: Language) -> str | None:
    day, month = int(given.get("d", 1)), int(given.get("m", 1))
    year_digits = full_year(given.get("y", ""))
    if not has_day(month, day):
        return None
    if "d" in given and "m" in given:
        return speech.date(day, month, year_digits)
    if "d" in given:
        return speech.day(day)
    words = [speech.months[month - 1]] if "m" in given else []
    if year_digits:
        words.append(speech.year(year_digits))
    return " ".join(words)


def _time(text: str, _detail: str, language: str) -> str | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second, half = found.groups()
    if int(hour) > 24 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    speech, seconds = find_language(language), int(second) if second else None
    spoken = speech.time(int(hour), int(minute or 0), seconds, half or "") if speech else None
    return spoken or normalise(text, language=language).text


def _telephone(text: str, _detail: str, language: str) -> str | None:
    if not any(map(str.isdigit, text)) or not text.isascii():
        return None
    speech = find_language(language)
    return speech.telephone(text) if speech else None


def _currency(text: str, detail: str, language: str) -> str | None:
    if not any(map(str.isdigit, text)):
        return None
    bare = _NUMBER.fullmatch(text)
    code = detail.upper()
    if bare and bare[2] and code:
        if code not in CODES:
            raise InvalidRequest(f"currency {_quote(detail)} is not known")
        text = f"{text} {code}"
    return normalise(text, language=language).text


_KINDS: dict[str, Callable[[str, str, str], str | None]] = {
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "fraction": _fraction,
    "digits": _digits,
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
    "date": _date,
    "time": _time,
    "telephone": _telephone,
    "currency": _currency,
    "unit": _said_normally,
    "address": _said_normally,
}
