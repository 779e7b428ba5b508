"""How words are pronounced: the dictionaries of misaki, Kokoro's own front end."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Callable, Iterator

from training.preview.symbols import VOWELS, Phones, phones_of, plural

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
    for stem, ended in _stems(word):
        if stem in known:
            return ended(known[stem])
    return None


def past(phones: Phones) -> Phones:
    """A verb's phones with "-ed" after them."""
    if phones[-1] in "td":
        return (*_flapped(phones), "ᵻ", "d")
    return (*phones, "t") if phones[-1] in "pkfθʃsʧ" else (*phones, "d")


def participle(phones: Phones) -> Phones:
    """A verb's phones with "-ing" after them."""
    return (*_flapped(phones), "ɪ", "ŋ")


def _flapped(phones: Phones) -> Phones:
    """A "t" after a vowel is flapped where another vowel follows."""
    flaps = len(phones) > 1 and phones[-1] == "t" and phones[-2][-1] in VOWELS + "ɹ"
    return (*phones[:-1], "ɾ") if flaps else phones


def _stems(word: str) -> Iterator[tuple[str, Callable[[Phones], Phones]]]:
    """Every stem a word may have, the likeliest first, and what its ending does to the phones."""
    for ending, ended in (("'s", plural), ("s", plural), ("ed", past), ("ing", participle)):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 2:
            continue
        yield stem, ended
        if ending == "s" and stem.endswith("e"):
            yield stem[:-1], ended
            if stem.endswith("ie"):
                yield stem[:-2] + "y", ended
        if ending in ("ed", "ing"):
            yield stem + "e", ended
            if stem[-1] == stem[-2]:
                yield stem[:-1], ended
            if ending == "ed" and stem.endswith("i"):
                yield stem[:-1] + "y", ended
