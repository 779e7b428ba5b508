"""How much of a text can be spoken before its first sentence is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.feed import ScriptFeed
from app.text.opening import FEWEST_WORDS, opening_end
from app.text.sentences import find_words
from tests.text.test_feed import SCRIPTS, cut


@pytest.mark.parametrize(
    ("text", "early", "at_pause"),
    [
        ("Of course I can, a", "Of course I can, ", None),
        ("Of course I can,", "", "Of course I can,"),
        ("Well, ", "", ""),
        ("Well, let me see, th", "Well, let me see, ", None),
        ("Sure!", "", "Sure!"),
        ("Dr.", "", ""),
        ("I would like to inform", "", "I would like to "),
        ("I would", "", ""),
        ("It costs about 5 ", "", ""),
        ("On March 3, 2025, he came, and", "On March 3, 2025, he came, ", None),
        ("He said (well, ever so often, th", "", ""),
        ("[pause 1s, a", "", ""),
        ("The first two words; 5 more", "", ""),
        ("One two three. Four", "One two three. ", None),
        ("", "", ""),
        (" ... ", "", ""),
    ],
)
def test_openings(text: str, early: str, at_pause: str | None) -> None:
    """A clause of enough words, or what is there at a pause; never half of anything."""
    assert text[: opening_end(text, paused=False)] == early
    expected = early if at_pause is None else at_pause
    assert text[: opening_end(text, paused=True)] == expected


def test_what_is_never_parted() -> None:
    """SSML and what one voice says in a dialogue come whole, however long the writer pauses."""
    for text in ("<speak>One two three, four", "[alba] One two three, four"):
        feed = ScriptFeed(max_chars=1000)
        feed.add(text)
        feed.release_opening(paused=True)
        assert feed.take() == ""


@given(SCRIPTS, st.booleans())
def test_what_opens_is_whole(text: str, paused: bool) -> None:
    """It ends between two words, and has enough of them or ends a sentence."""
    end = opening_end(text, paused=paused)
    opening = text[:end]
    words = [opening[word.start : word.end] for word in find_words(opening)]
    spoken = sum(any(map(str.isalnum, word)) for word in words)
    marks = opening[max((at for at, char in enumerate(opening) if char.isalnum()), default=0) :]
    assert not opening or spoken >= FEWEST_WORDS or not set(marks).isdisjoint(".!?…。！")


@given(SCRIPTS, st.lists(st.integers(0, 10_000), max_size=40), st.booleans())
def test_nothing_is_lost(text: str, places: list[int], paused: bool) -> None:
    """However it is begun, the passages joined are the text."""
    feed, taken = ScriptFeed(max_chars=1_000_000), ""
    for piece in cut(text, places):
        feed.add(piece)
        if not (passage := feed.take()):
            feed.release_opening(paused=paused)
            passage = feed.take()
        taken += passage
    feed.finish()
    while not feed.exhausted:
        taken += feed.take()
    assert taken == text
