"""Cues are short, break where a reader would, and stay long enough to be read."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from app.captions.cues import Cue, CueLimits, lay_out
from app.marks import Mark

LIMITS = CueLimits()


def spoken(text: str, *, word_seconds: float = 0.3, gap_seconds: float = 0.0) -> list[Mark]:
    """Words that follow each other; `|` in the text is a silence of a second."""
    marks, at, place = [], 0.0, 0
    for word in text.split(" "):
        if word == "|":
            at += 1.0
            continue
        end = at + word_seconds
        marks.append(Mark(word, at, end, place, place + len(word)))
        at, place = end + gap_seconds, place + len(word) + 1
    return marks


def texts(cues: list[Cue]) -> list[str]:
    return [cue.text for cue in cues]


def test_a_sentence_that_fits_is_one_cue() -> None:
    """A sentence ends its cue, and a short one stands on one line."""
    words = spoken("This is the first sentence of two. And here the second one follows.")
    assert texts(lay_out(words, LIMITS)) == [
        "This is the first sentence of two.",
        "And here the second one follows.",
    ]


def test_long_sentences_break_at_clauses() -> None:
    """A break stands after a comma rather than between words that belong together."""
    words = spoken(
        "When the ship came into the harbour on that cold morning, nobody stood at the quay, and "
        "the captain wondered where all of them had gone."
    )
    assert texts(lay_out(words, LIMITS)) == [
        "When the ship came into the\nharbour on that cold morning,",
        "nobody stood at the quay, and the captain\nwondered where all of them had gone.",
    ]


def test_lines_break_at_clauses_too() -> None:
    """Inside a cue the line ends after a comma if both parts fit."""
    words = spoken("I would have told you so, but nobody ever asked me.")
    assert texts(lay_out(words, LIMITS)) == ["I would have told you so,\nbut nobody ever asked me."]


def test_a_silence_ends_a_cue() -> None:
    """Words that wait for a second to be spoken are not shown before."""
    words = spoken("and then | came the answer")
    assert texts(lay_out(words, LIMITS)) == ["and then", "came the answer"]


def test_very_short_sentences_share_a_cue() -> None:
    """What would flash by is shown together."""
    cues = lay_out(spoken("Yes. No. Perhaps. Well then."), LIMITS)
    assert texts(cues) == ["Yes. No. Perhaps.", "Well then."]


def test_a_single_word_stays_long_enough() -> None:
    """A cue lasts 0.8 s, even if its word does not."""
    (cue,) = lay_out(spoken("Yes."), LIMITS)
    assert (cue.start_seconds, cue.end_seconds) == (0.0, 0.8)


def test_small_gaps_are_closed_and_large_ones_stay() -> None:
    """A cue goes on to the next one rather than flicker, and goes away in a real silence."""
    sentence = "This sentence is long enough by itself."
    first, second, third = lay_out(spoken(f"{sentence} {sentence} | {sentence}"), LIMITS)
    assert first.end_seconds == second.start_seconds
    assert third.start_seconds - second.end_seconds >= 0.99


def test_words_longer_than_a_line_are_cut() -> None:
    """An address that fits on no line is cut, each part at its time."""
    (cue,) = lay_out(spoken("x" * 60, word_seconds=3.0), LIMITS)
    assert [len(line) for line in cue.text.split("\n")] == [42, 18]
    assert cue.lines[1][0].start_seconds == 3.0 * 42 / 60


@given(
    st.lists(
        st.tuples(
            st.text("abcdefgh,.!\n ", min_size=1, max_size=60).filter(str.strip),
            st.floats(0.05, 1.5),
            st.sampled_from([0.0, 0.05, 0.14, 0.4, 0.9, 4.0]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_limits_hold(given_words: list[tuple[str, float, float]]) -> None:
    """Whatever is said: lines fit, no word is lost, times go forwards, and cues do not overlap."""
    words, at = [], 0.0
    for number, (text, seconds, gap) in enumerate(given_words):
        words.append(Mark(text, at, at + seconds, number, number + 1))
        at += seconds + gap
    cues = lay_out(words, LIMITS)
    shown = "".join(word.text for cue in cues for word in cue.words)
    assert "".join(shown.split()) == "".join("".join(word.text for word in words).split())
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < len(line) <= 42 for line in cue.text.split("\n"))
        assert cue.start_seconds < cue.end_seconds <= cue.start_seconds + 7.0
    for cue, after in itertools.pairwise(cues):
        gap = after.start_seconds - cue.end_seconds
        assert gap == 0 or gap >= 0.15
        can_wait = after.start_seconds - cue.start_seconds >= 0.8
        assert not can_wait or cue.end_seconds - cue.start_seconds >= 0.8 - 1e-9
