"""This module says dates, months and years."""

from __future__ import annotations

import re

from app.text.normalisation.language import full_year, has_day
from app.text.normalisation.rules import Rule, alternatives
from app.text.normalisation.vocabulary.figures import DASH, figure_rule, kept_stop
from app.text.normalisation.vocabulary.saying import Saying, before

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:1\d|20)\d\d"


def date_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for dates; those for years alone come later."""
    return (*_in_figures(language), *_with_month(language))


def _in_figures(language: Saying) -> tuple[Rule, ...]:
    words = language.words
    mark, end = words.short_date

    leads = rf"{words.before_date}|(?:{alternatives(words.weekdays.values())}),?"

    def say(found: re.Match[str]) -> str | None:
        lead = found.groupdict().get("lead") or ""
        day, month = int(found["day"]), int(found["month"])
        year = full_year(found.groupdict().get("year") or "")
        if not has_day(month, day):
            # Americans write the month first.
            day, month = month, day
        if not has_day(month, day):
            return None
        spoken_day = language.day_in_date(day, before(found) + lead)
        return lead + language.join_date(spoken_day, month, year) + kept_stop(found)

    def say_month(found: re.Match[str]) -> str:
        month = language.months[int(found[1]) - 1]
        return f"{month}{words.date_joint}{language.year(found[2])}"

    def say_two(found: re.Match[str]) -> str | None:
        """Say "24/12-2/1" as two dates, but "1/2-3/4" as two fractions."""
        days = [(int(found[name]), int(found[f"{name}_month"])) for name in ("first", "last")]
        are_parts = mark == "/" and all(0 < day < month for day, month in days)
        if are_parts or not all(has_day(month, day) for day, month in days):
            return None
        first, last = (
            language.join_date(language.day_in_date(day, before(found)), month, "")
            for day, month in days
        )
        return f"{first} {words.to} {last}" + kept_stop(found)

    whole = r"\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d\d)(?![\w/-])"
    return (
        figure_rule(
            rf"(?<![\w.,/-])(\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}) ?{DASH} ?(?={whole})",
            lambda found: f"{found[1]} {words.to} ",
        ),
        figure_rule(
            rf"(?<![\w.,/-])(?P<first>{_DAY}){mark}(?P<first_month>\d{{1,2}}){end}"
            rf"(?: ?{DASH} ?| {words.to} )"
            rf"(?P<last>{_DAY}){mark}(?P<last_month>\d{{1,2}}){end}(?![\w/%-]|[.,]?\d)",
            say_two,
        ),
        figure_rule(r"(?<![\w.,/-])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/]|[.,]\d)", say_month),
        figure_rule(
            r"(?<![\w.,/-])(?P<day>\d{1,2})(?P<mark>\. ?|[/-])(?P<month>\d{1,2})(?P=mark)"
            rf"(?P<year>\d{{4}}|(?<=[{words.short_year_marks}])\d\d)(?![\w/-]|[.,]\d)",
            say,
        ),
        figure_rule(
            r"(?<![\w.,/-])(?P<year>[12]\d{3})-(?P<month>\d\d)-(?P<day>\d\d)(?![\w/-])", say
        ),
        figure_rule(
            rf"(?<!\w)(?P<lead>(?:{leads}) )(?P<day>{_DAY}){mark}"
            rf"(?P<month>0?[1-9]|1[0-2]){end}(?![\w/%]|[-.,]\d)",
            say,
            flags=re.IGNORECASE,
        ),
        figure_rule(rf"(?<![\w.,/-])(?:{words.sure_date})(?![\w/%]|[-.,]\d)", say),
    )


def _full_month(language: Saying, written: str) -> str:
    """Return the name of a month whose name, or a short form of it, is written in any case."""
    words, bare = language.words, written.rstrip(".")
    for known, short in zip(words.months, words.month_short, strict=True):
        if bare.lower() == known.lower():
            return bare
        if re.fullmatch(short, bare, re.IGNORECASE):
            return known
    return bare


def _with_month(language: Saying) -> tuple[Rule, ...]:
    words = language.words
    full = alternatives(words.months)
    short = "|".join(words.month_short)
    # Without full stop and year the short forms are words, such as "mar" in Spanish.
    month = rf"(?P<month>(?:{full})(?!\w)|(?:{short})(?:\.|(?=,? (?:del? )?{_YEAR}(?!\w))))"
    joint = rf"(?:{words.date_joint}| |-)" if words.date_joint.strip() else "[ -]"
    year = rf"(?:(?P<gap>,? (?:del? )?|-)(?P<year>{_YEAR})(?!\w|[.,]\d))?"
    to = rf"(?: ?{DASH} ?| (?:{words.day_range}) )"
    mark = words.day_mark

    def say_year(found: re.Match[str]) -> str:
        if not found["year"]:
            return kept_stop(found)
        joint = found["gap"] if found["gap"].strip(" ,-") else words.date_joint
        return joint + language.year(found["year"])

    def say_day(found: re.Match[str]) -> str | None:
        lead = before(found)
        spoken = language.day_in_date(int(found["day"]), lead)
        if found["mark"].strip(".") and int(found["day"]) == 1:
            spoken = language.ordinal("1")
        if found["to"]:
            last = language.day_in_date(int(found["to"]), lead)
            joint = found["between"].strip()
            spoken += f" {words.to if re.fullmatch(DASH, joint) else joint} {last}"
        return f"{spoken}{words.date_joint}{_full_month(language, found['month'])}{say_year(found)}"

    def say_month(found: re.Match[str]) -> str:
        return _full_month(language, found["month"]) + say_year(found)

    return (
        figure_rule(
            rf"(?<![\w.,/:-])(?P<day>{_DAY})(?P<mark>{mark})(?:(?P<between>{to})(?P<to>{_DAY}){mark})?"
            rf"(?:{joint}){month}{year}",
            say_day,
            flags=re.IGNORECASE,
        ),
        figure_rule(
            rf"(?<!\w)(?P<month>(?:{full})|(?:{short})\.?)(?P<gap>,? (?:del? )?|-)"
            rf"(?P<year>{_YEAR})(?!\w|[.,]\d)",
            say_month,
            flags=re.IGNORECASE,
        ),
    )


def year_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for years and decades alone."""
    words = language.words

    def say_season(found: re.Match[str]) -> str | None:
        first, second = found[1], found[2]
        if int(second) % 100 != (int(first) + 1) % 100:
            return None
        is_year = len(second) == 4 or second == "00"
        last = language.year(str(int(first) + 1)) if is_year else language.cardinal(second)
        return f"{language.year(first)} {last}"

    rules = (
        figure_rule(
            rf"(?<![\w.,/-])({_YEAR}) ?{DASH} ?(?=\))",
            lambda found: f"{language.year(found[1])} {words.until_now}",
        ),
        # "anni '80", "jaren '90"
        figure_rule(
            r"(?<!\w)['’](\d\d)(?!\w)", lambda found: language.cardinal(found[1].lstrip("0") or "0")
        ),
        figure_rule(rf"(?<![\w.,/-])({_YEAR})/(\d\d|{_YEAR})(?![\w/]|[.,]\d)", say_season),
        figure_rule(
            rf"(?<![\w.,/-])({_YEAR}) ?{DASH} ?({_YEAR})(?![\w%°/-]|[.,]\d)",
            lambda found: f"{language.year(found[1])} {words.to} {language.year(found[2])}",
        ),
    )
    if not words.years_by_hundreds:
        return rules
    return (
        *rules,
        figure_rule(
            rf"(?<![\w.,-])1[1-9]\d\d(?![\w%°]|[.,]\d)(?! {words.counted_after_year})",
            lambda found: language.year(found[0]),
        ),
    )
