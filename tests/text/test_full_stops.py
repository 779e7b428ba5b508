"""A full stop after an abbreviation ends a sentence only before what looks like a new one."""

from __future__ import annotations

import pytest

from app.text.full_stops import Stop, stop_after


@pytest.mark.parametrize(
    ("word", "following", "stop"),
    [
        ("Dr", "Smith", Stop.BINDS),
        ("No", "5", Stop.BINDS),
        ("no", "Then", None),
        ("e.g", "London", Stop.SHORTENS),
        ("p.m", "He left", Stop.ENDS),
        ("p.m", "Monday", Stop.SHORTENS),
        ("U.S", "Army", Stop.SHORTENS),
        ("U.S", "They", Stop.ENDS),
        ("J", "I. Case", Stop.SHORTENS),
        ("3", "Oktober", Stop.SHORTENS),
        ("1999", "Oktober", None),
        ("word", "Then", None),
        ("", "Then", None),
    ],
)
def test_says_what_a_full_stop_does(word: str, following: str, stop: Stop | None) -> None:
    """Titles and numbers bind, abbreviations shorten, and some of them may end the sentence."""
    assert stop_after(word, following) is stop
