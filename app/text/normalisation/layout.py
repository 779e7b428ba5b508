"""This module mends what typing and printing did to a text before it came here.

Words broken at the end of a line are joined, a grave accent in the place of an apostrophe becomes
one, times of subtitles and marks of citations go, and raised figures are told from others.
"""

from __future__ import annotations

import re

from app.text.mapped import Edit, MappedText
from app.text.normalisation.rules import Rule, apply_rules, rule, words

_COMPOUND_STARTS = words(
    "cross deep double ex so early eight eighty ever far fast fifty first five forty four free "
    "full good half hard high large late left life long low many mid middle mother near new nine "
    "ninety old quick right second self seven seventy short single six sixty small soft third "
    "thirty three twenty two user well wide world year"
)
_COMPOUND_ENDS = words("of to in and or the up down off on out by at for like")
_COMPOUND_SECONDS = words(
    "making based related driven oriented friendly specific aware called known sized shaped level "
    "free looking style like wide faced minded handed president wife husband law term time"
)
_SUFFIXES = words(
    "ly er est ed ing ings ness ment ful less able en ty th teen ish ers ies al ic ion ions"
)
_BROKEN = re.compile(
    r"(?<![\w-])([^\W\d_]{1,30}|\d{1,4})[-‐‑]\n[ \t]*(?=([^\W\d_]{2,20}(?![^\W\d_])|\d))"
)
_RAISED_BY_TAG = r"[-−+]?\d{1,6}(?:[ ]?[,–-][ ]?\d{1,4}){0,6}"
_RAISED = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")
_NUMBERS = r"[1-9]\d{0,2}(?:[ ]?[,–-][ ]?\d{1,3}){0,9}"
_RAISED_PART = re.compile(
    rf"<sup>[ ]?(?:\[?({_RAISED_BY_TAG})\]?|([a-z]))[ ]?</sup>", re.IGNORECASE
)
_TRADE_MARK = re.compile(r"<sup>[ ]?(?:TM|SM|®|©|\*{1,3}|†|‡)[ ]?</sup>", re.IGNORECASE)
_LOWERED_LETTERS = re.compile(r"(?<=[^\W_])<sub>(?=[^\W\d_])", re.IGNORECASE)
_TICKS = re.compile(r"`+|\n")

# LaTeX writes quotes in this way.
_QUOTES = (rule(r"``([^`'\n]{1,500})''", lambda found: f'"{found[1]}"', needs="`"),)
_PATH = re.compile(r"(?:\w:|^|\s)\\\S{0,80}\Z")


def _line_feed(found: re.Match[str]) -> str | None:
    before = found.string[max(0, found.start() - 80) : found.start()]
    return None if _PATH.search(before) else found[0].replace("\\n", "\n").replace("\\t", "\t")


_RULES: tuple[Rule, ...] = (
    # Between the numbers and the words of subtitles stand times, which nobody says.
    rule(
        r"^(?:\d{1,6}[ \t]*\n)?(?:\d{1,3}:)?\d\d:\d\d[.,]\d{3}[ \t]*-->[ \t]*"
        r"(?:\d{1,3}:)?\d\d:\d\d[.,]\d{3}[^\n]{0,200}\n?",
        "",
        needs=">",
        flags=re.MULTILINE,
    ),
    # Figures of notes lose their height when text is copied: "the data.1,2 However".
    rule(
        r"(?<=[a-z]{3}[.!?\"”])(?<!(?:vol|hap|sec|art|fig|par|ext|age|ine|eqs|igs|ols)\.)"
        r"\d{1,2}(?:[,–-]\d{1,2}){0,5}(?=[ \n][\"“(]?[A-Z])",
        "",
        needs="0123456789",
    ),
    # What was written as JSON or in code keeps its line feeds as letters.
    rule(r"(?<=[\w.,!?;:)\"'*])(?:\\[nt])+(?=[\sA-Z\d*#\"-]|$)", _line_feed, needs="\\"),
    # What stands in brackets right after a word or a mark is where it was read.
    rule(
        rf"(?<=[^\W\d_]{{2}})(?:\[{_NUMBERS}\]){{1,10}}(?![\w(\[=]| ?[=+*/<>])"
        rf"|(?<=[.,;:!?\"'”’»)])(?:\[{_NUMBERS}\]){{1,10}}(?![\w(\[])"
        r"|(?<=[\w.,;:!?\"'”’»)\]])\[(?:citation needed|clarification needed|dubious|edit|who\?|"
        r"when\?|note \d{1,3}|nb \d{1,3}|[a-z])\](?![\w(\[])",
        "",
        needs="[",
    ),
)


def mend_layout(text: MappedText) -> MappedText:
    """Join broken words, write apostrophes as such, and leave out times of subtitles."""
    written = text.text
    if "\n" in written:
        text = text.sub(_BROKEN, _join)
    if "`" in written:
        text = apply_rules(text, _QUOTES)
        text = _with_apostrophes(text)
    if "<" in written:
        text = text.sub(_RAISED_PART, _raise).sub(_TRADE_MARK, "").sub(_LOWERED_LETTERS, " <sub>")
    return apply_rules(text, _RULES)


def _join(found: re.Match[str]) -> str | None:
    first, second = found[1], found[2]
    if second[0].isdigit() and first.isupper():
        return f"{first}-"
    if first[0].isdigit() or second[0].isdigit():
        return f"{first}-" if first[0].isdigit() == second[0].isdigit() else None
    if second[0].isupper() or first.isupper() or second in _COMPOUND_ENDS or len(first) == 1:
        return f"{first}-"
    if second in _COMPOUND_SECONDS and len(first) > 3:
        return f"{first}-"
    return f"{first}-" if first.lower() in _COMPOUND_STARTS and second not in _SUFFIXES else first


def _raise(found: re.Match[str]) -> str:
    if found[2]:
        # A letter is a power of another, "x<sup>n</sup>"; after a word it points to a note.
        before = found.string[max(0, found.start() - 2) : found.start()]
        return f"^{found[2]}" if before[-1:].isalnum() and not before[:-1].isalpha() else ""
    return re.sub(r"[^⁰¹²³⁴⁵⁶⁷⁸⁹⁻,]", "", found[1].translate(_RAISED))


def _with_apostrophes(text: MappedText) -> MappedText:
    """Write an apostrophe for every grave accent after a letter that does not end code."""
    written = text.text
    edits: list[Edit] = []
    opened = 0
    for found in _TICKS.finditer(written):
        ticks = len(found[0])
        if found[0] == "\n":
            opened = 0
        elif opened:
            opened = 0 if ticks == opened else opened
        elif ticks == 1 and written[found.start() - 1 : found.start()].isalpha():
            edits.append((*found.span(), "'"))
        else:
            opened = ticks
    return text.edited(edits) if edits else text
