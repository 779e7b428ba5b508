"""This module says English dates and years."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import cardinal, ordinal, plural_of, year
from app.text.normalisation.language import full_year, has_day
from app.text.normalisation.rules import Rule, rule

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_MONTH_BY_START = {name[:3].lower(): name for name in MONTHS}

_MONTH = (
    r"(January|February|March|April|May|June|July|August|September|October|November|December"
    r"|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?"
    r"|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?)"
)
_CAPITALS = "JFMASOND"
_DAY = r"(0?[1-9]|[12]\d|3[01])"
_SUFFIX = r"(?:st|nd|rd|th)?"
_YEAR = r"([12]\d{3})"
_TO = r" ?(?:[-–—]|to|through) ?"
_YEAR_CONTEXT = (
    r"(?:[Ii]n|[Ss]ince|[Ff]rom|[Bb]y|[Uu]ntil|[Tt]ill|[Cc]irca|c\.|ca\.|fl\.|b\.|d\.|r\.|[Yy]ear|[Yy]ears|AD|A\.D\.|"
    r"[Bb]efore|[Aa]fter|[Dd]uring|[Ee]arly|[Ll]ate|[Mm]id|[Ss]pring|[Ss]ummer|[Aa]utumn|[Ff]all|"
    r"[Ww]inter|[Oo]f|[Aa]nd|[Tt]o|[Bb]etween)"
)
_MEASURING_FRACTIONS = frozenset(
    f"{above}/{below}" for below in (2, 3, 4, 8, 16, 32) for above in range(1, below)
)
_ERA = r"(?P<era>BCE|BC|AD|CE|B\.C\.E\.|B\.C\.|A\.D\.|C\.E\.)"
_DECADE = re.compile(r"(?<!\d)['’]?([1-9]0)['’]?s(?!\w)")
_DECADES = r"['’]?[1-9]0['’]?s(?!\w)"
_COMMON_FRACTIONS = frozenset(("1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "1/8", "1/10"))
_BEFORE_DATE = (
    r"(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun|Monday|Tuesday|Wednesday|Thursday|Friday|"
    r"Saturday|Sunday),?|"
    r"[Bb]y|[Oo]n|[Bb]efore|[Uu]ntil|[Tt]ill|[Dd]ue|[Ss]hips|[Ss]hipping"
)
_NO_UNIT = r"(?![\w°%$€£¥]|[.,:/]\d|,\d{3}|[-–]\w)"


def say_date(day: int, month: int, year_digits: str) -> str:
    """Say a date.

    Args:
        day: counted from 1.
        month: counted from 1.
        year_digits: two or four digits, or none.
    """
    spoken = f"{MONTHS[month - 1]} {ordinal(str(day))}"
    return f"{spoken}, {say_year(year_digits)}" if year_digits else spoken


def say_year(digits: str) -> str:
    """Say a year of two or four digits."""
    return year(int(full_year(digits)))


def _date_if_any(day: str, month: str, year_digits: str) -> str | None:
    exists = has_day(int(month), int(day))
    return say_date(int(day), int(month), year_digits) if exists else None


def _month(written: str) -> str:
    return _MONTH_BY_START[written[:3].lower()]


def _month_day(found: re.Match[str]) -> str | None:
    month = MONTHS.index(_month(found[1])) + 1
    if not has_day(month, int(found[3] or found[2])):
        return None
    spoken = f"{_month(found[1])} {ordinal(found[2])}"
    if found[3]:
        spoken += f" to {ordinal(found[3])}"
    return f"{spoken}, {year(int(found[4]))}" if found[4] else spoken


def _day_month(found: re.Match[str]) -> str:
    article = "" if found[1] and not found[1].strip() else "the "
    lead = found[1] or ""
    days = ordinal(found[2]) + (f" to {ordinal(found[3])}" if found[3] else "")
    spoken = f"{lead}{'' if lead.strip().lower() == 'the' else article}{days} of {_month(found[4])}"
    return f"{spoken}, {year(int(found[5]))}" if found[5] else spoken


def _year_month_day(found: re.Match[str]) -> str | None:
    return _date_if_any(found[4], found[3], found[1])


def _slashed_date(found: re.Match[str]) -> str | None:
    first, second, year_digits = found[1], found[3], found[4]
    # The United States write the month first; a date that has no such month is read as European.
    return _date_if_any(second, first, year_digits) or _date_if_any(first, second, year_digits)


def _dotted_date(found: re.Match[str]) -> str | None:
    return _date_if_any(found[1], found[2], found[3])


def _without_year(found: re.Match[str]) -> str | None:
    written = f"{found[2]}/{found[3]}"
    if written == "9/11" or (found[1] in {"by", "By"} and written in _COMMON_FRACTIONS):
        return None
    spoken = _date_if_any(found[3], found[2], "")
    return f"{found[1]} {spoken}" if spoken else None


def _decade(found: re.Match[str]) -> str:
    digits = found[1]
    if len(digits) == 2:
        return plural_of(cardinal(digits)) if digits != "00" else "two thousands"
    if digits[2:] == "00":
        whole = digits.endswith("000")
        return plural_of(cardinal(digits)) if whole else f"{cardinal(digits[:2])} hundreds"
    return f"{cardinal(digits[:2])} {plural_of(cardinal(digits[2:]))}"


def _years(found: re.Match[str]) -> str | None:
    first, last = found[1], found[2]
    if len(last) == 4:
        return f"{year(int(first))} to {year(int(last))}" if int(last) > int(first) else None
    if int(last) <= int(first[2:]):
        return None
    return f"{year(int(first))} to {cardinal(last)}"


def _year_of_era(digits: str) -> str:
    return year(int(digits)) if len(digits) == 4 else cardinal(digits)


def _era_of(found: re.Match[str]) -> str:
    letters = " ".join(char for char in found["era"] if char.isalpha())
    return f"{_year_of_era(found[1])} {letters}"


def _era(found: re.Match[str]) -> str:
    letters = " ".join(char for char in found["era"] if char.isalpha())
    spoken = f"{_year_of_era(found['last'])} {letters}"
    if found["first"] is None:
        return spoken
    joint = found["joint"].strip()
    return f"{_year_of_era(found['first'])} {joint if joint.isalpha() else 'to'} {spoken}"


def _before_year(found: re.Match[str]) -> str:
    letters = " ".join(char for char in found[1] if char.isalpha())
    return f"{letters} {_year_of_era(found[2])}"


def _days_of_two_months(found: re.Match[str]) -> str | None:
    """Say "12/24-1/3" as two dates, but "1/2-3/4" as two fractions."""
    if {f"{found[1]}/{found[2]}", f"{found[3]}/{found[4]}"} <= _MEASURING_FRACTIONS:
        return None
    first = _date_if_any(found[2], found[1], "")
    last = _date_if_any(found[4], found[3], "")
    if not first or not last:
        first = _date_if_any(found[1], found[2], "")
        last = _date_if_any(found[3], found[4], "")
    return f"{first} to {last}" if first and last else None


def _say_decades(found: re.Match[str]) -> str:
    return _DECADE.sub(_decade, found[0])


_WHOLE_DATE = r"(?:\d{1,2}/\d{1,2}/\d{2,4}|\d{4}-\d\d-\d\d)"
DATES: tuple[Rule, ...] = (
    rule(
        rf"(?<![\w/-])({_WHOLE_DATE}) ?[-–—] ?(?={_WHOLE_DATE}(?![\w/-]))",
        lambda found: f"{found[1]} to ",
        needs="-–—",
    ),
    rule(
        rf"(?<!\w)({_MONTH} {_DAY}{_SUFFIX}) ?[-–—] ?(?={_MONTH} {_DAY}{_SUFFIX}(?!\w))",
        lambda found: f"{found[1]} to ",
        needs="-–—",
    ),
    rule(
        r"(?<![\w/])([QH][1-4])/(?=(?:19|20)\d\d(?![\w/]))",
        lambda found: f"{found[1]} ",
        needs="/",
    ),
    rule(
        r"(?<!\w)([Mm]id|[Ee]arly|[Ll]ate|[Pp]re|[Pp]ost)[-–](?=['’]?\d{2,4}(?:s|(?![\w.,])))",
        lambda found: f"{found[1]} ",
        needs="-–",
    ),
    rule(
        rf"(?<!\w)({_BEFORE_DATE}) (\d{{1,2}})/(\d{{1,2}})(?![\w/%]|[.,]\d)"
        r"(?! (?:of|a|an|the|acre|mile|inch|cup)(?!\w))",
        _without_year,
        needs="/",
    ),
    rule(
        rf"(?<![\w.,/-])([12]\d{{3}})([-/.])(0?[1-9]|1[0-2])\2{_DAY}(?:T(?=\d)| "
        rf"(?=\d{{1,2}}:\d\d)|(?![\w/-]|\.\d))",
        lambda found: (
            (_year_month_day(found) or "") + (" at " if found[0][-1] in "T " else "") or None
        ),
        needs="-/.",
    ),
    rule(
        r"(?<![\w.,/-])([12]\d{3})-(0[1-9]|1[0-2])(?![\w/-]|[.,]\d)",
        lambda found: f"{MONTHS[int(found[2]) - 1]} {year(int(found[1]))}",
        needs="-",
    ),
    rule(
        r"(?<![\w.,/-])(\d{1,2})([/-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/-]|[.,]\d)",
        _slashed_date,
        needs="/-",
    ),
    rule(r"(?<![\w.,/-])(\d{1,2})\.(\d{1,2})\.(\d{4})(?![\w/-]|[.,]\d)", _dotted_date, needs="."),
    # A zero in front is written in dates alone.
    rule(
        r"(?<![\w.,/-])(0[1-9]|1[0-2])/(0[1-9])(?![\w/-]|[.,]\d)"
        r"|(?<![\w.,/-])(0[1-9])/([12]\d|3[01])(?![\w/-]|[.,]\d)",
        lambda found: _date_if_any(found[2] or found[4], found[1] or found[3], ""),
        needs="/",
    ),
    rule(
        r"(?<![\w.,/-])(\d{1,2})/(\d{1,2}) ?(?:[-–—]|to) ?(\d{1,2})/(\d{1,2})(?![\w/-]|[.,]\d)",
        _days_of_two_months,
        needs="/",
    ),
    rule(
        rf"(?<!\w){_MONTH} {_DAY}{_SUFFIX}(?:{_TO}{_DAY}{_SUFFIX})?(?!\w)(?![.:/]\d)(?!,\d)"
        rf"(?:,? {_YEAR}(?!\w)(?!,?\d))?",
        _month_day,
        needs=_CAPITALS,
    ),
    rule(
        rf"(?<![\w.,:/-])(?:(?:0?([1-9])|([12]\d|3[01]))\. ?)(?={_MONTH} [12]\d{{3}}(?!\w))",
        lambda found: f"{found[1] or found[2]} ",
        needs=".",
    ),
    rule(
        rf"(?<![\w.,:/-])([Tt]he )?{_DAY}{_SUFFIX}(?:{_TO}{_DAY}{_SUFFIX})?(?: of)?(?: |-){_MONTH}"
        rf"(?!\w)(?:,?[ -]{_YEAR}(?!\w)(?!,?\d))?",
        _day_month,
        needs=_CAPITALS,
    ),
    rule(
        rf"(?<!\w){_MONTH},? {_YEAR}{_NO_UNIT}",
        lambda found: f"{_month(found[1])} {year(int(found[2]))}",
    ),
    rule(
        r"(?<![\w.,/$€£¥-])([12]\d{3}) ?[-–—/] ?(\d{4}|\d{2})(?![\w%°/-]|[.,]\d)",
        _years,
        needs="-–—/",
    ),
    rule(r"(?<![\w.,$€£¥-])([12]\d{2}0)['’]?s(?!\w)", _decade),
    # Without a word or a mark that makes it a decade, "30s" is half a minute.
    rule(
        rf"(?<!\w)(?:[Tt]he|THE|[Hh]is|[Hh]er|[Tt]heir|[Mm]y|[Oo]ur|[Yy]our|[Ii]ts|[Ee]arly|[Mm]id|"
        rf"[Ll]ate|[Ss]wingin[g']|[Rr]oaring)[ -](?:(?:early|mid|late|low|high|upper|lower)[ -])?"
        rf"{_DECADES}(?:(?:,? (?:and|or|to) |, | ?[-–/] ?)(?:(?:early|mid|late|the)["
        rf" -])?{_DECADES})"
        rf"{{0,9}}",
        _say_decades,
    ),
    rule(
        rf"(?<![\w.,$€£¥-]){_DECADES}(?=(?:-era|-style| (?:music|hits?|kids?|rock|pop"
        rf"|styles?|fashion|"
        r"movies?|films?|bands?|songs?|nostalgia|party|sitcoms?|disco|hair|vibes?|cartoons?|era|icons?|"
        r"classics?|punk|metal|hip-hop|jazz|soul|funk|babies|child|children|action|synth))(?!\w))",
        _say_decades,
    ),
    rule(r"(?<![\w.,$€£¥-])['’]([1-9]0)s(?!\w)", _decade, needs="'’"),
    rule(r"(?<![\w'])'(00)s(?!\w)", _decade, needs="'"),
    rule(r"(?<=[Tt]he )(00)s(?!\w)", _decade, needs="0"),
    rule(
        r"(?<![\w.,/$€£¥+-])((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?![\w%€£-]|[.,:/]\d)",
        lambda found: _date_if_any(found[3], found[2], found[1]),
    ),
    rule(
        r"(?<![\w'])'(\d\d)(?![\w'\"])",
        lambda found: cardinal(found[1]) if found[1][0] != "0" else f"oh {cardinal(found[1][1])}",
        needs="'",
    ),
    rule(
        r"(?<![\w.,/$€£¥-])([12]\d{3}) ?[-–—] ?"
        r"(?=(?:[Pp]resent|now|today|date|ongoing)(?!\w))",
        lambda found: f"{year(int(found[1]))} to ",
        needs="-–—",
    ),
    # A quarter or half of a year: "Q1'24".
    rule(
        r"(?<!\w)(?:([QH][1-4]|FY)['’]|(FY))(\d\d)(?!\w)",
        lambda found: f"{' '.join(found[1] or found[2])} {year(int(full_year(found[3])))}",
    ),
    # Of a span from one era to another each year is said with its own.
    rule(
        rf"(?<![\w.,])(\d{{1,4}}) ?{_ERA} ?[-–—] ?(?=(?:AD |A\.D\. |CE )?\d{{1,4}}(?!\w))",
        lambda found: f"{_era_of(found)} to ",
        needs="BAC",
    ),
    rule(
        rf"(?<![\w.,])(?:(?P<first>\d{{1,4}})(?P<joint> ?[-–—] ?| (?:to|and|until|or|through"
        rf"|till) ))?"
        rf"(?P<last>\d{{1,4}}) ?{_ERA}(?!\w)",
        _era,
        needs="BAC",
    ),
    rule(r"(?<![\w.])(AD|A\.D\.) ?(\d{1,4})(?![\w%]|[.,:]\d)", _before_year, needs="A"),
    rule(
        r"(?<![\w.,/-])([12]\d{3}) ?[-–—] ?(?=\)|$)",
        lambda found: f"{year(int(found[1]))} to present",
        needs="-–—",
    ),
    rule(
        rf"(?<!\w)({_YEAR_CONTEXT}) (1[1-9]\d\d|20\d\d){_NO_UNIT}"
        r"(?! (?:[a-z]{2,30}[^s\W]s|people)(?!\w))",
        lambda found: f"{found[1]} {year(int(found[2]))}",
    ),
    rule(
        rf"(?<![\w.,:/$€£¥#+=×^-])(?<![+=×*] )(1[5-9]\d\d|20\d\d)(?= |[,.;:!?)'\"]|$){_NO_UNIT}"
        r"(?! (?:[a-z]{2,30}[^s\W]s|people|[-+=×*/^])(?!\w))",
        lambda found: year(int(found[1])),
        flags=re.MULTILINE,
    ),
)
