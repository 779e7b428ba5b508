"""This module cuts a long script into parts of about a paragraph, each a script of its own.

Joined, the parts are the script, without the tags that name who speaks. A part never ends inside a
sentence, a block of code or a thought; SSML is one part, for its tags reach across paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from app.text.blocks import find_blocks
from app.text.markup import is_ssml
from app.text.role_tags import find_role_tags
from app.text.sentences import Break, find_words
from app.text.speaker_lines import find_speaker_tags

MOST_CHARS = 600
"""A paragraph that is longer is cut where a sentence ends."""
LEAST_CHARS = 200
"""Shorter ones are spoken with the next: two words alone sound unlike the middle of a talk."""

_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


class Part(NamedTuple):
    """Holds a part of a script, with the white space that follows it, and who speaks it."""

    text: str
    voice: str | None
    """It is named by a tag in the script; None leaves it open."""
    start: int
    """The part begins at this character of the script."""


def cut_into_parts(
    script: str,
    *,
    markup: bool,
    blocks: bool,
    voice_called: Callable[[str], str | None],
) -> list[Part]:
    """Cut a script; parts without a letter or digit stay with the one before them.

    Args:
        markup: whether there may be any; else all of the script is spoken.
        blocks: whether there may be blocks of code, and thoughts.
        voice_called: returns the voice that a name in a tag means, None if there is none.

    Raises:
        InvalidRequest: a tag names a speaker whom nobody knows.
    """
    if markup and is_ssml(script):
        return [Part(script, None, 0)]
    found = find_blocks(script) if blocks else []
    whole = [(block.start, block.end) for block in found]
    parts = [
        part
        for voice, start, end, divisible in _turns(script, voice_called if markup else _nobody)
        for part in _parts(script, start, end, voice, whole, divisible=divisible)
    ]
    return _with_words(parts)


def _nobody(_name: str) -> None:
    return None


def _turns(
    script: str, voice_called: Callable[[str], str | None]
) -> Iterator[tuple[str | None, int, int, bool]]:
    """Yield who speaks from where to where, and whether the stretch may be divided.

    A role may come with a manner, which the tag alone can say: so it stays, and what it speaks is
    one part.
    """
    roles = [] if voice_called is _nobody else find_role_tags(script, voice_called=voice_called)
    if roles:
        starts = [0, *(tag.start for tag in roles), len(script)]
        for start, end in pairwise(starts):
            yield None, start, end, start == 0 and roles[0].start > 0
        return
    tags = [] if voice_called is _nobody else find_speaker_tags(script, voice_called=voice_called)
    begins = [(None, 0), *((voice_called(tag.voice), tag.end) for tag in tags)]
    ends = [*(tag.start for tag in tags), len(script)]
    for (voice, start), end in zip(begins, ends, strict=True):
        yield voice, start, end, True


def _parts(
    script: str,
    start: int,
    end: int,
    voice: str | None,
    whole: list[tuple[int, int]],
    *,
    divisible: bool,
) -> Iterator[Part]:
    if not divisible:
        yield Part(script[start:end], voice, start)
        return
    begin = start
    for cut in (*_cuts(script, start, end, whole), end):
        if cut - begin >= LEAST_CHARS or cut == end:
            yield from _sentences(script, begin, cut, voice, whole)
            begin = cut


def _cuts(script: str, start: int, end: int, whole: list[tuple[int, int]]) -> Iterator[int]:
    for gap in _BLANK_LINES.finditer(script, start, end):
        if not _is_inside(gap.end(), whole):
            yield gap.end()


def _sentences(
    script: str, start: int, end: int, voice: str | None, whole: list[tuple[int, int]]
) -> Iterator[Part]:
    """Cut a paragraph that is too long into parts of like length, where sentences end."""
    if end - start <= MOST_CHARS:
        if start < end:
            yield Part(script[start:end], voice, start)
        return
    text = script[start:end]
    count = -(-len(text) // MOST_CHARS)
    words = find_words(text)
    begin = 0
    for word, following in pairwise(words):
        cut = following.start
        long_enough = cut - begin >= len(text) / count
        if long_enough and word.after >= Break.SENTENCE and not _is_inside(start + cut, whole):
            yield Part(text[begin:cut], voice, start + begin)
            begin = cut
    yield Part(text[begin:], voice, start + begin)


def _is_inside(place: int, whole: list[tuple[int, int]]) -> bool:
    return any(start < place < end for start, end in whole)


def _with_words(parts: list[Part]) -> list[Part]:
    """Join what has no words to the part before it, or after it at the beginning."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        has_words = any(map(str.isalnum, part.text))
        if last is not None and not has_words:
            joined[-1] = last._replace(text=last.text + part.text)
        elif last is not None and not any(map(str.isalnum, last.text)):
            joined[-1] = Part(last.text + part.text, part.voice, last.start)
        else:
            joined.append(part)
    return joined
