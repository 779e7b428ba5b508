"""What a model was not taught to read is left out, or the text that is made of it is refused."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest, Parameter
from app.text.letters import LetterCheck
from app.text.mapped import MappedText

ENGLISH = frozenset(string.ascii_lowercase)
RUSSIAN = frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюя")
LONG = "The quick brown fox jumps over the lazy dog, and nobody was there to see how it went. " * 2


def read(text: str, letters: frozenset[str] = ENGLISH) -> tuple[str, tuple[str, ...]]:
    check = LetterCheck(letters, ("en", "de"))
    spoken = check.read(MappedText(text)).text
    check.check()
    return spoken, check.left_out


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Plain words, 5 of them!", "Plain words, 5 of them!"),
        ("café, naïve, Ångström", "cafe, naive, Angstrom"),
        ("Straße, Øre, Łódź, Æon", "Strasse, Ore, Lodz, Aeon"),
        ("Đà Nẵng, Þór, œuvre, ﬁne", "Da Nang, Thor, oeuvre, fine"),
        ("𝓗𝓮𝓵𝓵𝓸 Ｈｅｌｌｏ", "Hello Hello"),
        ("HELLO", "HELLO"),
        ("?! … 😀", "?! … 😀"),
    ],
)
def test_accents_fold_where_the_model_knows_none(text: str, spoken: str) -> None:
    """A letter becomes the one below its accent, or those that commonly stand for it."""
    assert read(text) == (spoken, ())


def test_letters_that_the_model_knows_stay() -> None:
    """A model that was taught accents, or another script, reads them as they are."""
    assert read("café", ENGLISH | {"é"}) == ("café", ())
    assert read("Съешь ещё", RUSSIAN) == ("Съешь еще", ())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("你好世界", "你好世界"),
        ("Hello 世界", "世界"),
        ("Say Привет to them", "Привет"),
        ("مرحبا بالعالم", "مرحبا"),
        ("नमस्ते दुनिया", "नमस"),
        ("안녕하세요, and good day", "안녕하세요"),
        ("สวัสดี", "สว"),
        ("שלום", "שלום"),
        ("5 字", "字"),
        ("これはペンです。", "これはペンです"),
        ("字" * 100, "字" * 40 + "…"),
        ("Καλημέρα κόσμε", "Καλημέρα"),
    ],
)
def test_a_text_in_other_letters_is_refused(text: str, first: str) -> None:
    """The error names the first stretch of them, and the languages that can be spoken."""
    with pytest.raises(InvalidRequest) as refused:
        read(text)
    assert refused.value.field is Parameter.TEXT
    assert repr(first) in refused.value.message
    assert "en, de" in refused.value.message


@pytest.mark.parametrize(
    ("added", "spoken", "left_out"),
    [
        ("He said 你好.", "He said.", ("你好",)),
        ("Tokyo (東京) is far.", "Tokyo is far.", ("東京",)),
        ("ก็ and नि are gone.", "and are gone.", ("ก", "न")),
        ("Then да, да.", "Then,.", ("да",)),
    ],
)
def test_a_few_in_passing_are_left_out(added: str, spoken: str, left_out: tuple[str, ...]) -> None:
    """They are named, their accents go with them, and the rest is read."""
    text, gone = read(LONG + added)
    assert text.removeprefix(LONG) == spoken
    assert gone == left_out


def test_the_model_of_a_russian_reads_no_latin() -> None:
    """What counts is what this model was taught, whatever the script."""
    with pytest.raises(InvalidRequest, match="'Hello'"):
        read("Hello, мир", RUSSIAN)


def test_nothing_is_judged_without_knowledge() -> None:
    """A tokenizer without letters tells nothing, so that everything is tried."""
    assert read("你好", frozenset()) == ("你好", ())


@settings(deadline=None)
@given(st.text(max_size=80))
def test_what_is_left_can_be_read(text: str) -> None:
    """Every letter that stays is known to the model, and reading again changes nothing."""
    check = LetterCheck(ENGLISH, ("en",))
    spoken = check.read(MappedText(text))
    assert all(char.lower() in ENGLISH for char in spoken.text if char.isalpha())
    assert check.read(spoken).text == spoken.text


def test_takes_time_linear_in_the_text() -> None:
    """A hundred thousand different letters are looked at once each."""
    many = "".join(map(chr, range(0x4E00, 0x9FFF))) * 5
    begun = time.process_time()
    with pytest.raises(InvalidRequest):
        read(many)
    assert time.process_time() - begun < 2
