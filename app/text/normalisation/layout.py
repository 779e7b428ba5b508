"""This module mends what typing and printing did to a text before it came here.

Words broken at the end of a line are joined, a grave accent in the place of an apostrophe becomes
one, times of subtitles and marks of citations go, and raised figures are told from others.
"""

from __future__ import annotations

import re
import unicodedata

from app.text.mapped import Edit, MappedText
from app.text.normalisation.hyphens import join_broken
from app.text.normalisation.rules import Rule, apply_rules, rule, words

_ACCENTED_END = re.compile(r"(?<!\w)[^\W\d_]{0,30}[aeiouAEIOU]\Z")
_CUT_SHORT = words("po mo va fa da di sta to be ca de ve vo fe")
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


def mend_layout(text: MappedText, language: str) -> MappedText:
    """Join broken words, write apostrophes as such, and leave out times of subtitles.

    Args:
        text: as it was written.
        language: two letters; they tell which words keep the hyphen at which they are broken.
    """
    written = text.text
    text = join_broken(text, language)
    if "`" in written:
        text = apply_rules(text, _QUOTES)
        text = _with_apostrophes(text, language)
    if "<" in written:
        text = text.sub(_RAISED_PART, _raise).sub(_TRADE_MARK, "").sub(_LOWERED_LETTERS, " <sub>")
    return apply_rules(text, _RULES)


def _accented(written: str, end: int) -> str | None:
    """Return the last letter of an Italian word with its accent; "un po`" has none."""
    word = _ACCENTED_END.search(written, max(0, end - 32), end)
    if word is None or word[0].lower() in _CUT_SHORT or written[end + 1 : end + 2].isalnum():
        return None
    acute = word[0].endswith("che")
    accent = "\N{COMBINING ACUTE ACCENT}" if acute else "\N{COMBINING GRAVE ACCENT}"
    return unicodedata.normalize("NFC", word[0][-1] + accent)


def _raise(found: re.Match[str]) -> str:
    if found[2]:
        # A letter is a power of another, "x<sup>n</sup>"; after a word it points to a note.
        before = found.string[max(0, found.start() - 2) : found.start()]
        return f"^{found[2]}" if before[-1:].isalnum() and not before[:-1].isalpha() else ""
    return re.sub(r"[^⁰¹²³⁴⁵⁶⁷⁸⁹⁻,]", "", found[1].translate(_RAISED))


def _with_apostrophes(text: MappedText, language: str) -> MappedText:
    """Write an apostrophe for every grave accent after a letter that does not end code.

    In Italian it is an accent behind a word, "citta`".
    """
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
            accented = _accented(written, found.start()) if language == "it" else None
            start = found.start() - 1 if accented else found.start()
            edits.append((start, found.end(), accented or "'"))
        else:
            opened = ticks
    return text.edited(edits) if edits else text
