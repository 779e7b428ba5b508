"""A text knows what of its source each part stands for, however often it was edited."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.mapped import MappedText


def stands_for(text: MappedText) -> dict[str, str]:
    """What each word of a text stands for in its source."""
    spans = [found.span() for found in re.finditer(r"\S+", text.text)]
    return {text.text[a:b]: text.source[slice(*text.source_span(a, b))] for a, b in spans}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("$3.50", "three fifty", {"three": "$3.50", "fifty": "$3.50"}),
        ("**a b**", "a b", {"a": "a", "b": "b"}),
        ("[a b](x)", "a b", {"a": "a", "b": "b"}),
        ("&amp;", "&", {"&": "&amp;"}),
        ("&#38;", "&", {"&": "&#38;"}),
        (r"\(", "(", {"(": "("}),
        ("Dr. ", "Doctor ", {"Doctor": "Dr."}),
        ("in 1984", "in nineteen", {"in": "in", "nineteen": "1984"}),
        ("3 May", "the third of May", {"the": "3", "third": "3", "of": "3", "May": "May"}),
        ("14:30 Uhr", "elf Uhr neun", dict.fromkeys(("elf", "Uhr", "neun"), "14:30 Uhr")),
        ("5 a", "of 5 a", {"of": "5", "5": "5", "a": "a"}),
        ("a b c", "a c", {"a": "a", "c": "c"}),
    ],
)
def test_a_rewritten_stretch(old: str, new: str, expected: dict[str, str]) -> None:
    """It stands for all that it replaced, but for the words that stay."""
    text = MappedText(f"x {old} y").edited([(2, 2 + len(old), new)])
    assert text.text == f"x {new} y"
    assert stands_for(text) == {"x": "x", **expected, "y": "y"}


def test_edits_compose() -> None:
    """What is rewritten twice stands for what was there first."""
    text = MappedText("pay **$3.5** now")
    text = text.sub(re.compile(r"\*+"), "").sub(re.compile(r"\$[\d.]+"), "3.5 dollars")
    text = text.sub(re.compile(r"[\d.]+"), "three point five")
    assert text.text == "pay three point five dollars now"
    spoken = dict.fromkeys(("three", "point", "five", "dollars"), "$3.5")
    assert stands_for(text) == {"pay": "pay", **spoken, "now": "now"}
    assert text.written(0, len(text)) == "pay $3.5 now"


def test_texts_are_joined_and_parted() -> None:
    """What is put between them stands for nothing, and lies where it was put."""
    row = MappedText("| one | two |").strip("|")
    cells = [row[:5].strip(), row[6:].strip()]
    text = MappedText.join(cells, ", ")
    assert text.text == "one, two"
    assert stands_for(text) == {"one,": "one", "two": "two"}
    assert text.source_span(3, 5) == (5, 5)
    assert MappedText.join((". ", cells[1])).source_span(0, 2) == (8, 8)
    assert MappedText.join((), ", ").text == ""


def test_a_step_backwards_or_a_longer_character_is_refused() -> None:
    """Neither could be mapped."""
    with pytest.raises(ValueError, match="forward"):
        MappedText("abc")[::-1]
    with pytest.raises(ValueError, match="one character"):
        MappedText("ß").translate({ord("ß"): "ss"})


_EDITS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6), st.text("ab c&;.", max_size=6)), max_size=4
)


@settings(max_examples=300, deadline=None)
@given(
    st.text("abc *&;.", max_size=20), st.lists(_EDITS, max_size=4), st.tuples(*[st.integers(0)] * 2)
)
def test_a_map_follows_every_edit(
    source: str, rounds: list[list[tuple[int, int, str]]], part: tuple[int, int]
) -> None:
    """The text is what the edits say; places are in order, and what was not touched is its own."""
    text, plain = MappedText(source), source
    for edits in rounds:
        start, whole, pieces = 0, [], []
        for ahead, chars, new in edits:
            end = start + ahead + chars
            if end <= len(plain):
                whole.append((start + ahead, end, new))
                pieces += [plain[start : start + ahead], new]
                start = end
        text, plain = text.edited(whole), "".join(pieces) + plain[start:]
    assert text.text == plain
    places = [text.source_span(index, index + 1) for index in range(len(plain))]
    assert all(0 <= start <= end <= len(source) for start, end in places)
    for before, after in pairwise(places):
        assert before[0] <= after[0]
        assert before[1] <= after[1]
    first, last = (each % (len(plain) + 1) for each in part)
    cut = text[first:last]
    assert cut.text == plain[first:last]
    assert [cut.source_span(at, at + 1) for at in range(len(cut))] == places[first:last]
    joined = MappedText.join((text[:first], text[first:]))
    assert [joined.source_span(at, at + 1) for at in range(len(plain))] == places


@given(st.text("ab c", max_size=20), st.integers(0, 20))
def test_what_is_taken_out_leaves_its_neighbours_alone(source: str, at: int) -> None:
    """Each other character stands for itself."""
    marked = source[:at] + "**" + source[at:]
    text = MappedText(marked).sub(re.compile(r"\*\*"), "")
    assert text.text == source
    for index, char in enumerate(source):
        assert marked[slice(*text.source_span(index, index + 1))] == char
