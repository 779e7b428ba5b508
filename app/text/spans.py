"""This module describes stretches of a text that become chunks, and the limits they keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import regex

from app.speech import TokenCounter
from app.text.sentences import Break

ENOUGH_WORDS = 3
"""A chunk should have at least this many words; the model garbles shorter ones."""

_LONG_WORD_CHARS = 12
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


class ChunkSpan(NamedTuple):
    """Holds a stretch `text[start:end]`, its number of words, and rates the break after it."""

    start: int
    end: int
    words: int
    after: Break


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """Limits a chunk of `text` in code points, and in tokens as the model reads it."""

    text: str
    max_chars: int
    max_tokens: int
    count_tokens: TokenCounter

    def hold(self, start: int, end: int) -> bool:
        """Tell whether `text[start:end]` may be one chunk."""
        if end - start > self.max_chars:
            return False
        return self.count_tokens(self.text[start:end]) <= self.max_tokens

    def span(self, start: int, end: int, after: Break) -> ChunkSpan:
        return ChunkSpan(start, end, count_words(self.text[start:end]), after)


def count_words(text: str) -> int:
    """Count the words that are heard; signs count for none, very long words for several.

    Chinese and Japanese characters, written without spaces, count one each.
    """
    count = 0
    for word in text.split():
        if word.isalpha() or any(map(str.isalnum, word)):
            unspaced = 0 if word.isascii() else len(_UNSPACED.findall(word))
            count += max(1, len(word) // _LONG_WORD_CHARS, unspaced)
    return count
