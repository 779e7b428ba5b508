"""This module tells parts of a whole from fractions: "Step 1/3" is one of three, not a third."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import NUMBER, cardinal, number
from app.text.normalisation.rules import Rule, rule

_COUNTED_OUT = (
    "step page part slide chapter lesson day week question item episode level stage phase round "
    "track disc disk batch epoch task test attempt try figure image photo tweet thread chunk file "
    "frame row line section module unit video lap leg set game match quarter rank position place "
    "job run build worker node shard layer player message email sheet card volume issue exercise "
    "problem quiz exam installment payment scene take screen tip clue point chunk segment pass "
    "iteration fold trial session class room floor copy box bag piece"
)
_AFTER_COUNT = (
    "done complete completed passed passing failed failing finished ready loaded processed sent "
    "received uploaded downloaded installed tests tasks files steps items checks workers nodes "
    "remaining left correct succeeded successful available online healthy running"
)
_RATED = (
    "rated rating rates rate score scored scores scoring gave give gives given grade graded got "
    "get verdict review pain solid strong easy about almost nearly"
)
_RATINGS = (
    "stars? points? marks? votes? rating score would say agree agreed recommend recommended people "
    "users students patients dentists doctors respondents voters women men children adults "
    "americans times games attempts tries shots matches questions answers on for overall"
)
_NOT_GOING_ON = r"(?![\w/]|[.,]\d|-\d)"
_MUSIC = r"(?: time| metre| meter| beat| rhythm| signature| bar| waltz)(?!\w)"


def _any_of(words: str) -> str:
    return "|".join(words.split())


def _of(found: re.Match[str]) -> str | None:
    return f"{found['before']}{number(found['part'])} of {cardinal(found['whole'])}"


def _out_of(found: re.Match[str]) -> str | None:
    return f"{number(found['part'])} out of {cardinal(found['whole'])}"


def _ten(found: re.Match[str]) -> str | None:
    # Nobody says "eight tenths" of what is no measure, but a single tenth is one.
    if found["part"] in {"1", "0"} and not found["article"]:
        return None
    if float(found["part"]) > float(found["whole"]) and found["whole"] == "10":
        return None
    return f"{found['article'] or ''}{_out_of(found)}"


SHARES: tuple[Rule, ...] = (
    rule(
        rf"(?P<before>(?<!\w)(?:{_any_of(_COUNTED_OUT)})s?[ #:]{{1,2}}|^\(|^\[|(?<=\s)\[|"
        rf"^(?=\d{{1,2}}/\d{{1,2}}[):]))(?P<part>\d{{1,6}})[ ]?/["
        rf" ]?(?P<whole>\d{{1,6}}){_NOT_GOING_ON}"
        r"(?! (?:of|cups?|inch|in|tsp|tbsp|mile|teaspoons?|tablespoons?)(?!\w))",
        _of,
        needs="/",
        flags=re.IGNORECASE | re.MULTILINE,
    ),
    rule(
        rf"(?<![\w.,/-])(?P<before>)(?P<part>\d{{1,6}})/(?P<whole>\d{{1,6}})"
        rf"(?= (?:[a-z]{{2,12}} )?(?:{_any_of(_AFTER_COUNT)})(?!\w))",
        _of,
        needs="/",
    ),
    rule(
        rf"(?<![\w.,/-])(\d{{1,2}})/([248]|16){_MUSIC}"
        r"",
        lambda found: (
            f"{cardinal(found[1])} {cardinal(found[2])}{found[0][found.end(2) - found.start() :]}"
        ),
        needs="/",
    ),
    rule(
        rf"(?<!\w)(?P<lead>(?:{_any_of(_RATED)})(?: (?:it|him|her|them|this|that|me|us|as|at|is"
        rf"|was|"
        rf"of|an?|the|only)){{0,2}}:? )(?P<part>{NUMBER})/(?P<whole>5|6|7|10|12|20|25|30|40|50|100)"
        rf"{_NOT_GOING_ON}(?! of )",
        lambda found: f"{found['lead']}{_out_of(found)}",
        needs="/",
        flags=re.IGNORECASE,
    ),
    rule(
        rf"(?<![\w.,/-])(?P<part>{NUMBER})/(?P<whole>\d{{1,6}})"
        rf"(?= (?:{_any_of(_RATINGS)})(?!\w)){_NOT_GOING_ON}",
        lambda found: None if found["part"] == "1" else _out_of(found),
        needs="/",
    ),
    rule(
        rf"(?<![\w.,/-])(?P<part>\d{{1,4}}\.\d{{1,2}})/(?P<whole>\d{{1,4}}){_NOT_GOING_ON}",
        _out_of,
        needs="/",
    ),
    rule(
        rf"(?<![\w,/-])(?<!\d\.)(?<!\d )(?P<article>(?<![\w'])(?:[Aa]n?) )?(?P<part>\d{{1,3}})/"
        rf"(?P<whole>10|100)"
        rf"{_NOT_GOING_ON}(?! (?:of|inch|in|mile|mi|m|cm|mm|sec|second|acre)(?!\w))",
        _ten,
        needs="/",
    ),
)
