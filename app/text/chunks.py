"""This module cuts a script into chunks, each of which the model speaks in one go.

It is greedy: each chunk takes as much as the limits allow and ends at the best break inside that, a
sentence end before a clause end before a word end. A second pass joins leftovers of one or two
words, and of punctuation alone, to a neighbour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import regex

from app.speech import Boundary, Chunk, TokenCounter
from app.text.leftovers import join_leftovers
from app.text.sentences import Break, Word, end_lines, find_words
from app.text.spans import ENOUGH_WORDS, ChunkLimits, ChunkSpan, count_words

_GRAPHEME = regex.compile(r"\X")
_BOUNDARIES = (
    (Break.PARAGRAPH, Boundary.PARAGRAPH),
    (Break.SENTENCE, Boundary.SENTENCE),
    (Break.CLAUSE, Boundary.CLAUSE),
    (Break.JOINED, Boundary.WORD),
)


def split_into_chunks(
    text: str,
    *,
    max_chars: int,
    count_tokens: TokenCounter,
    max_tokens: int,
    at_sentences: bool = False,
) -> list[Chunk]:
    """Cut a script into chunks; joined with their separators they are the script again.

    Every chunk keeps both limits, and ends where its paragraph ends at the latest. The exception
    is one grapheme that alone has more than `max_tokens` tokens: it is kept whole. A grapheme of
    more than `max_chars` code points, which no language has, is cut. Chunks without a letter or
    digit occur only where the limits leave no other way.

    Args:
        text: a script as `clean_script` returns it; outer white space is ignored, and white space
            alone gives no chunks.
        max_chars: the most Unicode code points in a chunk's text, at least 1.
        count_tokens: called on pieces of at most `max_chars` code points, a number of times that
            is linear in the text; need not be additive.
        max_tokens: the most tokens in a chunk's text, at least 1.
        at_sentences: whether every sentence and every line ends its chunk, however short that is.
    """
    if max_chars < 1 or max_tokens < 1:
        raise ValueError(f"limits must be positive: {max_chars=}, {max_tokens=}")
    words = find_words(text)
    ends_chunk = Break.PARAGRAPH
    if at_sentences:
        words, ends_chunk = end_lines(text, words), Break.SENTENCE
    ends = [word.end for word in words]
    limits = ChunkLimits(text, max_chars, max_tokens, count_tokens)
    spans = list(_Packer(words, ends, limits, ends_chunk).spans())
    return _as_chunks(text, join_leftovers(spans, words, ends, limits, ends_chunk))


def _as_chunks(text: str, spans: Sequence[ChunkSpan]) -> list[Chunk]:
    spans = [trimmed for span in spans if (trimmed := _trimmed(text, span)).start < span.end]
    chunks = [
        Chunk(text[span.start : span.end], text[span.end : following.start], _boundary(span.after))
        for span, following in pairwise(spans)
    ]
    if spans:
        chunks.append(Chunk(text[spans[-1].start : spans[-1].end], "", Boundary.END))
    return chunks


def _trimmed(text: str, span: ChunkSpan) -> ChunkSpan:
    """Take the white space off the edges of a span; it belongs to the separators of chunks.

    White space gets there where a word is cut between graphemes, as a combining mark makes one
    grapheme with the space in front of it.
    """
    piece = text[span.start : span.end]
    start = span.start + len(piece) - len(piece.lstrip())
    return span._replace(start=start, end=max(start, span.start + len(piece.rstrip())))


def _boundary(after: Break) -> Boundary:
    return next(boundary for least, boundary in _BOUNDARIES if after >= least)


class _Packer:
    """Fills spans with words, from left to right."""

    def __init__(
        self, words: Sequence[Word], ends: Sequence[int], limits: ChunkLimits, ends_chunk: Break
    ) -> None:
        self._words = words
        self._ends = ends
        self._limits = limits
        self._ends_chunk = ends_chunk

    def spans(self) -> Iterator[ChunkSpan]:
        first = 0
        for index, word in enumerate(self._words):
            if word.after >= self._ends_chunk:
                yield from self._paragraph(first, index + 1)
                first = index + 1

    def _paragraph(self, first: int, stop: int) -> Iterator[ChunkSpan]:
        words, limits = self._words, self._limits
        start = words[first].start
        while first < stop:
            reach = self._reach(start, first, stop)
            if reach == first:
                cut = self._cut(start, words[first].end)
                if cut < words[first].end:
                    yield limits.span(start, cut, Break.WORD)
                    start = cut
                    continue
                reach = first + 1
            elif reach < stop:
                reach = self._best_end(start, first, reach, stop)
            yield limits.span(start, words[reach - 1].end, words[reach - 1].after)
            first = reach
            start = words[first].start if first < stop else start

    def _reach(self, start: int, first: int, stop: int) -> int:
        """Return the index after the last word that fits into a span beginning at `start`."""
        ends, limits = self._ends, self._limits
        beyond = bisect_right(ends, start + limits.max_chars, first, stop)
        if beyond == first or limits.hold(start, ends[beyond - 1]):
            return beyond
        fits = first
        while fits + 1 < beyond:
            middle = (fits + beyond) // 2
            if limits.hold(start, ends[middle - 1]):
                fits = middle
            else:
                beyond = middle
        return fits

    def _best_end(self, start: int, first: int, reach: int, stop: int) -> int:
        """Choose the end of a span: return the index after its last word, at most `reach`."""
        enough = self._enough(start, first, reach)
        ranked: list[tuple[int, int]] = []
        sentence_end = min(stop, reach + ENOUGH_WORDS)
        for index in range(sentence_end - 1, first, -1):
            after = self._words[index - 1].after
            if index <= reach:
                shred = index < enough or sentence_end - index < ENOUGH_WORDS
                ranked.append((_rank(after, shred=shred, short=index < enough), index))
            if after >= Break.SENTENCE:
                sentence_end = index
        ranked.sort(reverse=True)
        for _, index in ranked:
            # A shorter piece may have more tokens, so that it has to be counted as well.
            if index == reach or self._limits.hold(start, self._ends[index - 1]):
                return index
        return reach

    def _enough(self, start: int, first: int, reach: int) -> int:
        """Return the first index up to which a chunk would have enough words."""
        count = 0
        for index in range(first, reach):
            word = self._words[index]
            count += count_words(self._limits.text[max(start, word.start) : word.end])
            if count >= ENOUGH_WORDS:
                return index + 1
        return reach + 1

    def _cut(self, start: int, end: int) -> int:
        """Return where to cut a word that is too long, so that its pieces are of like length."""
        limits = self._limits
        last = min(end, start + limits.max_chars)
        # One code point more than fits shows whether a grapheme ends at the limit.
        graphemes = _GRAPHEME.finditer(limits.text, start, min(end, last + 1))
        cuts: Sequence[int] = [found.end() for found in graphemes if found.end() <= last]
        cuts = cuts or range(start + 1, last + 1)
        fits, beyond = 0, len(cuts)
        while fits + 1 < beyond:
            middle = (fits + beyond) // 2
            fits, beyond = (middle, beyond) if limits.hold(start, cuts[middle]) else (fits, middle)
        pieces = -((start - end) // (cuts[fits] - start))
        even = start - ((start - end) // pieces)
        chosen = next(cut for cut in cuts if cut >= min(even, cuts[fits]))
        return chosen if limits.hold(start, chosen) else cuts[fits]


def _rank(after: Break, *, shred: bool, short: bool) -> int:
    """Rate a break that may leave a shred of a sentence or a short span; higher is better."""
    if after is Break.SENTENCE:
        return 4 if short else 6
    if after is Break.CLAUSE:
        return 2 if shred else 5
    if after is Break.WORD:
        return 1 if shred else 3
    return 0
