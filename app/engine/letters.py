"""Finds out which letters a model was taught: those in the pieces of its tokenizer."""

from __future__ import annotations

import regex
from pocket_tts import TTSModel

_LETTER = regex.compile(r"\p{L}")
_LATIN = regex.compile(r"\p{Latin}")


def letters_of(model: TTSModel, *, latin_only: bool) -> frozenset[str]:
    """Return the letters that stand in pieces of a model's tokenizer.

    Bytes, into which some tokenizers fall apart what they do not know, are no letters.

    Args:
        latin_only: whether letters of other scripts are chance finds: the released models speak
            languages that are written in Latin letters.
    """
    wanted = _LATIN if latin_only else _LETTER
    return frozenset(
        char for piece in _pieces(model) for char in _LETTER.findall(piece) if wanted.match(char)
    )


def _pieces(model: TTSModel) -> list[str]:
    wrapped = model.flow_lm.conditioner.tokenizer
    tokenizer = getattr(wrapped, "tokenizer", None)
    if tokenizer is None:  # sentencepiece
        processor = wrapped.sp
        return [
            processor.id_to_piece(number)
            for number in range(processor.get_piece_size())
            if not (processor.is_byte(number) or processor.is_unknown(number))
        ]
    unknown = getattr(tokenizer.model, "unk_token", None)
    numbers = [
        [number]
        for piece, number in tokenizer.get_vocab(with_added_tokens=False).items()
        if piece != unknown
    ]
    # A byte decodes to "�", which is no letter.
    return list(tokenizer.decode_batch(numbers))
