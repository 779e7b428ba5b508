"""How words are pronounced: the dictionaries of misaki, Kokoro's own front end."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterator

from training.preview.endings import ED, ING, Ending, Phones, S
from training.preview.symbols import phones_of

WORD = re.compile(r"[a-z][a-z']*[a-z]|[a-z]")
# What misaki says of these in the midst of a sentence, where its dictionary has them by themselves
_WITHIN_SENTENCES = {"a": "ə", "an": "ən", "i": "I", "the": "ðə", "to": "tə"}

Pronunciations = dict[str, Phones]


def dictionary() -> Pronunciations:
    """The commonest pronunciation of 175,000 lower-case words. ImportError without misaki."""
    folder = importlib.resources.files("misaki") / "data"
    found: Pronunciations = {}
    for name in ("us_silver.json", "us_gold.json"):  # gold last: it was checked by people
        entries: dict[str, str | dict[str, str | None]] = json.loads(
            (folder / name).read_text("utf-8")
        )
        for word, entry in entries.items():
            spelling = entry if isinstance(entry, str) else entry["DEFAULT"]
            phones = phones_of(spelling) if spelling and WORD.fullmatch(word.lower()) else None
            # "Polish" is not "polish": a capital only counts where there is no small letter.
            if phones and (word.islower() or word.lower() not in entries):
                found[word.lower()] = phones
    within = {word: phones_of(spelling) for word, spelling in _WITHIN_SENTENCES.items()}
    return found | {word: phones for word, phones in within.items() if phones}


def pronounce(word: str, known: Pronunciations) -> Phones | None:
    """The phones of a lower-case word, or of its known stem and ending; None if unknown."""
    if word in known:
        return known[word]
    for stem, ending in _stems(word):
        if stem in known:
            return ending.on(known[stem])
    return None


def _stems(word: str) -> Iterator[tuple[str, Ending]]:
    """Every stem a word may have, the likeliest first, and its ending."""
    for letters, ending in (("'s", S), ("s", S), ("ed", ED), ("ing", ING)):
        stem = word.removesuffix(letters)
        if stem == word or len(stem) < 2:
            continue
        yield stem, ending
        if letters == "s" and stem.endswith("e"):
            yield stem[:-1], ending
            if stem.endswith("ie"):
                yield stem[:-2] + "y", ending
        if letters in ("ed", "ing"):
            yield stem + "e", ending
            if stem[-1] == stem[-2]:
                yield stem[:-1], ending
            if letters == "ed" and stem.endswith("i"):
                yield stem[:-1] + "y", ending
