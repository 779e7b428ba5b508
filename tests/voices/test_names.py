"""What a voice may be called."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.errors import InvalidRequest, Parameter
from app.voices.names import check_name, folded, name_from


@pytest.mark.parametrize("name", ["a", "anna", "Anna_2", "x.y-z", "9", "Zoë", "声音", "x" * 64])
def test_good(name: str) -> None:
    """Letters and digits of any script, and three marks."""
    assert check_name(name) == name


def test_one_form() -> None:
    """However an accent was typed, the name is the same."""
    assert check_name(unicodedata.normalize("NFD", "Zoë")) == "Zoë"
    assert folded(unicodedata.normalize("NFD", "ZOË")) == folded("zoë")
    assert check_name("  anna ") == "anna"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is empty"),
        ("x" * 65, "has 65 characters"),
        ("𝒳" * 64, "too long as a file name"),
        (".x", "begins with"),
        ("x.", "ends with"),
        ("..", "begins with"),
        ("a/b", "contains '/'"),
        ("a\\b", "contains"),
        ("a\0", "contains"),
        ("a:b", "contains ':'"),
        ("a b", "contains ' '"),
        ("NUL", "reserved"),
        ("com1.voice", "reserved"),
        ("COM¹", "reserved"),
        ("\ud800", "contains"),
    ],
)
def test_bad(name: str, words: str) -> None:
    """Anything that is no plain file name everywhere is refused, and the rule is told."""
    with pytest.raises(InvalidRequest, match=words) as caught:
        check_name(name)
    assert caught.value.field is Parameter.NAME


@pytest.mark.parametrize(
    ("label", "name"),
    [("My Voice!", "My-Voice"), ("../../x", "x"), ("con", "voice"), ("", "voice"), ("Zoë", "Zoë")],
)
def test_name_from_label(label: str, name: str) -> None:
    """A label becomes a name that resembles it."""
    assert name_from(label) == name


@given(st.text(max_size=200))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    """Any label gives a good name; a good name is a file of its own in its folder."""
    assert check_name(name_from(text)) == name_from(text)
    try:
        name = check_name(text)
    except InvalidRequest:
        return
    assert (Path("voices") / f"{name}.wav").parent == Path("voices")
    assert Path(f"{name}.wav").stem == name
    assert folded(name) == folded(name.upper()) or not name.isascii()
