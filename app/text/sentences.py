"""This module finds the places where a text may be broken, and rates them.

Breaks are looked for only at white space, after the sentence and clause marks of scripts written
without spaces, and after a dash between two words. What has none of these inside, such as a
number, a URL, a file name or a version, is therefore never broken. Every rule looks at a bounded
stretch on both sides of the gap, so the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

import regex

from app.text.full_stops import Stop, stop_after


class Break(IntEnum):
    """Rates the place after a word as a break; higher is better."""

    JOINED = 0
    """Both sides belong together ("No. 5", "Dr. Smith"), and are broken only in need."""
    WORD = 1
    CLAUSE = 2
    SENTENCE = 3
    PARAGRAPH = 4


class Word(NamedTuple):
    """Holds the place of a word, `text[start:end]`, and rates the break after it."""

    start: int
    end: int
    after: Break


_OPENERS = "\"'“‘„‚«‹([{¿¡「『（【*_"
_CLOSING_QUOTES = "\"'”’»›」』"
_FULL_STOPS = ".…"
_STOPS = _FULL_STOPS + "!?。！？｡؟।۔"
_PAUSES = ",;:—–、，；：،؛"
_CLOSING_BRACKETS = ")]}）】"
_OPENING_BRACKETS = "([{（【"
_NO_BREAK_SPACES = "\u00a0\u202f\u2007"
_WRAPPED_CHARS = 60
"""A line of this many characters may have ended because the page did."""
_REACH_CHARS = 40
"""Rules look this far to either side of a gap; no abbreviation with its quotes is longer."""

# A combining mark directly after white space forms one grapheme with it, which is not broken.
# White space is what `str.isspace` says, which has the four separators U+001C-1F in addition.
_GAP = regex.compile(
    r"(?<!\p{GCB=Prepend})(?P<white>[\s\x1c-\x1f]++)"
    r"(?:(?<=\n)|(?![\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]))"
    r"|(?<![。！？｡])(?P<stop>[。！？｡]++[」』）】”’]*+)(?=[\p{L}\p{N}「『（【“‘])"
    r"|(?<!\p{N})(?P<pause>[、，；：])(?=[\p{L}「『（【“‘])"
    r"|(?<=\p{L})(?P<dash>—)(?=\p{L})"
)
_LIST_ITEM = regex.compile(
    r"(?P<mark>[-*+•·▪◦‣]|\(?\d{1,3}[.)]|\(?[A-Za-z]\)|[–—](?=[ \t]*[¿¡]?\p{Lu}))"
    r"(?:[ \t]|(?<=[–—]))"
)
_UNSPEAKABLE_WORD = re.compile(r"(?:[^\w\s]|_)+(?=\s|$)")
_ABBREVIATION = re.compile(r"(?:(?<!\w)[^\W\d_]\.[ \u00a0])*[^\s—–/(\[{\"'’“„‘«¿¡]+$")


def find_words(text: str) -> list[Word]:
    """Break a text into words, in order; only white space lies between them.

    The text is best in the form `clean_script` gives (NFC, line feeds). The last word's `after`
    is PARAGRAPH; a text of white space has no words.
    """
    stop = len(text.rstrip())
    start = len(text) - len(text.lstrip())
    words: list[Word] = []
    if start >= stop:
        return words
    at_line_start = at_paragraph_start = True
    for gap in _GAP.finditer(text, start, stop):
        end, following = gap.span()
        if gap.lastgroup != "white":
            end = following
            after = Break.SENTENCE if gap.lastgroup == "stop" else Break.CLAUSE
        elif gap[0] == " " and text[end - 1].isalpha() and text[following].isalpha():
            after = Break.WORD  # This is the common case, which is decided early.
        elif _begins_something(text, start, end, at_line_start, at_paragraph_start):
            after = Break.JOINED if "\n" not in gap[0] else _rate(text, end, following)
        else:
            after = _rate(text, end, following)
        words.append(Word(start, end, after))
        start = following
        at_line_start = end < following and "\n" in gap[0]
        at_paragraph_start = after is Break.PARAGRAPH
    words.append(Word(start, stop, Break.PARAGRAPH))
    return words


def end_lines(text: str, words: Sequence[Word]) -> list[Word]:
    """Rate the ends of lines as those of sentences, where the writer meant them.

    A line that goes on in small letters, or is long, was only wrapped.
    """
    ended = list(words)
    for index, (word, following) in enumerate(pairwise(words)):
        if word.after not in (Break.WORD, Break.CLAUSE) or text[following.start].islower():
            continue
        line_start = text.rfind("\n", max(0, word.end - _WRAPPED_CHARS), word.end)
        long = line_start < 0 and word.end >= _WRAPPED_CHARS
        if "\n" in text[word.end : following.start] and not long:
            ended[index] = word._replace(after=Break.SENTENCE)
    return ended


def ends_sentence(text: str) -> bool:
    """Tell whether a text ends with the mark of a sentence, whatever closes or follows it."""
    mark = text.rstrip().rstrip(_CLOSING_QUOTES + _CLOSING_BRACKETS + "“*_")[-1:]
    return bool(mark) and mark in _STOPS


def _begins_something(
    text: str, start: int, end: int, at_line_start: bool, at_paragraph_start: bool
) -> bool:
    """Tell whether a word only introduces the next one: a list mark, an opening quote, a dash."""
    if at_line_start or at_paragraph_start:
        item = _LIST_ITEM.match(text, start)
        if item is not None and item.end("mark") == end:
            return True
    unspeakable = _UNSPEAKABLE_WORD.match(text, start, end)
    if unspeakable is None or unspeakable.end() < end:
        return False
    return at_paragraph_start or is_opener(text, start, end)


def is_opener(text: str, start: int, end: int) -> bool:
    """Tell whether signs that stand alone open what follows, as a bracket or a quote does."""
    # A straight quote standing alone may as well close: it stays with the word before it.
    word = text[start : min(end, start + _REACH_CHARS)]
    return not word.strip(_OPENERS) and bool(word.strip("\"'*_"))


def _rate(text: str, end: int, following: int) -> Break:
    """Rate the white space from `end` to `following`."""
    lines = text.count("\n", end, following)
    if lines >= 2:
        return Break.PARAGRAPH
    if lines and _LIST_ITEM.match(text, following):
        return Break.SENTENCE
    unspeakable = _UNSPEAKABLE_WORD.match(text, following)
    if unspeakable and not is_opener(text, following, unspeakable.end()):
        return Break.JOINED
    if text[end - 1].isdigit() and text[following].isdigit():
        return Break.JOINED
    rating = _rate_punctuation(text, end, following, new_line=lines > 0)
    if rating < Break.SENTENCE and not text[end:following].strip(_NO_BREAK_SPACES):
        return Break.JOINED
    return rating


def _rate_punctuation(text: str, end: int, following: int, *, new_line: bool) -> Break:
    reach = text[max(0, end - _REACH_CHARS) : end]
    spoken = len(reach)
    while spoken and not reach[spoken - 1].isalnum():
        spoken -= 1
    trailing = reach[spoken:]
    mark = next((char for char in reversed(trailing) if char in _STOPS or char in _PAUSES), "")
    if mark and mark in _STOPS:
        ahead = text[following : following + _REACH_CHARS].lstrip(_OPENERS + " \u00a0\u202f")
        return _rate_stop(reach[:spoken], trailing, ahead, new_line=new_line)
    if mark or "--" in trailing or trailing.endswith(" -"):
        return Break.CLAUSE
    if any(char in trailing for char in _CLOSING_BRACKETS):
        return Break.CLAUSE
    return Break.CLAUSE if text[following] in _OPENING_BRACKETS + "—" else Break.WORD


def _rate_stop(before: str, trailing: str, ahead: str, *, new_line: bool) -> Break:
    """Rate a gap after a sentence mark.

    Args:
        before: text up to the last letter or digit before the mark.
        trailing: what follows that letter, the mark included.
        ahead: text after the gap, without opening quotes and brackets.
        new_line: whether the gap is a line break.
    """
    continues = ahead[:1].islower()
    if trailing[:1] == "." and sum(trailing.count(mark) for mark in _STOPS) == 1:
        found = _ABBREVIATION.search(before)
        word = found[0].replace(" ", "").replace("\u00a0", "") if found else ""
        stop = stop_after(word, ahead)
        if stop is not None:
            return _BREAK_OF[stop]
        if continues and not new_line and len(word) <= 3:
            return Break.WORD
    quoted = any(char in trailing for char in _CLOSING_QUOTES)
    if continues and (quoted or not new_line):
        return Break.CLAUSE
    return Break.SENTENCE


_BREAK_OF = {
    Stop.BINDS: Break.JOINED,
    Stop.SHORTENS: Break.WORD,
    Stop.ENDS: Break.SENTENCE,
}
