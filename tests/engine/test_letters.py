"""The letters of a model are those that its tokenizer was taught, not what it takes for bytes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from app.engine.letters import letters_of
from app.engine.preview import PREVIEW_CONFIG

PROSE = ["Ein Käse und die Straße", "привет мир", "the quick brown fox"] * 20


def model_with(**tokenizer: Any) -> Any:
    conditioner = SimpleNamespace(tokenizer=SimpleNamespace(**tokenizer))
    return SimpleNamespace(flow_lm=SimpleNamespace(conditioner=conditioner))


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(PROSE, trainer)
    return tokenizer


def unigram() -> Tokenizer:
    pieces = [("<unk>", 0.0), *((f"<0x{byte:02X}>", -9.0) for byte in range(256))]
    pieces += [(f"▁{char}", -3.0) for char in "abcäß字"]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


def test_bytes_are_no_letters() -> None:
    """A letter that is only there as bytes was not taught; ASCII is its own byte."""
    letters = letters_of(model_with(tokenizer=byte_level()), latin_only=False)
    assert set("abcäßпривет") <= letters
    assert "é" not in letters
    assert "字" not in letters
    letters = letters_of(model_with(tokenizer=unigram()), latin_only=False)
    assert set("äß字") <= letters
    assert "é" not in letters


def test_released_models_read_latin_only() -> None:
    """Letters of other scripts in their tokenizers are chance finds."""
    letters = letters_of(model_with(tokenizer=unigram()), latin_only=True)
    assert set("äß") <= letters
    assert "字" not in letters


def test_sentencepiece() -> None:
    """Its pieces are asked for one by one, without those for bytes."""
    pieces = ["<unk>", "▁der", "ß", "<0x41>", "字"]
    processor = SimpleNamespace(
        get_piece_size=lambda: len(pieces),
        id_to_piece=pieces.__getitem__,
        is_byte=lambda number: number == 3,
        is_unknown=lambda number: number == 0,
    )
    assert letters_of(model_with(sp=processor), latin_only=False) == frozenset("derß字")


def test_the_preview_reads_plain_letters(request: pytest.FixtureRequest) -> None:
    """The preview voice has pieces for the letters of English."""
    tokenizer = Tokenizer.from_file(str(PREVIEW_CONFIG.parent / "tokenizer.json"))
    letters = letters_of(model_with(tokenizer=tokenizer), latin_only=False)
    assert letters == frozenset("abcdefghijklmnopqrstuvwxyz")
