"""Words are runs that have something to say, and each token is shared out among them."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.alignment.words import Reading, spoken_words, token_shares


@pytest.mark.parametrize(
    ("text", "words", "before_pauses"),
    [
        ("Well, I know.", ["Well,", "I", "know."], ["Well,", "know."]),
        ("this — or that", ["this", "or", "that"], ["this"]),
        ('"Stop!" she said', ['"Stop!"', "she", "said"], ['"Stop!"']),
        ("half a & half", ["half", "a", "&", "half"], []),
        ("  « Ça va ? »\n", ["Ça", "va"], ["va"]),
        ("... - !", [], []),
        ("5 € = 3 £", ["5", "€", "=", "3", "£"], []),
    ],
)
def test_words(text: str, words: list[str], before_pauses: list[str]) -> None:
    """A mark that stands alone is no word, but there may be a pause at it."""
    found = spoken_words(text)
    assert [text[word.start : word.end] for word in found] == words
    assert [text[word.start : word.end] for word in found if word.before_pause] == before_pauses


def shares_of(text: str, read: str, tokens: list[str]) -> list[list[float]]:
    """The shares of tokens that make up `read` from the start."""
    offsets, start = [], 0
    for token in tokens:
        start = read.index(token, start)
        offsets.append((start, start + len(token)))
        start += len(token)
    shares = token_shares(Reading(text, read, offsets), spoken_words(text))
    return [row.round(2).tolist() for row in shares]


def test_a_token_of_white_space_is_half_each_neighbours() -> None:
    shares = shares_of("go on now", "Go on now.", ["Go", " ", "on", " now", "."])
    half = [0.5, 0.5, 0]
    assert shares == [[1, 0, 0], half, [0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_a_token_over_several_words_is_shared_by_letters() -> None:
    assert shares_of("a bee", "A bee.", ["A bee", "."]) == [[0.25, 0.75], [0, 1]]


def test_marks_that_upstream_drops_or_adds_move_no_word() -> None:
    """A dash that is no longer there, quotes taken away, spaces before, a full stop after."""
    shares = shares_of("“so” — it is", "        So , it is.", ["    ", "So", ",", "it", "is."])
    assert shares == [[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]


@given(
    text=st.text("aé1 ,.—&\n", min_size=1, max_size=30),
    read=st.text("aé1 ,.—&", min_size=1, max_size=30),
    data=st.data(),
)
def test_every_token_is_shared_out(text: str, read: str, data: st.DataObject) -> None:
    """Whatever is read for whatever was written, a token is wholly the words'."""
    words = spoken_words(text)
    if not words:
        return
    cuts = sorted(data.draw(st.sets(st.integers(0, len(read)), min_size=2)))
    offsets = list(pairwise(cuts))
    shares = token_shares(Reading(text, read, offsets), words)
    assert shares.shape == (len(offsets), len(words))
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)


@given(st.text("ab '-,.?", min_size=1, max_size=40))
def test_tokens_of_the_text_itself_are_their_words(text: str) -> None:
    """Where the model reads what was written, a letter is its own word's."""
    words = spoken_words(text)
    if not words:
        return
    offsets = [(place, place + 1) for place in range(len(text))]
    shares = token_shares(Reading(text, text, offsets), words)
    for letter in re.finditer("[ab]", text):
        owner = shares[letter.start()].argmax()
        assert words[owner].start <= letter.start() < words[owner].end
        assert shares[letter.start(), owner] == 1
