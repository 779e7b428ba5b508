"""Long texts are read in stretches, which end where nothing is torn apart."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.text.mapped import MappedText
from app.text.normalise import normalise
from app.text.stretches import ENOUGH_CHARS, MOST_CHARS, split_into_stretches

SENTENCE = (
    "On 3 May 1998 Dr. Smith paid $3.50 for 12 kg of **ripe** apples, as [he](http://x.y) said. "
)
SIGNS = st.sampled_from(
    ["a", "é", "\u0301", "½", "1", " ", "\n", "\n\n", ".", ". B", "*", "<", "[", "“"]
)


def stretches_of(text: str) -> list[str]:
    return [each.text for each in split_into_stretches(MappedText(text))]


@given(st.lists(st.tuples(SIGNS, st.integers(1, 900)), max_size=12))
@example([("a", 5000)])
@example([("a\u0301", 5000)])
@hypothesis_settings(max_examples=60, deadline=None)
def test_nothing_is_lost(runs: list[tuple[str, int]]) -> None:
    """Joined, the stretches are the text; each is long enough and none is too long."""
    text = "".join(sign * times for sign, times in runs)
    stretches = stretches_of(text)
    assert "".join(stretches) == text
    assert all(0 < len(each) <= MOST_CHARS for each in stretches)
    assert all("\u0301" not in each[:1] for each in stretches[1:] if "\u0301" * 31 not in text)


@pytest.mark.parametrize("end", ["\n\n", " ", "\n"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_words_are_the_same(end: str, language: str) -> None:
    """Put into words stretch by stretch, prose is what it is put into words as a whole."""
    text = (SENTENCE * 3).rstrip() + end
    text *= 60
    stretches = stretches_of(text)
    assert len(stretches) > 5
    assert all(len(each) >= ENOUGH_CHARS for each in stretches[:-1])
    words = [normalise(each, language=language).text for each in stretches]
    assert "".join(words) == normalise(text, language=language).text


@pytest.mark.parametrize(
    ("before", "after"),
    [("**A long emphasis. ", "It goes on.** "), ("<b\n\n", "class='x'> "), ("`Code. ", "More.` ")],
)
def test_marks_are_not_parted(before: str, after: str) -> None:
    """A cut does not come between marks that belong together, if there is another place."""
    plain = "A plain sentence is here. "
    text = plain * 23 + before + plain * 4 + after + plain * 60
    first = stretches_of(text)[0]
    assert (before.strip() in first) == (after.strip() in first)
