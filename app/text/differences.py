"""This module finds what differs between a stretch of text and what is put in its place."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

_WORD = re.compile(r"\S+")


def differences(old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """Yield the smallest edits that make `new` of `old`, as far as whole words go.

    Each is a start and an end in `old` and what goes there. Where a part of `old` is all that
    stays, it is left alone; else words stay that are in both, in the same order. Takes time linear
    in both, but for a logarithm.
    """
    if old == new:
        return
    at = old.find(new)
    if at >= 0 and _stays_whole(old, at, at + len(new)):
        if at:
            yield 0, at, ""
        if at + len(new) < len(old):
            yield at + len(new), len(old), ""
        return
    done = done_new = 0
    for start, start_new, chars in _staying_words(old, new):
        yield from _one_difference(old, done, start, new[done_new:start_new])
        done, done_new = start + chars, start_new + chars
    yield from _one_difference(old, done, len(old), new[done_new:])


def _staying_words(old: str, new: str) -> list[tuple[int, int, int]]:
    """Return the shared words between which every new word has an old one that it stands for.

    In "14:30 Uhr" and "vierzehn Uhr dreißig" the word in both is none of these.
    """
    staying: list[tuple[int, int, int]] = []
    for start, start_new, chars in (*_shared_words(old, new), (len(old), len(new), 0)):
        while True:
            last, last_new, last_chars = staying[-1] if staying else (0, 0, 0)
            written = old[last + last_chars : start]
            spoken = new[last_new + last_chars : start_new]
            if written.strip() or not spoken.strip():
                staying.append((start, start_new, chars))
                break
            if not staying:
                break
            staying.pop()
    return staying


def _stays_whole(text: str, start: int, end: int) -> bool:
    """Tell whether a stretch can be what stays where the rest goes; no word is cut.

    "(" stays of "\\(", but "&" is put in the place of "&#38;".
    """
    if start == end:
        return True
    if any(map(str.isalnum, text[start:end])):
        return not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())
    return not any(map(str.isalnum, text))


def _shared_words(old: str, new: str) -> Iterator[tuple[int, int, int]]:
    """Yield where in both texts a word stands, and its length, for words that are in both."""
    shared = set(old.split()).intersection(new.split())
    if not shared:
        return
    places: dict[str, list[int]] = defaultdict(list)
    for found in _WORD.finditer(new):
        if found[0] in shared:
            places[found[0]].append(found.start())
    done_new = 0
    for found in _WORD.finditer(old):
        if found[0] in shared:
            starts = places[found[0]]
            index = bisect_left(starts, done_new)
            if index < len(starts):
                yield found.start(), starts[index], len(found[0])
                done_new = starts[index] + len(found[0])


def _one_difference(old: str, start: int, end: int, spoken: str) -> Iterator[tuple[int, int, str]]:
    """Yield the edit that puts words in the place of words, without the white space around them."""
    written = old[start:end]
    if written == spoken:
        return
    core = written.strip()
    if len(core) == len(written) or not core or not spoken.strip():
        yield start, end, spoken
        return
    core_start = start + len(written) - len(written.lstrip())
    core_end = core_start + len(core)
    spoken_start = len(spoken) - len(spoken.lstrip())
    spoken_end = len(spoken.rstrip())
    for first, last, said in (
        (start, core_start, spoken[:spoken_start]),
        (core_start, core_end, spoken[spoken_start:spoken_end]),
        (core_end, end, spoken[spoken_end:]),
    ):
        if old[first:last] != said:
            yield first, last, said
