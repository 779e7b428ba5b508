"""The model's alphabet and its tokenizer: letters, punctuation and phones, one token each.

Phones are private-use characters. Known words become phones inside `tokenizer.json` by replacement
rules; other words stay letters, which the model learns to read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers

from training.preview.spoken_numbers import spoken_rules

FIRST_PHONE = 0xE000
PUNCTUATION = " .,?!'-"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PHONES = (
    "aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw "
    "v w y z zh"
).split()


def phone_character(phone: str) -> str:
    return chr(FIRST_PHONE + PHONES.index(phone))


def vocabulary() -> dict[str, int]:
    """Token numbers of all characters; 0 is for what is unknown."""
    phones = [phone_character(phone) for phone in PHONES]
    return {symbol: i for i, symbol in enumerate(["<unk>", *PUNCTUATION, *LETTERS, *phones])}


def write_tokenizer(path: Path, pronunciations: dict[str, tuple[str, ...]]) -> None:
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


def _word_rules(pronunciations: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    # Longest first: the apostrophe is a word boundary, so "don't" must go before "don".
    words = sorted(pronunciations, key=lambda word: (-len(word), word))
    spelled = [
        (rf"\b{word}\b", "".join(phone_character(phone) for phone in pronunciations[word]))
        for word in words
    ]
    possessive = (
        f"(?<=[{chr(FIRST_PHONE)}-{chr(FIRST_PHONE + 0xFF)}])'s\\b",
        phone_character("z"),
    )
    return [*spelled, possessive] if spelled else []
