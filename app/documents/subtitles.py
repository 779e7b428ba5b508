"""Reads subtitles, SRT and WebVTT, as one text, and as sentences with their times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import NamedTuple

import pysubs2

from app.bounds import SUBTITLE_SECONDS
from app.documents.blocks import Block, bounded, chapters_of, paragraph, tidy
from app.documents.document import Cue, Document, Unreadable

PARAGRAPH_PAUSE_SECONDS = 2.0
"""After a pause of this length, and the end of a sentence, a paragraph begins."""
APART_SECONDS = 0.7
"""After a pause of this length what follows is spoken at its own time,"""
LONG_CHARACTERS = 200
"""and so it is after so many characters, where no sentence ends."""

_TAG = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
# pysubs2 takes the name of a cue in WebVTT for a part of the cue before it.
_CUE_NAME = re.compile(r"(?<=\n\n)[^\n]{1,200}\n(?=[ \t]*[\d:.]{5,12}[ \t]*-->)")
# What is heard but not said: [door slams], (laughs), ♪
_SOUND = re.compile(r"\[[^\[\]\n]{0,100}\]|^\([^()\n]{0,100}\)$|[♪♫]")
_SENTENCE_END = (".", "!", "?", "…", '"', "”", "»", "'")


def read_subtitles(text: str, form: str) -> Document:
    """Read subtitles; sounds that they describe in brackets are left out.

    Args:
        form: `srt` or `vtt`.

    Raises:
        Unreadable: they cannot be understood, or there are too many.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if form == "vtt":
        text = _CUE_NAME.sub("", text)
    try:
        cues = pysubs2.SSAFile.from_string(text, format_=form)
    except (pysubs2.Pysubs2Error, ValueError) as error:
        raise Unreadable(f"is not {form.upper()}: its cues cannot be understood") from error
    lines = list(_lines(cues))
    return Document(
        None,
        None,
        None,
        chapters_of(bounded(_blocks(lines))),
        cues=tuple(_timed(lines)),
    )


class _Line(NamedTuple):
    text: str
    start_seconds: float
    end_seconds: float


def _lines(cues: pysubs2.SSAFile) -> Iterator[_Line]:
    """Yield what is said, in the order of its times."""
    before = ""
    for cue in sorted(cues, key=lambda each: each.start):
        said = " ".join(_SOUND.sub("", _TAG.sub("", tidy(cue.plaintext))).split())
        if not said or said == before:
            continue  # captions that roll up say a line twice
        before = said
        line = _Line(said, max(0, cue.start) / 1000, max(cue.start, cue.end, 0) / 1000)
        if line.end_seconds > SUBTITLE_SECONDS:
            raise Unreadable(f"goes on for more than the {SUBTITLE_SECONDS / 3600:.0f} hours read")
        yield line


def _blocks(lines: Iterable[_Line]) -> Iterator[Block]:
    said: list[str] = []
    ended_seconds = 0.0
    for line in lines:
        pause_seconds = line.start_seconds - ended_seconds
        if said and pause_seconds >= PARAGRAPH_PAUSE_SECONDS and said[-1].endswith(_SENTENCE_END):
            yield paragraph(" ".join(said))
            said = []
        said.append(line.text)
        ended_seconds = line.end_seconds
    if said:
        yield paragraph(" ".join(said))


def _timed(lines: Iterable[_Line]) -> Iterator[Cue]:
    """Join lines to sentences, each of which has until the next one begins."""
    joined: list[_Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last is None or _is_apart(last, line):
            joined.append(line)
        else:
            end_seconds = max(last.end_seconds, line.end_seconds)
            joined[-1] = _Line(f"{last.text} {line.text}", last.start_seconds, end_seconds)
    with_words = [each for each in joined if any(map(str.isalnum, each.text))]
    for line, following in zip_longest(with_words, with_words[1:]):
        end_seconds = line.end_seconds if following is None else following.start_seconds
        yield Cue(line.text, line.start_seconds, end_seconds)


def _is_apart(last: _Line, line: _Line) -> bool:
    """Tell whether a line is spoken at its own time, and not with the one before it."""
    if line.start_seconds <= last.start_seconds:
        return False
    is_over = last.text.endswith(_SENTENCE_END) or len(last.text) >= LONG_CHARACTERS
    return is_over or line.start_seconds - last.end_seconds >= APART_SECONDS
