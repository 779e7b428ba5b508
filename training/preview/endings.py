"""English endings: what they do to a word's phones, and words taken apart at them.

A tokenizer has one rule for each word it knows. With the endings apart, "walk", "walks", "walked"
and "walking" need one rule together, and forms that no list of words has are known as well.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

Phones = tuple[str, ...]

VOWELS = "AIOWYiuæɑəɛɪɔʊʌɜᵊᵻ"
UNVOICED, HISSING, STOPS = "ptkfθ", "szʃʒʧʤ", "tdɾ"
FLAPPED = "ɾ"


@dataclass(frozen=True)
class Ending:
    """Letters at the end of a word, and the phones they are.

    Args:
        letters: as they are written.
        after: the letters that a stem ends in at least, as a regular expression.
        cases: phones that the ending is after those phones; `otherwise` after all others.
        flaps: whether a "t" before it is flapped, where a vowel is before that.
    """

    letters: str
    after: str
    cases: tuple[tuple[str, Phones], ...]
    otherwise: Phones
    flaps: bool = False

    def pattern(self) -> str:
        """Where it is in a text; with "'ll" and the like after it, a word has a rule of its own."""
        return rf"(?<={self.after}){self.letters}\b(?!'[a-z])"

    def on(self, phones: Phones) -> Phones:
        """The phones of a stem with this ending after them."""
        phones = _flapped(phones) if self.flaps else phones
        fitting = (added for after, added in self.cases if phones[-1] in after)
        return (*phones, *next(fitting, self.otherwise))


_LETTERS = "[a-z]{3}"
_PLURAL = ((UNVOICED, ("s",)), (HISSING, ("ᵻ", "z")))
POSSESSIVE = Ending("'s", r"\S", _PLURAL, otherwise=("z",))
S = Ending("s", "[a-z]{2}[a-hj-rtv-z]", _PLURAL, otherwise=("z",))
LY = Ending("ly", _LETTERS, (("l", ("i",)),), otherwise=("l", "i"))
ING = Ending("ing", _LETTERS, (), otherwise=("ɪ", "ŋ"), flaps=True)
ED = Ending(
    "ed",
    _LETTERS,
    ((STOPS, ("ᵻ", "d")), (UNVOICED + "sʃʧ", ("t",))),
    otherwise=("d",),
    flaps=True,
)
# From the outermost to the innermost: "seemingly" is "seem", "ing" and "ly".
ENDINGS = (POSSESSIVE, S, LY, ING, ED)


def _flapped(phones: Phones) -> Phones:
    """A "t" after a vowel is flapped where another vowel follows."""
    flaps = len(phones) > 1 and phones[-1] == "t" and phones[-2][-1] in VOWELS + "ɹ"
    return (*phones[:-1], FLAPPED) if flaps else phones


def taken_apart(word: str) -> tuple[str, tuple[Ending, ...]]:
    """What is left of a word without its endings, and these from the innermost on."""
    endings: tuple[Ending, ...] = ()
    for ending in ENDINGS:
        if re.search(f"{ending.pattern()}$", word):
            word = word.removesuffix(ending.letters)
            endings = (ending, *endings)
    return word, endings


def put_together(stem: Phones, endings: tuple[Ending, ...]) -> Phones:
    for ending in endings:
        stem = ending.on(stem)
    return stem


def stems_and_exceptions(
    pronunciations: Mapping[str, Phones],
) -> tuple[dict[str, Phones], dict[str, Phones]]:
    """Stems that give most of these words, and the words that are said otherwise.

    A stem need be no word: "pervad" is that of "pervaded" and "pervading".
    """
    families: defaultdict[str, list[tuple[str, tuple[Ending, ...]]]] = defaultdict(list)
    for word in pronunciations:
        stem, endings = taken_apart(word)
        families[stem].append((word, endings))
    stems: dict[str, Phones] = {}
    exceptions: dict[str, Phones] = {}
    for stem, family in families.items():
        votes = Counter(
            phones
            for word, endings in family
            for phones in _possible_stems(pronunciations[word], endings)
        )
        # A stem that is a word is said as that word is.
        phones = pronunciations.get(stem) if (stem, ()) in family else None
        phones = phones or (votes.most_common(1)[0][0] if votes else None)
        said = {word: phones and put_together(phones, endings) for word, endings in family}
        wrong = {word: pronunciations[word] for word in said if said[word] != pronunciations[word]}
        exceptions |= wrong
        if phones and len(wrong) < len(family):
            stems[stem] = phones
    # An exception comes before all stems, and would be found beside an apostrophe as well.
    for word, phones in pronunciations.items():
        if any(part in exceptions for part in _beside_apostrophes(word)):
            exceptions[word] = phones
    return stems, exceptions


def _beside_apostrophes(word: str) -> Iterator[str]:
    """What a rule for whole words may take for a word within this one."""
    parts = word.split("'")
    for first, last in combinations(range(len(parts) + 1), 2):
        yield "'".join(parts[first:last])


def _possible_stems(phones: Phones, endings: tuple[Ending, ...]) -> Iterator[Phones]:
    """The phones that become `phones` with the endings after them."""
    for length in range(1, len(phones) + 1):
        stem = phones[:length]
        unflapped = (*stem[:-1], "t") if stem[-1] == FLAPPED else stem
        if put_together(unflapped, endings) == phones:
            yield unflapped
