"""A script that cannot be spoken is refused with the reason; what is left is clean text."""

from __future__ import annotations

import time

import pytest

from app.errors import InvalidRequest, Parameter, TooLarge
from app.text.script import clean_script


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("", "empty"),
        (" \t\r\n\u00a0", "empty"),
        ("\ufeff\u200b\u00ad", "empty"),
        ("😀👍🏽 🇫🇷", "no letter and no digit"),
        ("?! … — ***", "no letter and no digit"),
        ("abc\x00", "U+0000 at character 4"),
        ("a\x1bb", "U+001B at character 2"),
        ("a\x92b", "U+0092 at character 2"),
        ("\ufeffab\ud83d", "U+D83D at character 4"),
        ("a" + "\u0301" * 31, "more than 30 combining marks"),
        ("a" + "\u0301\u200b" * 31, "more than 30 combining marks"),
    ],
)
def test_refuses_what_cannot_be_spoken(script: str, reason: str) -> None:
    """The error names the parameter and the reason, with code point and place if there is one."""
    with pytest.raises(InvalidRequest) as refused:
        clean_script(script, max_chars=100)
    assert reason in refused.value.message
    assert refused.value.field is Parameter.TEXT


def test_refuses_a_script_over_the_limit() -> None:
    """The error has both numbers and the name of the parameter."""
    with pytest.raises(TooLarge) as refused:
        clean_script("a" * 11, max_chars=10)
    assert refused.value.message == "script has 11 characters; at most 10 are allowed"
    assert refused.value.field is Parameter.TEXT


@pytest.mark.parametrize(
    ("script", "clean"),
    [
        ("a" * 10, "a" * 10),
        ("\ufeffone\r\ntwo\rten", "one\ntwo\nten"),
        ("a\u2029b\u2028c", "a\n\nb\nc"),
        ("e\u0301tude", "étude"),
        ("sy\u00adlla\u200bble", "syllable"),
        ("\t in  side ", "in  side"),
        ("👩‍👧 1", "👩‍👧 1"),
        ("5", "5"),
    ],
)
def test_cleans_without_changing_words(script: str, clean: str) -> None:
    """Invisible characters go, accents are composed, lines end alike; the rest stays."""
    assert clean_script(script, max_chars=20).text == clean


def test_a_megabyte_of_combining_marks_is_refused_at_once() -> None:
    """Normalising never sees the runs of marks that would take it hours."""
    begun = time.process_time()
    with pytest.raises(InvalidRequest):
        clean_script("a" + "\u0301\u0323" * 500_000, max_chars=2_000_000)
    assert time.process_time() - begun < 2
