"""This module joins spans that are too short to be spoken alone to their neighbours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from app.text.sentences import Break, Word
from app.text.spans import ENOUGH_WORDS, ChunkLimits, ChunkSpan, count_words


def join_leftovers(
    spans: Sequence[ChunkSpan],
    words: Sequence[Word],
    ends: Sequence[int],
    limits: ChunkLimits,
    ends_chunk: Break = Break.PARAGRAPH,
) -> list[ChunkSpan]:
    """Rid `spans` of leftovers as far as the limits allow.

    A leftover has fewer than `ENOUGH_WORDS` words. It is joined to a neighbour in its paragraph,
    or else takes words over from it. One without any word, which the model cannot speak, may also
    be joined across a paragraph break or whatever else ends every chunk.

    Args:
        spans: consecutive, covering the text.
        words: the words of the text; `ends` are their `end`s.
        limits: of one span.
        ends_chunk: the weakest break that words are not joined across.
    """
    merged: list[ChunkSpan] = []
    for span in spans:
        if merged and _is_leftover(merged[-1], span, ends_chunk):
            merged[-1:] = _merge(merged[-1], span, limits)
        else:
            merged.append(span)
    shared: list[ChunkSpan] = []
    for span in merged:
        if shared and _is_leftover(shared[-1], span, ends_chunk):
            shared[-1:] = _share(shared[-1], span, words, ends, limits)
        else:
            shared.append(span)
    return shared


def _is_leftover(left: ChunkSpan, right: ChunkSpan, ends_chunk: Break) -> bool:
    fewest = min(left.words, right.words)
    return fewest == 0 or (fewest < ENOUGH_WORDS and left.after < ends_chunk)


def _merge(left: ChunkSpan, right: ChunkSpan, limits: ChunkLimits) -> list[ChunkSpan]:
    if limits.hold(left.start, right.end):
        return [limits.span(left.start, right.end, right.after)]
    return [left, right]


def _share(
    left: ChunkSpan,
    right: ChunkSpan,
    words: Sequence[Word],
    ends: Sequence[int],
    limits: ChunkLimits,
) -> list[ChunkSpan]:
    """Move the break between two spans to where both have enough words, if there is such a place.

    A complete sentence is not torn between words for that; a span without any word takes what it
    can get.
    """
    speechless = min(left.words, right.words) == 0
    enough = 1 if speechless else ENOUGH_WORDS
    if left.words + right.words < 2 * enough:
        return [left, right]
    worst = Break.JOINED if speechless else min(left.after, Break.CLAUSE)
    ranked = sorted(
        (min(heads, tails, ENOUGH_WORDS), words[index].after, index)
        for index, heads, tails in _meeting_places(left, right, words, ends, limits)
        if min(heads, tails) >= enough and words[index].after >= worst
    )
    for _, after, index in reversed(ranked):
        end, start = words[index].end, words[index + 1].start
        if limits.hold(left.start, end) and limits.hold(start, right.end):
            return [limits.span(left.start, end, after), limits.span(start, right.end, right.after)]
    return [left, right]


def _meeting_places(
    left: ChunkSpan,
    right: ChunkSpan,
    words: Sequence[Word],
    ends: Sequence[int],
    limits: ChunkLimits,
) -> Iterator[tuple[int, int, int]]:
    """Yield the words after which two spans could meet, with the number of words on either side."""
    first, last = bisect_right(ends, left.start), bisect_left(ends, right.end)
    total = count_words(limits.text[left.start : right.end])
    heads = 0
    for index in range(first, last):
        heads += count_words(limits.text[max(left.start, words[index].start) : ends[index]])
        fits_left = ends[index] - left.start <= limits.max_chars
        fits_right = right.end - words[index + 1].start <= limits.max_chars
        if fits_left and fits_right:
            yield index, heads, total - heads
