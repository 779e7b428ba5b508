"""This module says times of day."""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule
from app.text.normalisation.vocabulary.figures import DASH, ended_stop, figure_rule, kept_stop
from app.text.normalisation.vocabulary.saying import SPACES, Saying, before

_HOUR = r"(?:[01]?\d|2[0-4])"
_HALF = r"(?P<half>[ap]) ?\.? ?m(?:\.|(?!\w))"


def time_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for times of day."""
    words, clock = language.words, language.words.clock
    half = rf"|[{SPACES}]?{_HALF}" if clock.morning else ""
    after = rf"(?: ?(?:{clock.after or '(?!)'})(?!\w){half})?"

    def say(found: re.Match[str]) -> str:
        groups = found.groupdict()
        lead = before(found) + (groups.get("lead") or "")
        if groups.get("half"):
            lead += f"{clock.bare_before.partition('|')[0]} "
        spoken = say_clock(
            language, int(found["hour"]), int(found["minute"]), groups.get("second"), lead
        )
        if groups.get("half"):
            spoken += f" {_half(language, int(found['hour']), found['half'])}"
            return (groups.get("lead") or "") + spoken + kept_stop(found)
        return (groups.get("lead") or "") + spoken

    def say_range(found: re.Match[str]) -> str:
        first = language.hour(int(found[1]))
        return f"{first} {language.words.to} "

    minute = rf"(?P<hour>{_HOUR})%s(?P<minute>[0-5]\d)"
    rules = [
        figure_rule(
            rf"(?:(?<=[{clock.marks}]\d\d)|(?<=\d[hH]))[{SPACES}]?{DASH}[{SPACES}]?"
            rf"(?={_HOUR}[{clock.marks}])",
            f" {language.words.to} ",
        ),
        figure_rule(
            rf"(?<![\w.,:])({_HOUR}) ?{DASH} ?(?={_HOUR}(?:[{clock.marks}.][0-5]\d)? ?"
            rf"(?:{clock.after or '(?!)'})(?!\w))",
            say_range,
        ),
        figure_rule(
            rf"(?<![\w.,:]){minute % f'[{clock.marks}]'}(?::(?P<second>[0-5]\d))?{after}(?![\w:])",
            say,
            flags=re.IGNORECASE,
        ),
    ]
    if clock.morning:
        rules.append(
            figure_rule(
                rf"(?<![\w.,:])(?P<hour>1[0-2]|[1-9])[{SPACES}]?{_HALF}",
                lambda found: (
                    f"{language.hour(int(found['hour']))} "
                    f"{_half(language, int(found['hour']), found['half'])}{ended_stop(found)}"
                ),
                flags=re.IGNORECASE,
            )
        )
    if clock.unit:
        rules.insert(
            0,
            figure_rule(
                rf"(?<![\w.,:]){minute % '[.:]'}(?:[{SPACES}]?{DASH}[{SPACES}]?| {words.to} )"
                rf"(?={_HOUR}(?:[.:][0-5]\d)? ?(?:{clock.unit})(?!\w))",
                lambda found: f"{say(found)} {language.words.to} ",
                flags=re.IGNORECASE,
            ),
        )
        rules.append(
            figure_rule(
                rf"(?<![\w.,:]){minute % '[.]'} ?(?:{clock.unit})(?!\w)", say, flags=re.IGNORECASE
            )
        )
    if clock.dot_before:
        rules.append(
            figure_rule(
                rf"(?<!\w)(?P<lead>(?:{clock.dot_before}) ){minute % '[.]'}(?![\w.,]\w|\w|%)",
                say,
                flags=re.IGNORECASE,
            )
        )
    if "h" in clock.marks:
        rules.append(
            figure_rule(
                rf"(?<![\w.,:])(?P<hour>{_HOUR})[{SPACES}]?h[{SPACES}](?P<minute>[0-5]\d)"
                rf"(?![\w.,:]\w|\w|[{SPACES}]?(?:min|m)(?!\w))",
                say,
            )
        )
    return tuple(rules)


def say_clock(
    language: Saying, hour: int, minute: int, second: str | None = None, lead: str = ""
) -> str:
    """Say a time of day.

    Args:
        lead: the end of the text in front of it.
    """
    clock = language.words.clock
    spoken = language.hour(hour)
    if minute:
        name = clock.hour
        if clock.hour == clock.full_hour.many and hour < 2 and language.words.singular_below_two:
            name = clock.full_hour.one
        spoken = f"{spoken} {name} {language.cardinal(str(minute))}"
    elif not re.search(rf"(?<!\w)(?:{clock.bare_before or '(?!)'}) $", lead, re.IGNORECASE):
        singular = hour == 1 or (hour == 0 and language.words.singular_below_two)
        spoken = f"{spoken} {clock.full_hour.one if singular else clock.full_hour.many}".rstrip()
    if second and int(second):
        seconds = language.counted(str(int(second)), language.unit("s"))
        spoken += f" {language.words.signs.ampersand} {seconds}"
    return spoken


def _half(language: Saying, hour: int, half: str) -> str:
    clock = language.words.clock
    if half.lower() == "a":
        return clock.morning
    return clock.afternoon if hour == 12 or hour < 8 else clock.night
