"""Text that is to be read in a way its writer names: SSML's say-as, in plain words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from app.errors import InvalidRequest
from app.text.normalisation import foreign
from app.text.normalisation.en import numbers, quantities
from app.text.normalisation.en.dates import MONTHS, say_date, say_year
from app.text.normalisation.en.money import CODES
from app.text.normalisation.en.roman import value_of
from app.text.normalisation.en.telephones import say_telephone
from app.text.normalisation.en.times import say_time
from app.text.normalisation.languages import LANGUAGES
from app.text.normalisation.numerals import plain_numerals
from app.text.normalise import normalise

_NUMBER = re.compile(r"([-+−]?) ?((?:\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+|\d+)?(?:[.,]\d+)?)")
_FRACTION = re.compile(r"(?:(\d{1,36})[ +])?(\d{1,36}) ?[/⁄] ?(\d{1,36})")
_ORDINAL = re.compile(r"(\d[\d,]{0,47})(?:[^\s\d.,]{1,3}|\.?[ªº°]|\.)?", re.ASCII)
_DATE_PART = re.compile(r"\d{1,8}", re.ASCII)
_TIME = re.compile(
    r"(\d{1,2})(?:[:.h](\d{2}))?(?::(\d{2}))?(?: ?([AaPp])\.? ?[Mm]\.?|Z)?", re.ASCII
)
_TELEPHONE_SIGNS = re.compile(r"[-().]")
_DATE_ORDERS = frozenset(("mdy", "dmy", "ymd", "ydm", "md", "dm", "ym", "my", "y", "m", "d"))
_SIGN_NAMES = {
    ".": "dot", ",": "comma", "-": "dash", "_": "underscore", "/": "slash", "@": "at", "&": "and",
    "#": "hash", "*": "star", "+": "plus", ":": "colon", ";": "semicolon", "?": "question mark",
    "!": "exclamation mark", "%": "percent", "$": "dollar", "(": "open parenthesis",
    ")": "close parenthesis", "'": "apostrophe", '"': "quote", "=": "equals", "\\": "backslash",
    "~": "tilde", "<": "less than", ">": "greater than", "|": "bar", "^": "caret",
}  # fmt: skip


def say_as(text: str, *, interpret_as: str, detail: str | None, language: str) -> str:
    """Write a text the way it is to be read.

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


def _speaks_numbers(language: str) -> bool:
    return language == "en" or language in LANGUAGES


def _said_normally(text: str, _detail: str, language: str) -> str | None:
    return normalise(text, language=language)


def _cardinal(text: str, _detail: str, language: str) -> str | None:
    found = _NUMBER.fullmatch(text)
    if found is None or not found[2] or not text.isascii() or not _speaks_numbers(language):
        return normalise(text, language=language) if any(map(str.isdigit, text)) else None
    negative, written = bool(found[1].strip("+")), found[2]
    if language == "en":
        spoken = numbers.number(written.replace("'", ",").replace(" ", ","))
        return f"minus {spoken}" if negative else spoken
    spoken = foreign.number(written, language)
    return f"{LANGUAGES[language].minus} {spoken}" if negative else spoken


def _ordinal(text: str, _detail: str, language: str) -> str | None:
    found = _ORDINAL.fullmatch(text)
    digits = found[1].replace(",", "") if found else str(value_of(text) or "")
    if not digits.isdecimal() or not digits.isascii() or len(digits) > numbers.MAX_DIGITS:
        return None
    if language == "en":
        return numbers.ordinal(digits)
    feminine = text.endswith(("a", "ª", "re"))
    return foreign.ordinal(digits, language, feminine=feminine) if language in LANGUAGES else None


def _digits(text: str, _detail: str, language: str) -> str | None:
    digits = [str(unicodedata.decimal(char)) for char in text if char.isdecimal()]
    if not digits or any(char.isalpha() for char in text) or not _speaks_numbers(language):
        return None
    if language == "en":
        return numbers.spell_digits("".join(digits))
    return " ".join(foreign.cardinal(digit, language) for digit in digits)


def _characters(text: str, _detail: str, language: str) -> str | None:
    names = [_name_character(char, language) for char in text if not char.isspace()]
    return " ".join(name for name in names if name)


def _name_character(char: str, language: str) -> str:
    if char.isdecimal():
        return _digits(char, "", language) or char
    if char.isalpha():
        # "ß" in capitals is two letters.
        return char.upper() if len(char.upper()) == 1 else char
    return _SIGN_NAMES.get(char, "") if language == "en" else char


def _fraction(text: str, _detail: str, language: str) -> str | None:
    found = _FRACTION.fullmatch(plain_numerals(text).strip())
    if found is None:
        return None
    if language != "en":
        return normalise(text, language=language)
    whole, above, below = found.groups()
    part = quantities.say_fraction(above, below)
    return f"{numbers.cardinal(whole)} and {part}" if whole else part


def _date(text: str, detail: str, language: str) -> str | None:
    order = detail.lower()
    if not order or not _speaks_numbers(language):
        return normalise(text, language=language) if any(map(str.isdigit, text)) else None
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
    return _say_date_parts(given, language)


def _cut(digits: str, order: str) -> list[str]:
    parts = []
    for part in order:
        size = 4 if part == "y" else 2
        parts.append(digits[:size])
        digits = digits[size:]
    return parts


def _say_date_parts(given: dict[str, str], language: str) -> str | None:
    day, month, year = int(given.get("d", 1)), int(given.get("m", 1)), given.get("y", "")
    if say_date(year, month, day) is None:
        return None
    if "d" in given and "m" in given:
        if language == "en":
            return say_date(year, month, day)
        return foreign.date(day, month, _full_year(year), language)
    if "d" in given:
        digits = given["d"].lstrip("0")
        return numbers.ordinal(digits) if language == "en" else foreign.cardinal(digits, language)
    words = []
    if "m" in given:
        words.append((MONTHS if language == "en" else LANGUAGES[language].months)[month - 1])
    if year:
        words.append(
            say_year(year) if language == "en" else foreign.year(_full_year(year), language)
        )
    return " ".join(words)


def _full_year(digits: str) -> str:
    if len(digits) != 2:
        return digits
    return f"{'19' if digits >= '70' else '20'}{digits}"


def _time(text: str, _detail: str, language: str) -> str | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second, half = found.groups()
    if int(hour) > 24 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    if language != "en":
        return normalise(text, language=language)
    spoken_half = f"{half.upper()} M" if half else ""
    return say_time(int(hour), int(minute or 0), int(second) if second else None, spoken_half)


def _telephone(text: str, _detail: str, language: str) -> str | None:
    if not any(map(str.isdigit, text)) or not text.isascii():
        return None
    if language == "en":
        if any(map(str.isalpha, text)):
            return _characters(_TELEPHONE_SIGNS.sub(" ", text), "", language)
        return say_telephone(text)
    return _digits(text.replace("+", ""), "", language)


def _currency(text: str, detail: str, language: str) -> str | None:
    if not any(map(str.isdigit, text)):
        return None
    bare = _NUMBER.fullmatch(text)
    code = detail.upper()
    if bare and bare[2] and code:
        if code not in CODES:
            raise InvalidRequest(f"currency {_quote(detail)} is not known")
        text = f"{text} {code}"
    return normalise(text, language=language)


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
