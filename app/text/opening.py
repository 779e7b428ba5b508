"""Finds how much of a text can be spoken well before its first sentence is over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from app.text.sentences import Break, Word, find_words

FEWEST_WORDS = 3
"""Models stumble over fewer words, unless they are a whole sentence."""
_MOST_CHARS = 400
"""Whoever has written more without a pause is looked at no more: each look takes its time."""
_BRACKETS = ("[]", "()", "<>", "{}")
_ANY_SENTENCE = " The"


def opening_end(text: str, *, paused: bool) -> int:
    """Return where the first clause of a text ends that can be spoken well; 0 if there is none.

    Args:
        text: is still being written.
        paused: whether nothing more has come for a while. Then what is there is taken for
            complete: a sentence or a clause, or else enough whole words.
    """
    if len(text) > _MOST_CHARS:
        return 0
    words = find_words(text)
    counted = 0
    for word, following in pairwise(words):
        counted += _is_spoken(text[word.start : word.end])
        if counted >= FEWEST_WORDS and word.after >= Break.CLAUSE and _parts(text, word, following):
            return following.start if _is_closed(text[: word.end]) else 0
    if not paused or not words or not _is_closed(text):
        return 0
    return _end_at_pause(text, words, counted)


def _end_at_pause(text: str, words: Sequence[Word], counted: int) -> int:
    """Return how much of a text is spoken whose writer pauses.

    Args:
        counted: how many spoken words stand before the last one, which may be half a word.
    """
    last = words[-1]
    with_last = counted + _is_spoken(text[last.start :])
    ended = find_words(text.rstrip() + _ANY_SENTENCE)[-2].after
    if ended >= Break.SENTENCE or (ended is Break.CLAUSE and with_last >= FEWEST_WORDS):
        return len(text)
    is_whole = text[-1].isspace()
    end = len(text) if is_whole else last.start
    whole = with_last if is_whole else counted
    # "5" may go on with "km", and be spoken otherwise then.
    return end if whole >= FEWEST_WORDS and text[:end].rstrip()[-1:].isalpha() else 0


def _parts(text: str, word: Word, following: Word) -> bool:
    """Tell whether two words are read alone as they are read together; dates are not."""
    is_number = any(map(str.isdigit, text[word.start : word.end]))
    return text[following.start].isalpha() and not is_number


def _is_spoken(word: str) -> bool:
    return any(map(str.isalnum, word))


def _is_closed(text: str) -> bool:
    """Tell whether all brackets are closed, so that no tag and no aside is cut."""
    return all(text.count(pair[0]) <= text.count(pair[1]) for pair in _BRACKETS)
