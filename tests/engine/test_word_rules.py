"""A tokenizer whose rules for words are kept in a table gives the tokens that it gave before."""

from __future__ import annotations

import json
import pydoc_data.topics
import random
from typing import Any

import pytest
from tokenizers import Tokenizer

from app.engine.loader import load_model
from app.engine.preview import PREVIEW_CONFIG
from app.engine.weights import fetch_model
from app.engine.word_rules import part_word_rules

TOKENIZER = PREVIEW_CONFIG.parent / "tokenizer.json"
ODD_LETTERS = "abcdit's '_-.,é—’ßß1230sŚｆﬁ"


@pytest.fixture(scope="module")
def whole() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER))


def parted(text: str) -> Tokenizer:
    both = part_word_rules(text)
    assert both is not None
    tokenizer = Tokenizer.from_str(both.rest)
    tokenizer.normalizer = both.normalizer
    return tokenizer


def texts() -> list[str]:
    rng = random.Random(0)
    prose = " ".join(pydoc_data.topics.topics.values())
    starts = [rng.randrange(len(prose) - 300) for _ in range(40)]
    return [
        "Don't rock'n'roll, o'clock 'tis 3,000.50 on 31st of May! Mr. Smith's cat's whiskers.",
        "x-ray naïve Straße Привет 你好 foo_bar a'b'c'd''e it’s''",
        "",
        *(prose[start : start + rng.randrange(5, 300)] for start in starts),
        *("".join(rng.choices(ODD_LETTERS, k=60)) for _ in range(40)),
    ]


def same(one: Tokenizer, other: Tokenizer, text: str) -> bool:
    ours, theirs = one.encode_batch([text])[0], other.encode_batch([text])[0]
    return (ours.ids, ours.tokens, ours.offsets) == (theirs.ids, theirs.tokens, theirs.offsets)


def test_the_preview_voice_reads_as_before(whole: Tokenizer) -> None:
    """Tokens and their places in the text are those of the file, as pocket-tts reads it."""
    assert part_word_rules(TOKENIZER.read_text("utf-8")) is not None
    tokenizer = load_model(fetch_model(language="", config=str(PREVIEW_CONFIG)))
    ours = tokenizer.flow_lm.conditioner.tokenizer.tokenizer
    assert [text for text in texts() if not same(ours, whole, text)] == []


def small(rules: list[tuple[str, str]], last: str = "z") -> str:
    """Make a tokenizer of rules, and a thousand more between them and one that is no word's."""
    more = [(rf"\b{'q' * number}\b", "0") for number in range(1, 1001)]
    normalizers: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}
        for pattern, content in (*rules, *more, (last, "y"))
    ]
    letters = {char: number for number, char in enumerate("0123456789 '.yz")}
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [],
            "normalizer": {"type": "Sequence", "normalizers": normalizers},
            "model": {"type": "BPE", "vocab": letters, "merges": []},
        }
    )


@pytest.mark.parametrize(
    "rules",
    [
        [(r"\bo'clock\b", "1"), (r"\bclock\b", "2"), (r"\bo\b", "3")],
        [(r"\bo\b", "3"), (r"\bclock\b", "2"), (r"\bo'clock\b", "1")],
        [(r"\bclock\b", "1"), (r"\bclock\b", "2")],
        [(r"\bo\b", "3"), ("[0-9](?=')", "4"), (r"\bclock\b", "2")],  # another between
    ],
)
def test_rules_are_tried_in_their_order(rules: list[tuple[str, str]]) -> None:
    text = small(rules)
    assert same(parted(text), Tokenizer.from_str(text), "o'clock o clock z'o'clock.qqq z")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"normalizer": {"normalizers": []}}),
        small([(r"\bone\b", "two"), (r"\btwo\b", "2")]),
    ],
    ids=["few", "one rule's work for another"],
)
def test_what_is_left_as_it_is(text: str) -> None:
    """Where the table might not do the same, there is none."""
    assert part_word_rules(text) is None
