"""Finds the words of a chunk, and which of them each token that the model reads belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_RUN = re.compile(r"\S+")
_READ_ALOUD = "&%@#*"
"""Unicode calls these punctuation, but they are words."""
_PAUSE_MARKS = ",;:.!?…–—、，；：。！？"
_CLOSERS = "\"'”’»)]}*_"


@dataclass(frozen=True, slots=True)
class Reading:
    """Holds the text of a chunk beside what the model reads for it.

    Attributes:
        read: the text with other marks and spaces, perhaps.
        offsets: per token, its characters in `read`, as start and end.
    """

    text: str
    read: str
    offsets: Sequence[tuple[int, int]]


class Word(NamedTuple):
    """Holds the place of a word, `text[start:end]`, and whether a pause may follow it."""

    start: int
    end: int
    before_pause: bool


def spoken_words(text: str) -> tuple[Word, ...]:
    """Find the runs of characters without white space that have something to say."""
    words: list[Word] = []
    for run in _RUN.finditer(text):
        if any(map(_is_spoken, run[0])):
            pauses = run[0].rstrip(_CLOSERS).endswith(tuple(_PAUSE_MARKS))
            words.append(Word(run.start(), run.end(), pauses))
        elif words:  # a dash between two spaces
            words[-1] = words[-1]._replace(before_pause=True)
    return tuple(words)


def token_shares(reading: Reading, words: Sequence[Word]) -> NDArray[np.float32]:
    """Share each token out among the words.

    A token of white space or of marks that stand alone is half the word's before and half the
    word's after it.

    Args:
        words: of the text, at least one.

    Returns:
        `[tokens, words]`, each row adding up to 1.
    """
    owners = _owners(reading.text, words, reading.read)
    before, after = _neighbours(owners, len(words))
    shares = np.zeros((len(reading.offsets), len(words)), np.float32)
    for share, (start, end) in zip(shares, reading.offsets, strict=True):
        owned = [owner for owner in owners[start:end] if owner is not None]
        owned = owned or [before[start], after[min(end, len(owners))]]
        for owner in owned:
            share[owner] += 1 / len(owned)
    return shares


def _owners(text: str, words: Sequence[Word], read: str) -> list[int | None]:
    """Tell for each character of `read` which word it belongs to; None for white space and such.

    Marks come and go on the way from `text` to `read`, what is spoken stays: the first letter is
    the first letter. Should something spoken have been replaced after all, places are scaled.
    """
    spoken = [
        index
        for index, word in enumerate(words)
        for character in text[word.start : word.end]
        if _is_spoken(character)
    ]
    places = [place for place, character in enumerate(read) if _is_spoken(character)]
    owners: list[int | None] = [None] * len(read)
    for order, place in enumerate(places):
        owners[place] = spoken[order * len(spoken) // len(places)]
    for run in _RUN.finditer(read):
        own = [owner for owner in owners[run.start() : run.end()] if owner is not None]
        last = own[0] if own else None
        for place in range(run.start(), run.end()):  # marks go with the letter before them
            last = owners[place] = last if owners[place] is None else owners[place]
    return owners


def _neighbours(owners: Sequence[int | None], words: int) -> tuple[list[int], list[int]]:
    """Tell for each place between characters which words are next to it, before and after."""
    before, after = [0], [words - 1]
    for owner in owners:
        before.append(before[-1] if owner is None else owner)
    for owner in reversed(owners):
        after.append(after[-1] if owner is None else owner)
    return before, after[::-1]


def _is_spoken(character: str) -> bool:
    kind = unicodedata.category(character)[0]
    return kind in "LNS" or character in _READ_ALOUD
