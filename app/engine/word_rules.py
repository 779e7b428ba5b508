r"""Keeps a tokenizer's rules for whole words in a table, instead of a regular expression for each.

The preview voice knows how to pronounce 50,000 words: 39,000 rules of its tokenizer say what to
write for `\bword\b`, and are tried one after the other on every text. Compiled they take 100 MB,
and a sentence takes 17 ms. Of the table only those are tried, in the same order, whose word stands
in the text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tokenizers import NormalizedString, Regex, Tokenizer
from tokenizers.normalizers import Normalizer

_MANY = 1000
"""Fewer rules than this are no burden."""
_RULE = re.compile(r"\\b([a-z']+)\\b")
_LETTERS = re.compile(r"[a-z']+")
_EDGE = re.compile(r"\b")


@dataclass(frozen=True, slots=True)
class PartedTokenizer:
    """Holds a tokenizer in two parts, which together do what it does.

    Attributes:
        rest: a `tokenizer.json` without its normalizer.
        normalizer: does the work of that.
    """

    rest: str
    normalizer: Normalizer


def part_word_rules(text: str) -> PartedTokenizer | None:
    """Take the rules for words out of a `tokenizer.json`; None if they are few or of another form.

    Raises:
        ValueError: the text is not JSON.
    """
    if text.count(r'"\\b') < _MANY:
        return None
    document = json.loads(text, object_hook=_shortened)  # at full length they take 25 MB
    rules = document["normalizer"]["normalizers"]
    steps: list[Normalizer | _WordRules] = []
    for are_words, group in groupby(rules, lambda rule: isinstance(rule, _WordRule)):
        some = list(group)
        if are_words and any(_LETTERS.search(rule.content) for rule in some):
            return None
        steps.append(_WordRules(some) if are_words else _sequence(some))
    normalizer = Normalizer.custom(_Steps(steps))
    return PartedTokenizer(json.dumps({**document, "normalizer": None}), normalizer)


@dataclass(frozen=True, slots=True)
class _WordRule:
    word: str
    content: str


@dataclass(frozen=True, slots=True)
class _Steps:
    """Normalizes a text as `tokenizers` wants it from a normalizer: one step after the other."""

    steps: list[Normalizer | _WordRules]

    def normalize(self, text: NormalizedString) -> None:
        """Do it in place."""
        for step in self.steps:
            step.normalize(text)


class _WordRules:
    """Holds rules for words that follow each other.

    Args:
        rules: what to write for each word. None of it has letters of which words are made, so no
            rule makes a word that was not there.
    """

    def __init__(self, rules: list[_WordRule]) -> None:
        self._contents = [rule.content for rule in rules]
        self._places = {rule.word: place for place, rule in reversed([*enumerate(rules)])}
        self._longest = max(map(len, self._places))

    def normalize(self, text: NormalizedString) -> None:
        """Do it in place."""
        for place, word in sorted(self._words_in(text.normalized)):
            text.replace(Regex(rf"\b{word}\b"), self._contents[place])

    def _words_in(self, text: str) -> set[tuple[int, str]]:
        """Find the words that have a rule, each with the place of that."""
        found: set[tuple[int, str]] = set()
        for letters in _LETTERS.findall(text):
            edges = [edge.start() for edge in _EDGE.finditer(letters)]
            for index, start in enumerate(edges):
                for end in edges[index + 1 :]:
                    if end - start > self._longest:
                        break
                    place = self._places.get(letters[start:end])
                    if place is not None:
                        found.add((place, letters[start:end]))
        return found


def _shortened(part: dict[str, Any]) -> dict[str, Any] | _WordRule:
    """Return a rule for a word in short, and any other part of the JSON as it is."""
    if part.get("type") == "Replace":
        word = _RULE.fullmatch(part["pattern"].get("Regex", ""))
        if word is not None:
            return _WordRule(word[1], part["content"])
    return part


def _sequence(rules: list[dict[str, Any]]) -> Normalizer:
    """Make a normalizer of the rules of a `tokenizer.json`."""
    nothing = {"type": "BPE", "vocab": {}, "merges": []}
    sequence = {"type": "Sequence", "normalizers": rules}
    document = {"version": "1.0", "added_tokens": [], "normalizer": sequence, "model": nothing}
    made: Normalizer = Tokenizer.from_str(json.dumps(document)).normalizer
    return made
