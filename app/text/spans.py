"""A stretch of a text that becomes a chunk, and the limits it has to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import regex

from app.speech import TokenCounter
from app.text.sentences import Break

ENOUGH_WORDS = 3
"""The model drops or garbles words in chunks of fewer."""

_LONG_WORD_CHARS = 12
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


class ChunkSpan(NamedTuple):
    """`text[start:end]`, how many words it holds, and the quality of the break after it."""

    start: int
    end: int
    words: int
    after: Break


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """What one chunk of `text` may measure: code points, and tokens as the model reads it."""

    text: str
    max_chars: int
    max_tokens: int
    count_tokens: TokenCounter

    def hold(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` may be one chunk."""
        if end - start > self.max_chars:
            return False
        return self.count_tokens(self.text[start:end]) <= self.max_tokens

    def span(self, start: int, end: int, after: Break) -> ChunkSpan:
        return ChunkSpan(start, end, count_words(self.text[start:end]), after)


def count_words(text: str) -> int:
    """Number of words that are heard; signs count for none, very long words for several.

    Chinese and Japanese characters, written without spaces, count one each.
    """
    count = 0
    for word in text.split():
        if word.isalpha() or any(map(str.isalnum, word)):
            unspaced = 0 if word.isascii() else len(_UNSPACED.findall(word))
            count += max(1, len(word) // _LONG_WORD_CHARS, unspaced)
    return count
