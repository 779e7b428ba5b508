"""Lays words out as caption cues: lines that are short, break at clauses, and stay long enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from app.marks import Mark

# What it costs to let a cue end at a place; the lowest sum over all cues wins.
_AT_SENTENCE, _AT_CLAUSE, _AT_WORD = 0.0, 4.0, 12.0
_PER_CUE = 3.0
_SENTENCE_INSIDE = 6.0
_TOO_SHORT = 1000.0
# A silence of half a second is a place to break, almost whatever is written there.
_PAUSE_SECONDS = 0.5
_PAUSE_INSIDE_PER_SECOND = 10.0

_SENTENCE_ENDS = ".!?…。！？"
_CLAUSE_ENDS = ",;:—–"
_CLOSERS = "\"'”’»)]}*_"


@dataclass(frozen=True, slots=True)
class CueLimits:
    """Says how much a cue may hold and how long it is shown."""

    max_line_chars: int = 42
    max_lines: int = 2
    min_seconds: float = 0.8
    max_seconds: float = 7.0
    close_gap_seconds: float = 0.15
    """A shorter gap between two cues is closed, since it would only flicker."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Holds what is shown at a time: lines of words, each with its own times."""

    lines: tuple[tuple[Mark, ...], ...]
    start_seconds: float
    end_seconds: float

    @property
    def words(self) -> tuple[Mark, ...]:
        """Return the words of all lines."""
        return tuple(word for line in self.lines for word in line)

    @property
    def text(self) -> str:
        """Return the lines as they are shown, separated by line ends."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


def lay_out(words: Sequence[Mark], limits: CueLimits) -> list[Cue]:
    """Lay words out as cues, in time linear in their number.

    A word that is longer than a line is cut.

    Args:
        words: in the order in which they are heard.
    """
    parts = [part for word in words for part in _cut(word, limits.max_line_chars)]
    cues = [_cue(parts[first:end], limits) for first, end in _best_runs(parts, limits)]
    return [_timed(cue, after, limits) for cue, after in zip_longest(cues, cues[1:])]


def _cut(word: Mark, max_chars: int) -> Iterator[Mark]:
    """Cut a word that does not fit on a line, and share its time out by characters.

    What was written in several words or lines, such as a telephone number, becomes one line.
    """
    whole = " ".join(word.text.split())
    if len(whole) <= max_chars:
        yield replace(word, text=whole)
        return
    seconds_per_char = (word.end_seconds - word.start_seconds) / len(whole)
    for start in range(0, len(whole), max_chars):
        text = whole[start : start + max_chars]
        start_seconds = word.start_seconds + start * seconds_per_char
        yield replace(
            word,
            text=text,
            start_seconds=start_seconds,
            end_seconds=start_seconds + len(text) * seconds_per_char,
        )


def _best_runs(words: Sequence[Mark], limits: CueLimits) -> list[tuple[int, int]]:
    """Find the runs of words, as start and end, that make the best cues together."""
    costs = [0.0] + [float("inf")] * len(words)
    starts = [0] * (len(words) + 1)
    for first in range(len(words)):
        for end in range(first + 1, len(words) + 1):
            if end > first + 1 and not _fits(words[first:end], limits):
                break
            cost = costs[first] + _cost(words, first, end, limits)
            if cost < costs[end]:
                costs[end], starts[end] = cost, first
    runs: list[tuple[int, int]] = []
    end = len(words)
    while end:
        runs.append((starts[end], end))
        end = starts[end]
    return runs[::-1]


def _fits(words: Sequence[Mark], limits: CueLimits) -> bool:
    seconds = words[-1].end_seconds - words[0].start_seconds
    return seconds <= limits.max_seconds and len(_filled(words, limits)) <= limits.max_lines


def _filled(words: Sequence[Mark], limits: CueLimits) -> list[list[Mark]]:
    """Put as many words on each line as fit."""
    lines: list[list[Mark]] = []
    room = 0
    for word in words:
        if len(word.text) + 1 > room:
            lines.append([])
            room = limits.max_line_chars + 1
        lines[-1].append(word)
        room -= len(word.text) + 1
    return lines


def _cost(words: Sequence[Mark], first: int, end: int, limits: CueLimits) -> float:
    cost = _PER_CUE + _cost_of_break(words, end)
    for before, after in zip(words[first : end - 1], words[first + 1 : end], strict=True):
        silence_seconds = after.start_seconds - before.end_seconds
        if silence_seconds >= _PAUSE_SECONDS:
            cost += _PAUSE_INSIDE_PER_SECOND * silence_seconds
        if _ends(before, _SENTENCE_ENDS):
            cost += _SENTENCE_INSIDE
    if end < len(words):
        shown_seconds = words[end].start_seconds - words[first].start_seconds
        if shown_seconds < limits.min_seconds:
            cost += _TOO_SHORT * (limits.min_seconds - shown_seconds)
    return cost


def _cost_of_break(words: Sequence[Mark], end: int) -> float:
    last = words[end - 1]
    if end == len(words) or _ends(last, _SENTENCE_ENDS):
        return _AT_SENTENCE
    silence_seconds = words[end].start_seconds - last.end_seconds
    if silence_seconds >= _PAUSE_SECONDS:
        return _AT_SENTENCE
    return _AT_CLAUSE if _ends(last, _CLAUSE_ENDS) else _AT_WORD


def _ends(word: Mark, marks: str) -> bool:
    return word.text.rstrip(_CLOSERS)[-1:] in tuple(marks)


def _cue(words: Sequence[Mark], limits: CueLimits) -> Cue:
    lines = _broken(words, limits)
    return Cue(tuple(tuple(line) for line in lines), words[0].start_seconds, words[-1].end_seconds)


def _broken(words: Sequence[Mark], limits: CueLimits) -> list[Sequence[Mark]]:
    """Break a cue into lines, at a clause where it can be, else so that they are alike in length.

    More than two lines are filled one after the other.
    """
    filled = _filled(words, limits)
    if len(filled) != 2:
        return [*filled]

    def unevenness(first: int) -> tuple[bool, float]:
        lengths = [_length(words[:first]), _length(words[first:])]
        bonus = 12 if _ends(words[first - 1], _CLAUSE_ENDS + _SENTENCE_ENDS) else 0
        # A second line that is the longer one is easier on the eye.
        lead = 0.5 if lengths[0] > lengths[1] else 0.0
        return max(lengths) > limits.max_line_chars, abs(lengths[0] - lengths[1]) + lead - bonus

    first = min(range(1, len(words)), key=unevenness)
    return [words[:first], words[first:]]


def _length(words: Sequence[Mark]) -> int:
    return sum(len(word.text) + 1 for word in words) - 1


def _timed(cue: Cue, after: Cue | None, limits: CueLimits) -> Cue:
    """Show a cue long enough, and until the next one where that follows soon."""
    end_seconds = max(cue.end_seconds, cue.start_seconds + limits.min_seconds)
    if after is not None and after.start_seconds - end_seconds < limits.close_gap_seconds:
        end_seconds = after.start_seconds
    end_seconds = min(end_seconds, cue.start_seconds + limits.max_seconds)
    return replace(cue, end_seconds=end_seconds)
