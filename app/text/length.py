"""This module estimates how long a text will sound, before it is spoken."""

from __future__ import annotations

from app.text.spans import count_words

CHARS_PER_SECOND = 20.0
WORDS_PER_SECOND = 4.0
CHARS_OF_A_DIGIT = 6

_DIGITS = "0123456789"


def least_seconds(text: str) -> float:
    """Estimate how long a text sounds at least, when it is read briskly.

    Speech has about 15 characters and 2.5 words in a second, so that honest texts sound up to a
    half longer. What is spelled, such as single letters, counts by its words.

    Args:
        text: in words, as `normalise` returns it; a digit that is still there counts as a word of
            usual length.
    """
    digits = sum(map(text.count, _DIGITS))
    chars = len(text) + digits * (CHARS_OF_A_DIGIT - 1)
    return max(chars / CHARS_PER_SECOND, count_words(text) / WORDS_PER_SECOND)
