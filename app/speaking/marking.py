"""Says of written words and sentences when they are heard, while the speech is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from app.audio.heard import HeardTimes, HeardWord
from app.marks import Mark, Marks, SpokenMark
from app.speaking.plan import Piece
from app.speech import SpokenWord, WrittenWord

_NEXT_WORD = re.compile(r"\s\S*?[^\W_]")


class Marking:
    """Makes marks of the times of spoken words.

    A written word may be spoken as several, which is one mark. A mark comes when the last of them
    is known, a sentence with its last word.

    Attributes:
        marks: what is known so far.
    """

    def __init__(self) -> None:
        self.marks = Marks()
        self._pieces: list[Piece] = []
        self._written: WrittenWord | None = None
        self._spoken: list[SpokenMark] = []
        self._sentence: list[Mark] = []

    def extend(self, pieces: Iterable[Piece]) -> None:
        """Take the pieces that are spoken next."""
        self._pieces += pieces

    def update(self, heard: HeardTimes) -> None:
        """Take the words whose times have become known."""
        while heard.words:
            self._hear(heard.words.popleft())

    def finish(self) -> None:
        """End what is open: nothing more is heard."""
        self._end_word()
        self._end_sentence()

    def _hear(self, word: HeardWord) -> None:
        following = self._from(word)
        written = next(following).written
        if written != self._written:
            self._end_word()
            self._written = written
        self._spoken.append(SpokenMark(self._said(word), word.start_seconds, word.end_seconds))
        if all(each.written != written for each in islice(following, 1)):
            self._end_word()

    def _from(self, word: HeardWord) -> Iterator[SpokenWord]:
        """Yield a word and what is spoken after it, as far as that has been read."""
        for index, piece in enumerate(self._pieces[word.chunk_index :]):
            for each in piece.words:
                if index == 0 and each.end <= word.start:
                    continue
                # Marks that stand alone are not heard; they belong to a word beside them.
                if any(map(str.isalnum, piece.text[each.start : each.end])) or (
                    index == 0 and each.start <= word.start
                ):
                    yield each

    def _said(self, word: HeardWord) -> str:
        """Return a word as it is spoken, with the marks that stand alone beside it."""
        text = self._pieces[word.chunk_index].text
        start = word.start if any(map(str.isalnum, text[: word.start])) else 0
        following = _NEXT_WORD.search(text, word.end)
        return text[start : following.start() if following else len(text)].strip()

    def _end_word(self) -> None:
        written, self._written = self._written, None
        spoken, self._spoken = tuple(self._spoken), []
        if written is None:
            return
        mark = Mark(
            written.text,
            spoken[0].start_seconds,
            spoken[-1].end_seconds,
            written.script_start,
            written.script_end,
            spoken,
        )
        self.marks.words.append(mark)
        self._sentence.append(mark)
        if written.ends_sentence:
            self._end_sentence()

    def _end_sentence(self) -> None:
        words, self._sentence = self._sentence, []
        if not words:
            return
        self.marks.sentences.append(
            Mark(
                " ".join(word.text for word in words),
                words[0].start_seconds,
                words[-1].end_seconds,
                words[0].script_start,
                words[-1].script_end,
            )
        )
