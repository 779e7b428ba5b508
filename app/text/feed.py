"""A script that is still being written: what of it can be spoken already."""

from __future__ import annotations

import re
from itertools import pairwise

from app.errors import TooLarge
from app.text.sentences import Break, find_words

# Markup whose meaning reaches beyond the sentence it stands in.
_SSML = re.compile(r"\s*<\s*speak\b", re.IGNORECASE)
_SPEAKER_LINE = re.compile(r"^[ \t]*\[", re.MULTILINE)


class ScriptFeed:
    """Takes text piece by piece and gives it out in passages of whole sentences.

    Pieces are joined as they are: the passages, joined, are the text that was added. A sentence is
    given out once the beginning of the one after it has been read, for before that nobody knows
    whether "3." goes on with "5" and "Dr." with a name.

    Args:
        max_chars: of the whole script.
        field: the caller's name for the text, for errors.
    """

    def __init__(self, *, max_chars: int, field: str) -> None:
        self._max_chars = max_chars
        self._field = field
        self._added_chars = 0
        self._waiting = ""
        self._flushed_chars = 0
        self._finished = False

    @property
    def exhausted(self) -> bool:
        """Nothing is left, and nothing will come."""
        return self._finished and not self._waiting

    def add(self, text: str) -> None:
        """Raises: TooLarge: the script is longer than one may be."""
        self._added_chars += len(text)
        if self._added_chars > self._max_chars:
            raise TooLarge(
                f"{self._field} has more than the {self._max_chars} characters allowed",
                field=self._field,
            )
        self._waiting += text

    def flush(self) -> None:
        """What was added so far need not wait for the rest of its sentence."""
        self._flushed_chars = len(self._waiting)

    def finish(self) -> None:
        """Nothing more will be added."""
        self._finished = True
        self.flush()

    def take(self) -> str:
        """All that can be spoken now and was not taken before; empty if there is nothing."""
        end = max(self._flushed_chars, self._sentences_end())
        # Marks alone are no passage: they belong to what comes next.
        if not self._finished and not any(map(str.isalnum, self._waiting[:end])):
            return ""
        passage, self._waiting = self._waiting[:end], self._waiting[end:]
        self._flushed_chars = max(0, self._flushed_chars - end)
        return passage

    def _sentences_end(self) -> int:
        """Where the last sentence ends of which it is certain."""
        if _SSML.match(self._waiting):
            return 0
        if speaker_lines := list(_SPEAKER_LINE.finditer(self._waiting)):
            # A name in front of a line holds for the lines after it as well.
            return speaker_lines[-1].start()
        words = find_words(self._waiting)
        # The last word may still grow, and the one before it decides about the gap between them.
        for word, following in reversed(list(pairwise(words[:-1]))):
            if word.after >= Break.SENTENCE:
                return following.start
        return 0
