"""The model's alphabet and its tokenizer: letters, punctuation and phones, one token each.

Phones are those of Kokoro's English dictionary, a vowel together with its stress. They are
private-use characters. Known words become phones inside `tokenizer.json` by replacement rules;
other words stay letters, which the model learns to read as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers

from training.preview.spoken_numbers import spoken_rules

FIRST_PHONE = 0xE000
PUNCTUATION = " .,?!'-"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CONSONANTS = "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθʔ"
VOWELS = "AIOWYiuæɑəɛɪɔʊʌɜᵊᵻ"
STRESSES = ("", "ˈ", "ˌ")
PHONES = [*CONSONANTS, *(stress + vowel for stress in STRESSES for vowel in VOWELS)]
_UNVOICED, _HISSING = frozenset("ptkfθ"), frozenset("szʃʒʧʤ")

Phones = tuple[str, ...]


def phones_of(spelling: str) -> Phones | None:
    """The phones of a dictionary's spelling, "wˈɛðəɹ"; None if it has others than PHONES."""
    found = re.findall("[ˈˌ]?.", spelling)
    return tuple(found) if found and set(found) <= set(PHONES) else None


def plural(phones: Phones) -> Phones:
    """A noun's phones with "s" or "'s" after them."""
    if phones[-1] in _UNVOICED:
        return (*phones, "s")
    return (*phones, "ᵻ", "z") if phones[-1] in _HISSING else (*phones, "z")


def phone_character(phone: str) -> str:
    return chr(FIRST_PHONE + PHONES.index(phone))


def vocabulary() -> dict[str, int]:
    """Token numbers of all characters; 0 is for what is unknown."""
    phones = [phone_character(phone) for phone in PHONES]
    return {symbol: i for i, symbol in enumerate(["<unk>", *PUNCTUATION, *LETTERS, *phones])}


def write_tokenizer(path: Path, pronunciations: dict[str, Phones]) -> None:
    """Write `tokenizer.json`: any text to tokens, with `pronunciations` of words inside."""
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary(), merges=[], unk_token="<unk>"))
    rules: list[normalizers.Normalizer] = [
        normalizers.NFKC(),
        normalizers.NFD(),
        normalizers.StripAccents(),
        normalizers.Lowercase(),
        *_replacements([("[‘’]", "'")]),
        *_replacements(spoken_rules()),
        *_replacements(
            [
                ("[;:–—]", ","),
                ('[()"“”]', " "),
                (f"[^a-z .,?!'\\-{chr(FIRST_PHONE)}-{chr(FIRST_PHONE + 0xFF)}]", " "),
                (" +", " "),
                (" +(?=[.,?!]|$)", ""),
                (",(?=[.,?!])|(?<=[.?!]),", ""),
            ]
        ),
        *_replacements(_word_rules(pronunciations)),
    ]
    tokenizer.normalizer = normalizers.Sequence(rules)
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(path), pretty=False)


def _replacements(rules: Sequence[tuple[str, str]]) -> list[normalizers.Normalizer]:
    return [normalizers.Replace(Regex(pattern), text) for pattern, text in rules]


def _word_rules(pronunciations: dict[str, Phones]) -> list[tuple[str, str]]:
    # Longest first: the apostrophe is a word boundary, so "don't" must go before "don".
    words = sorted(pronunciations, key=lambda word: (-len(word), word))
    spelled = [(rf"\b{word}\b", _spelled(pronunciations[word])) for word in words]
    return [*spelled, *_possessive_rules()] if spelled else []


def _possessive_rules() -> list[tuple[str, str]]:
    """What `plural` does, for a word that is phones already."""
    rules = []
    for group in (_UNVOICED, _HISSING, frozenset(PHONES) - _UNVOICED - _HISSING):
        last = "".join(sorted(phone_character(phone) for phone in group))
        ending = plural((next(iter(group)),))[1:]
        rules.append((f"(?<=[{last}])'s\\b", _spelled(ending)))
    return rules


def _spelled(phones: Phones) -> str:
    return "".join(phone_character(phone) for phone in phones)
