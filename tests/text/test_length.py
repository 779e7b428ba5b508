"""How long a text sounds is estimated so that honest ones are not taken for longer."""

from __future__ import annotations

import pytest

from app.text.length import least_seconds
from app.text.normalise import normalise
from benchmarks.scripts import script_of


def test_honest_texts_are_not_taken_for_longer() -> None:
    """Speech has 12 to 18 characters in a second, by language and voice."""
    text = script_of(10_000)
    assert len(text) / 30 < least_seconds(text) < len(text) / 18


@pytest.mark.parametrize(
    ("unit", "least"),
    [("½", 0.4), ("½ ", 0.4), ("W ", 0.2), ("a. ", 0.2), ("中", 0.2), ("1", 0.2), ("IV ", 0.1)],
)
def test_what_is_spelled_counts_as_it_sounds(unit: str, least: float) -> None:
    """Few characters that are many words, or are said by name, are no way around the bound."""
    assert least_seconds(normalise(unit * 1000, language="en").text) > 1000 * least


def test_digits_that_stay_count_as_words() -> None:
    """A text that is not put into words is not shorter for it."""
    assert least_seconds("7 " * 1000) > 300
