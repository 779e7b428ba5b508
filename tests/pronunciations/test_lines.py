"""Pronunciations stand in a text file, one a line, and what is wrong there is named by its line."""

from __future__ import annotations

import pytest

from app.lexicon import Pronunciation
from app.pronunciations.lines import (
    LineError,
    pronunciations_of,
    read_lines,
    read_pronunciation,
    written_pronunciation,
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Nginx = engine X", Pronunciation("Nginx", "engine X")),
        ("Nginx=engine X", Pronunciation("Nginx", "engine X")),
        ("  New   York\t= Noo Yawk ", Pronunciation("New York", "Noo Yawk")),
        ("C# = see sharp", Pronunciation("C#", "see sharp")),
        ("x = a = b", Pronunciation("x", "a = b")),
        ('"a = b" = a equals b', Pronunciation("a = b", "a equals b")),
        ('"#x" = hash x', Pronunciation("#x", "hash x")),
        ('"[sic]" = sick', Pronunciation("[sic]", "sick")),
        (r'"a\"=" = x', Pronunciation('a"=', "x")),
        ('the "US" = x', Pronunciation('the "US"', "x")),
        ("[de] Porsche = Porscheh", Pronunciation("Porsche", "Porscheh", "de")),
        ("[en, CASE] US = U S", Pronunciation("US", "U S", "en", case_sensitive=True)),
        ("[part] tele = telly", Pronunciation("tele", "telly", whole_words=False)),
    ],
)
def test_read(line: str, expected: Pronunciation) -> None:
    """A line says a word, how it is spoken, and where that holds; written it says the same."""
    assert read_pronunciation(line) == expected
    assert read_pronunciation(written_pronunciation(expected)) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Nginx", "is not of the form: word = what is spoken"),
        ("= engine X", "is not of the form"),
        ("Nginx =", "what is spoken for 'Nginx' is empty"),
        ('"" = x', "the word is empty"),
        ("[xx] Nginx = x", "'xx' cannot stand in the brackets; case, part and one of en"),
        ("[en, de] Nginx = x", "'de' cannot stand in the brackets"),
    ],
)
def test_refused(line: str, reason: str) -> None:
    """What cannot be read is refused with its reason."""
    with pytest.raises(ValueError, match=r".*") as refused:
        read_pronunciation(line)
    assert reason in str(refused.value)


def test_a_file() -> None:
    """Comments and empty lines are kept, and say nothing."""
    lines = read_lines("# names\n\nNginx = engine X\n  # C = D\nGIF = jif\n")
    assert [each.written for each in pronunciations_of(lines)] == ["Nginx", "GIF"]
    assert [line.text for line in lines] == [
        "# names",
        "",
        "Nginx = engine X",
        "  # C = D",
        "GIF = jif",
    ]


def test_every_wrong_line_is_named() -> None:
    """None is skipped; the same word twice is wrong as well, unless it is for another language."""
    text = "a = x\nb\n\n[en] A = y\nA = z\n[qq] c = d\n"
    with pytest.raises(LineError) as wrong:
        read_lines(text)
    assert [number for number, _ in wrong.value.wrong] == [2, 5, 6]
    assert str(wrong.value).startswith("line 2: 'b' is not of the form")
    assert "line 5: 'A' is there already, in line 1; line 6: 'qq' cannot" in str(wrong.value)
    with pytest.raises(LineError, match=r"line 5: .*; and 15 more lines$"):
        read_lines("x\n" * 20)
