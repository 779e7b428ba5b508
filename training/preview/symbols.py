"""The model's alphabet and its tokenizer: letters, punctuation and phones, one token each.

Phones are those of Kokoro's English dictionary, a vowel together with its stress. They are
private-use characters. Known words become phones inside `tokenizer.json` by replacement rules;
other words stay letters, which the model learns to read as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers

from training.preview.endings import (
    ENDINGS,
    FLAPPED,
    VOWELS,
    Ending,
    Phones,
    stems_and_exceptions,
)
from training.preview.spoken_numbers import spoken_rules

FIRST_PHONE, FIRST_MARK = 0xE000, 0xE0F0
PUNCTUATION = " .,?!'-"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CONSONANTS = "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθʔ"
STRESSES = ("", "ˈ", "ˌ")
PHONES = [*CONSONANTS, *(stress + vowel for stress in STRESSES for vowel in VOWELS)]


def phones_of(spelling: str) -> Phones | None:
    """The phones of a dictionary's spelling, "wˈɛðəɹ"; None if it has others than PHONES."""
    found = re.findall("[ˈˌ]?.", spelling)
    return tuple(found) if found and set(found) <= set(PHONES) else None


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
    """Exceptions first, as whole words; the others are taken apart at their endings."""
    if not pronunciations:
        return []
    stems, exceptions = stems_and_exceptions(pronunciations)
    apart = [(ending.pattern(), _mark(ending)) for ending in ENDINGS]
    together = [rule for ending in reversed(ENDINGS) for rule in _said(ending)]
    unknown = [(_mark(ending), ending.letters) for ending in ENDINGS]
    return [*_whole(exceptions), *apart, *_whole(stems), *together, *unknown]


def _whole(words: dict[str, Phones]) -> list[tuple[str, str]]:
    # Longest first: the apostrophe is a word boundary, so "don't" must go before "don".
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return [(rf"\b{word}\b", _spelled(words[word])) for word in ordered]


def _mark(ending: Ending) -> str:
    """A character that stands for an ending until the phones before it are known."""
    return chr(FIRST_MARK + ENDINGS.index(ending))


def _said(ending: Ending) -> list[tuple[str, str]]:
    """What `Ending.on` does, where the phones of a stem are known."""
    rules, mark = [], _mark(ending)
    if ending.flaps:
        before = _any_of([*(phone for phone in PHONES if phone[-1] in VOWELS), "ɹ"])
        rules.append((f"(?<={before}){_spelled(('t',))}(?={mark})", _spelled((FLAPPED,))))
    for after, added in [*ending.cases, (PHONES, ending.otherwise)]:
        rules.append((f"(?<={_any_of(after)}){mark}", _spelled(added)))
    return rules


def _any_of(phones: Iterable[str]) -> str:
    return f"[{''.join(sorted(phone_character(phone) for phone in phones))}]"


def _spelled(phones: Phones) -> str:
    return "".join(phone_character(phone) for phone in phones)
