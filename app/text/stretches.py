"""This module cuts a text into stretches that are read one at a time.

A stretch ends where a paragraph ends or, in a long one, where a sentence ends. So a long text need
not be read to its end before its beginning is spoken, and no other text waits long for its turn.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from app.text.mapped import MappedText
from app.text.sentences import Break, find_words

ENOUGH_CHARS = 600
"""A stretch has at least so many characters, unless the text ends."""
MOST_CHARS = 1200

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
# Marks that belong together must not be parted, nor the tags and brackets around words.
_PAIRED = tuple(re.compile(f"{re.escape(mark)}+") for mark in "*_`~")
_BRACKETS = (("<", ">"), ("[", "]"), ("\\(", "\\)"), ("\\[", "\\]"))
# A line that began with other signs, or with digits, could be taken for the item of a list.
_BEGINNERS = "\"'“‘„«¿¡("


def split_into_stretches(text: MappedText) -> Iterator[MappedText]:
    """Cut a text into stretches of at most `MOST_CHARS`; joined they are the text.

    A stretch of less than `ENOUGH_CHARS` comes only at the end. White space at a cut belongs to the
    stretch before it. Words that stand for one that was written stay together.
    """
    start = 0
    while len(text) - start > MOST_CHARS:
        end = start + _cut(text[start : start + MOST_CHARS], text.text[start + MOST_CHARS])
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _cut(mapped: MappedText, following: str) -> int:
    """Choose where the first stretch of a text ends, of which this is as much as may be taken.

    Args:
        following: the character after it.
    """
    text = mapped.text
    paragraphs = [
        found.end() for found in _PARAGRAPH_END.finditer(text) if found.end() >= ENOUGH_CHARS
    ]
    words = find_words(text)
    sentences, others = [], []
    for index, word in enumerate(words[:-1]):
        end = words[index + 1].start
        if end < ENOUGH_CHARS or mapped.is_rewritten_across(end):
            continue
        starts = text[end]
        if word.after >= Break.SENTENCE and (starts.isalpha() or starts in _BEGINNERS):
            sentences.append(end)
        elif word.after >= Break.WORD:
            others.append(end)
    for ends in (paragraphs, sentences):
        whole = next((end for end in ends if _is_whole(text[:end])), None)
        if whole is not None:
            return whole
    ends = paragraphs or sentences or others
    return ends[-1] if ends else _inside_a_word(text, following)


def _is_whole(text: str) -> bool:
    """Tell whether all marks and tags that are opened in a text are closed in it."""
    return all(len(mark.findall(text)) % 2 == 0 for mark in _PAIRED) and all(
        text.count(left) == text.count(right) for left, right in _BRACKETS
    )


def _inside_a_word(text: str, following: str) -> int:
    """Return where to cut a word of very many characters: not in front of a combining mark."""
    end = len(text)
    while end > 1 and unicodedata.category(following)[0] == "M":
        end -= 1
        following = text[end]
    return end
