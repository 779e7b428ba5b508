"""This module leaves out letters that a model cannot read, and refuses a text that is made of them.

A model that meets letters it was not taught says nothing, or noise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from app.errors import InvalidRequest, Parameter, shortened
from app.text.mapped import MappedText

MAX_UNREADABLE_SHARE = 0.05
"""Among more letters than this the unreadable ones are no names in passing: the text is refused."""

_FOLDED = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l",
    "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ŋ": "ng",
    "Ŋ": "Ng", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T", "ĸ": "k", "ə": "e", "Ə": "E", "ɓ": "b",
    "ɗ": "d", "ƙ": "k", "ɛ": "e", "ɔ": "o", "ʻ": "'", "ʼ": "'", "ʹ": "'", "ʿ": "'", "ʾ": "'",
}  # fmt: skip
_WORD = re.compile(r"\S+")
_EMPTY = re.compile(r"[(\[{] ?[)\]}]")
_GAP = re.compile(r"(?<=[ \t])[ \t]+|[ \t]+(?=[.,!?;:](?:\s|$))")
_SHOWN_CHARS = 40
_MAX_SHOWN = 8


class LetterCheck:
    """Reads the parts of one text with the letters of a model.

    Attributes:
        left_out: what was left out so far, each stretch once, in order.

    Args:
        known: the letters that the model was taught; all are, where there is none.
        languages: what can be spoken here, for the refusal.
    """

    def __init__(self, known: frozenset[str], languages: Sequence[str]) -> None:
        self._known = known
        self._languages = languages
        self._letters = self._unreadable = 0
        self._left_out: dict[str, None] = {}

    @property
    def left_out(self) -> tuple[str, ...]:
        return tuple(self._left_out)

    def read(self, text: MappedText) -> MappedText:
        """Return a part of the text without letters that cannot be read.

        A letter with an accent that the model was not taught becomes the letter without it.
        """
        if not self._known:
            return text
        written = text.text
        changes = {
            char: spoken
            for char in set(written)
            if char.isalpha() and (spoken := self._in_the_place_of(char)) != char
        }
        self._letters += sum(map(str.isalpha, written))
        if not changes:
            return text
        self._note({char for char, spoken in changes.items() if not spoken}, written)
        read = text.sub(_WORD, lambda found: _changed(found[0], changes))
        return read if all(changes.values()) else read.sub(_EMPTY, "").sub(_GAP, "")

    def check(self) -> None:
        """Refuse the text if too much of it was left out.

        Raises:
            InvalidRequest: it was; the first stretch is named.
        """
        if self._unreadable > MAX_UNREADABLE_SHARE * self._letters:
            first = shortened(next(iter(self._left_out)), _SHOWN_CHARS)
            raise InvalidRequest(
                f"{Parameter.TEXT} has letters that the model cannot read, first in {first!r}; "
                f"the languages spoken here are {', '.join(self._languages)}",
                field=Parameter.TEXT,
            )

    def _in_the_place_of(self, letter: str) -> str:
        """Return what is read for a letter: itself, what it folds to, or nothing."""
        if letter in self._known or not self._known.isdisjoint((letter.lower(), letter.upper())):
            return letter
        folded = _fold(letter)
        if folded == letter:
            return ""
        parts = filter(str.isalpha, folded)
        readable = all(not self._known.isdisjoint((each, each.lower())) for each in parts)
        return folded if readable else ""

    def _note(self, unreadable: set[str], written: str) -> None:
        if not unreadable:
            return
        stretch = re.compile(rf"[{''.join(map(re.escape, sorted(unreadable)))}]+")
        for found in stretch.finditer(written):
            self._unreadable += len(found[0])
            if len(self._left_out) < _MAX_SHOWN:
                self._left_out[shortened(found[0], _SHOWN_CHARS)] = None


def _fold(letter: str) -> str:
    """Write a letter without accents, or as the letters that commonly stand for it."""
    if letter in _FOLDED:
        return _FOLDED[letter]
    parts = unicodedata.normalize("NFKD", letter)
    return "".join(part for part in parts if not unicodedata.category(part).startswith("M"))


def _changed(word: str, changes: dict[str, str]) -> str | None:
    """Return a word with its letters changed, None if none is; marks go with their letter."""
    if changes.keys().isdisjoint(word):
        return None
    chars, gone = list[str](), False
    for char in word:
        if gone and unicodedata.category(char).startswith("M"):
            continue
        spoken = changes.get(char, char)
        gone = not spoken
        chars.append(spoken)
    return "".join(chars)
