"""This module tells which words of the script are heard as which words of the spoken text."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from app.speech import SpokenWord, WrittenWord
from app.text.mapped import MappedText
from app.text.sentences import Break, find_words, is_opener

_RUN = re.compile(r"\S+")
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")


class TextWords:
    """Finds the words of a text that is spoken, once they are asked for.

    The stretches of the script that they stand for are in order. Two are the same where several
    words are said for one that was written, and else do not overlap.

    Args:
        text: what is spoken; its source is the script.
        script_start: where in a longer script that source begins.
        ends_sentence: whether the last word ends a sentence, or goes on in another text.
    """

    def __init__(
        self, text: MappedText, *, script_start: int = 0, ends_sentence: bool = True
    ) -> None:
        self._text = text
        self._script_start = script_start
        self._ends_sentence = ends_sentence

    def within(self, start: int, end: int) -> tuple[SpokenWord, ...]:
        """Return the words of a stretch of the text, whose places are counted from its start."""
        words = self._words
        index = bisect_right(words, start, key=lambda word: word.end)
        found: list[SpokenWord] = []
        while index < len(words) and words[index].start < end:
            word = words[index]
            first, last = max(word.start, start) - start, min(word.end, end) - start
            found.append(SpokenWord(first, last, word.written))
            index += 1
        return tuple(found)

    @cached_property
    def _words(self) -> list[SpokenWord]:
        written = self._text.text
        runs = [found.span() for found in _RUN.finditer(written)]
        spans = [self._source_span(*run) for run in runs]
        ends = {word.end for word in find_words(written) if word.after >= Break.SENTENCE}
        if not self._ends_sentence and runs:
            ends.discard(runs[-1][1])
        words: list[SpokenWord] = []
        for first, stop in self._groups(runs, spans, ends):
            whole = self._written(runs[first:stop], spans[first:stop], runs[stop - 1][1] in ends)
            words += (SpokenWord(*run, whole) for run in runs[first:stop])
        return words

    def _source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return what a stretch stands for, without white space at its edges."""
        first, last = self._text.source_span(start, end)
        piece = self._text.source[first:last]
        bare = piece.strip()
        if len(bare) < len(piece):
            first += len(piece) - len(piece.lstrip())
            last = first + len(bare)
        return first, last

    def _groups(
        self, runs: list[tuple[int, int]], spans: list[tuple[int, int]], ends: set[int]
    ) -> Iterator[tuple[int, int]]:
        """Yield the first run of each written word, and the one after its last."""
        groups: list[int] = []
        reach, has_word = -1, False
        for index, ((start, end), (source_start, source_end)) in enumerate(
            zip(runs, spans, strict=True)
        ):
            is_word = any(map(str.isalnum, self._text.text[start:end]))
            # Marks that stand alone belong to the word in front of them, or to the one they open.
            sticks = not is_word and not (
                runs[index - 1][1] in ends or is_opener(self._text.text, start, end)
            )
            put_in = source_start == source_end
            if groups and (not has_word or source_start <= reach or put_in or sticks):
                has_word = has_word or (is_word and not put_in)
            else:
                groups.append(index)
                has_word = is_word and not put_in
            reach = max(reach, source_end)
        if len(groups) > 1 and not has_word:
            groups.pop()
        yield from pairwise((*groups, len(runs)))

    def _written(
        self, runs: list[tuple[int, int]], spans: list[tuple[int, int]], ends_sentence: bool
    ) -> WrittenWord:
        real = [each for each in spans if each[0] < each[1]] or spans
        written = self._text.written(runs[0][0], runs[-1][1]).strip()
        if "&" in written:
            written = _ENTITY.sub(lambda found: html.unescape(found[0]), written)
        return WrittenWord(
            written,
            self._script_start + real[0][0],
            self._script_start + max(end for _, end in real),
            ends_sentence,
        )
