"""A prompt knows which characters each of its tokens stands for, whatever the tokenizer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import sentencepiece
from pocket_tts import TTSModel
from pocket_tts.modules.text_conditioner import SentencePieceTokenizer

from app.engine.alignment.words import spoken_words, token_shares
from app.engine.prompt import make_prompt
from tests.engine.speaking import Upstream

TEXT = "Ça va très bien — merci beaucoup à vous"


@pytest.fixture(scope="module")
def sentencepiece_model(tmp_path_factory: pytest.TempPathFactory) -> TTSModel:
    """As much of a model as makes prompts, with a tokenizer as released small models have it."""
    path = tmp_path_factory.mktemp("sp") / "tokenizer"
    lines = [TEXT, "Ça va bien, merci", "très bien, et vous à la mer", "beaucoup vont à la ville"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 10),
        model_prefix=str(path),
        vocab_size=45,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    processor = sentencepiece.SentencePieceProcessor(str(path.with_suffix(".model")))
    tokenizer = SentencePieceTokenizer(processor.vocab_size(), str(path.with_suffix(".model")))
    parts: dict[str, Any] = {
        "pad_with_spaces_for_short_inputs": True,
        "remove_semicolons": False,
        "append_terminal_punctuation": True,
        "capitalize_first_letter": True,
        "replace_characters": {"—": ","},
        "_TOKENS_PER_SECOND_ESTIMATE": 3.0,
        "_GEN_SECONDS_PADDING": 2.0,
        "config": SimpleNamespace(mimi=SimpleNamespace(frame_rate=12.5)),
        "flow_lm": SimpleNamespace(conditioner=SimpleNamespace(tokenizer=tokenizer)),
    }
    return cast("TTSModel", SimpleNamespace(**parts))


def test_sentencepiece(sentencepiece_model: TTSModel) -> None:
    """The tokens are those that upstream reads, and each letter's are its own word's."""
    prompt = make_prompt(sentencepiece_model, TEXT)
    assert prompt is not None
    reading = prompt.reading
    tokenizer = sentencepiece_model.flow_lm.conditioner.tokenizer
    assert prompt.tokens.tolist() == tokenizer.encode(reading.read)
    assert reading.read == "Ça va très bien , merci beaucoup à vous."
    check(reading.offsets, reading.read)
    words = spoken_words(TEXT)
    shares = token_shares(reading, words)
    assert len(shares) == len(prompt.tokens) > len(words)
    assert [TEXT[words[i].start : words[i].end] for i in shares.argmax(1)][-1] == "vous"
    assert set(shares.argmax(1)) == set(range(len(words)))


def test_the_other_tokenizer(tiny: Upstream) -> None:
    prompt = make_prompt(tiny.model, "the quick brown fox")
    assert prompt is not None
    assert prompt.reading.text == "the quick brown fox"
    check(prompt.reading.offsets, prompt.reading.read)
    assert len(prompt.reading.offsets) == len(prompt.tokens)


def check(offsets: Any, read: str) -> None:
    """Places are in order, inside the text, and leave none of its letters out."""
    starts = [start for start, _ in offsets]
    assert starts == sorted(starts)
    assert all(0 <= start <= end <= len(read) for start, end in offsets)
    covered = {place for start, end in offsets for place in range(start, end)}
    assert all(place in covered for place, letter in enumerate(read) if letter.isalnum())
