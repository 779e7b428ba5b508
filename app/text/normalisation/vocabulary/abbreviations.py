"""This module says abbreviations in full."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.text.full_stops import Stop, stop_after
from app.text.normalisation.rules import Rule, alternatives, rule
from app.text.normalisation.vocabulary.figures import kept_stop
from app.text.normalisation.vocabulary.saying import Saying

_SPACE = "[ \u00a0\u202f]?"


def abbreviation_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for abbreviations anywhere, and for those in front of a number."""
    words = language.words
    anywhere = {_bare(written): full for written, full in words.abbreviations.items()}
    numbered = {_bare(written): full for written, full in words.before_number.items()}
    in_capitals = {bare.upper(): full for bare, full in numbered.items() if len(bare) > 1}

    # In titles and addresses in capitals they are in capitals, too.
    capitals = {
        _bare(each).upper(): full
        for each, full in words.abbreviations.items()
        if len(_bare(each)) > 1 and each.count(".") == 1 and each.endswith(".")
    }

    def say_capitals(found: re.Match[str]) -> str:
        return capitals[_bare(found[0])] + kept_stop(found)

    def say_numbered_capitals(found: re.Match[str]) -> str:
        return f"{in_capitals[found[1]]} "

    letters = [each for each in words.abbreviations if len(_bare(each)) == 1]
    others = [each for each in words.abbreviations if len(_bare(each)) > 1]

    def say(found: re.Match[str]) -> str:
        bare = _bare(found[0])
        full = anywhere.get(bare) or anywhere[bare[:1].lower() + bare[1:]]
        if found[0][0].isupper() and full[0].islower() and bare not in anywhere:
            full = full[0].upper() + full[1:]
        if found.string[found.end() : found.end() + 2] == "..":
            return f"{full}."
        return full + (kept_stop(found) or _stop(found))

    def say_numbered(found: re.Match[str]) -> str:
        bare = _bare(found[0])
        return (numbered.get(bare) or numbered[bare[:1].lower() + bare[1:]]) + " "

    titles = {each.upper(): full for each, full in words.titles.items() if len(each) > 2}
    return (
        rule(
            rf"(?<![\w.])({alternatives(titles)}) (?=[A-ZÀ-Þ]{{2}})",
            lambda found: f"{titles[found[1]]} ",
        ),
        rule(
            rf"(?<![\w.])(?:{alternatives(capitals)})\.(?= (?:[A-ZÀ-Þ]{{2}}|\d)|[,\s]*$|,)",
            say_capitals,
            needs=".",
        ),
        rule(
            r"(?<!\w)[nN](?:[°º]|\.[°ºo]|o\.) ?(?=\d)|№ ?(?=\d)",
            f"{words.signs.number} ",
            needs="°º.№",
        ),
        rule(
            rf"(?<![\w.])({alternatives(words.titles)}) (?=[^\W\d_])",
            lambda found: (
                f"{words.titles[found[1]]} " if found.string[found.end()].isupper() else None
            ),
        ),
        rule(
            rf"(?<![\w.])(?:{_patterns(words.before_number)}){_SPACE}(?=[\dIVXLC])",
            say_numbered,
            needs=".",
        ),
        rule(
            rf"(?<![\w.])({alternatives(in_capitals)})\.{_SPACE}(?=\d)",
            say_numbered_capitals,
            needs=".",
        ),
        # One letter is rather the end of a sentence, if no name follows.
        rule(rf"(?<![\w.])(?:{_patterns(letters)})(?= [^\W\d_a-zà-ÿ])", say, needs="."),
        rule(rf"(?<![\w.])(?:{_patterns(others)})(?!\w)", say, needs="."),
    )


def weekday_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for short forms of weekdays, in front of a date or from one to another."""
    days, to = language.words.weekdays, language.words.to
    day = alternatives(days)
    return (
        rule(
            rf"(?<!\w)({day})\.?[ ]?[-–][ ]?({day})(?!\w)\.?",
            lambda found: f"{days[found[1]]} {to} {days[found[2]]}" + kept_stop(found),
            needs="-–",
        ),
        rule(
            rf"(?<!\w)({day})(?:\.(,?)|(,))(?= ?\d{{1,2}}(?:\.|[ /-]))",
            lambda found: days[found[1]] + (found[2] or found[3] or ""),
            needs=".,",
        ),
    )


def _bare(written: str) -> str:
    return re.sub(r"[\s.]", "", written)


def _patterns(written: Iterable[str]) -> str:
    forms = sorted({form for each in written for form in (each, each[:1].upper() + each[1:])})
    forms.sort(key=len, reverse=True)
    return "|".join(re.escape(form).replace(r"\ ", _SPACE) for form in forms) or "(?!)"


def _stop(found: re.Match[str]) -> str:
    """Return the full stop after words such as "etc." that end a sentence more often than not."""
    word = found[0].rstrip(".")
    ahead = found.string[found.end() : found.end() + 40].lstrip()
    ends = found[0].endswith(".") and stop_after(word, ahead) is Stop.ENDS
    return "." if ends else ""
