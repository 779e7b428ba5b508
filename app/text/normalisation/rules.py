"""This module builds and applies rules, which say how a pattern in a text is spoken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from app.text.mapped import Edit, MappedText


class Rule(NamedTuple):
    """Replaces every match of `pattern` by what `speak` returns, and leaves it where that is None.

    Patterns are linear in the text: every repetition is bounded, or cannot be entered twice.
    """

    pattern: re.Pattern[str]
    speak: Callable[[re.Match[str]], str | None]
    needs: frozenset[str]
    """Every match holds one of these characters; the set is empty where nothing is known."""


def rule(
    pattern: str,
    speak: Callable[[re.Match[str]], str | None] | str,
    *,
    needs: str = "",
    flags: int = 0,
) -> Rule:
    """Build a rule.

    Args:
        pattern: a regular expression.
        speak: what to say for a match, or the words themselves.
        needs: signs, not letters, of which one is in every match: texts without them are passed
            over quickly.
        flags: of `re`.
    """
    if isinstance(speak, str):
        words = speak
        return Rule(re.compile(pattern, flags), lambda _: words, frozenset(needs))
    return Rule(re.compile(pattern, flags), speak, frozenset(needs))


def apply_rules(text: MappedText, rules: Iterable[Rule]) -> MappedText:
    """Apply rules in order, each to what the one before left."""
    present = frozenset(text.text)
    for each in rules:
        if not each.needs or not each.needs.isdisjoint(present):
            text = _apply(text, each)
    return text


def apply_near_digits(text: MappedText, rules: Sequence[Rule]) -> MappedText:
    """Apply rules to the stretches around digits, a hundred characters to either side."""
    pieces: list[MappedText] = []
    done = 0
    for start, end in _digit_areas(text.text):
        pieces += text[done:start], apply_rules(text[start:end], rules)
        done = end
    pieces.append(text[done:])
    return MappedText.join(pieces)


_REACH_CHARS = 100
_FROM_DIGIT = re.compile(rf"\d.{{0,{_REACH_CHARS}}}", re.DOTALL)
_SPACE = re.compile(r"\s")


def _digit_areas(text: str) -> Iterator[tuple[int, int]]:
    """Yield stretches that hold every digit and its surroundings, cut at spaces if possible."""
    start, end = 0, -1
    for found in _FROM_DIGIT.finditer(text):
        if found.start() - _REACH_CHARS > end + _REACH_CHARS:
            if end >= 0:
                yield _widen(text, start, end)
            start = found.start()
        end = found.end()
    if end >= 0:
        yield _widen(text, start, end)


def _widen(text: str, start: int, end: int) -> tuple[int, int]:
    # Two neighbours are 200 characters apart; each takes half of that at most.
    first = max(0, start - _REACH_CHARS)
    before = _SPACE.search(text, first, start)
    half = min(len(text), end + _REACH_CHARS // 2)
    after = _SPACE.search(text, half, min(len(text), end + _REACH_CHARS))
    return before.start() if before and first else first, after.start() if after else half


def _apply(text: MappedText, one: Rule) -> MappedText:
    # `sub` would not do: the words may need spaces around them.
    written = text.text
    edits: list[Edit] = []
    for found in one.pattern.finditer(written):
        spoken = one.speak(found)
        if spoken is None:
            continue
        start, end = found.span()
        if start and spoken[:1].isalnum() and written[start - 1].isalnum():
            spoken = f" {spoken}"
        if spoken[-1:].isalnum() and written[end : end + 1].isalnum():
            spoken = f"{spoken} "
        edits.append((start, end, spoken))
    return text.edited(edits) if edits else text


def alternatives(words: Iterable[str]) -> str:
    """Return a regular expression for any of the words, which tries the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def words(text: str) -> frozenset[str]:
    """Split a text into the set of its words."""
    return frozenset(text.split())
