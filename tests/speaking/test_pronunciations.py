"""What is to be said in the place of a word is spoken; captions show what was written."""

from __future__ import annotations

import time
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest, NothingToSpeak, Parameter, TooLarge
from app.lexicon import Lexicon, Pronunciation, no_lexicon
from app.speaking.plan import Piece, ScriptReader, ScriptRules
from app.speech import Prosody

OWN = Lexicon(
    [
        Pronunciation("Nginx", "engine X"),
        Pronunciation("Los Angeles", "Loss Anjeles"),
        Pronunciation("$5", "a fiver"),
        Pronunciation("kWh", "kilowatt hours"),
        Pronunciation("GmbH", "Gay Em Bay Hah", "de"),
    ]
)
MEDICAL = Lexicon([Pronunciation("Los", "loose"), Pronunciation("Nginx", "the nurse")])


def called(name: str) -> Lexicon:
    return MEDICAL if name == "medical" else no_lexicon(name)


def read(script: str, *lexicons: Lexicon, **changes: Any) -> list[Piece]:
    usual: dict[str, Any] = {
        "voice_called": lambda name: name if name == "alba" else None,
        "lexicon_called": called,
        "lexicons": lexicons or (OWN,),
        "letters": frozenset,
        "languages": ("en",),
        "language": "en",
        "normalise": True,
        "prosody": Prosody(),
        "pause_scale": 1.0,
        "max_chars": 218,
        "max_tokens": 50,
        "token_counter": lambda _text: lambda part: len(part.split()),
        "max_script_chars": 50_000,
        "max_speech_seconds": 3600,
    }
    batches = ScriptReader(script, ScriptRules(**(usual | changes))).steps()
    return [piece for batch in batches if batch is not None for piece in batch.pieces]


def said(script: str, *lexicons: Lexicon, **changes: Any) -> str:
    return " | ".join(piece.text for piece in read(script, *lexicons, **changes))


def captions(pieces: list[Piece]) -> list[tuple[str, str]]:
    """What was written, and what is said for it."""
    words = [
        (word.written, piece.text[word.start : word.end])
        for piece in pieces
        for word in piece.words
    ]
    return [
        (written.text, " ".join(spoken for _, spoken in group))
        for written, group in groupby(words, key=lambda pair: pair[0])
    ]


@pytest.mark.parametrize(
    ("script", "spoken"),
    [
        ("Nginx serves 3 pages.", "engine X serves three pages."),
        ("It costs $5, or $50.", "It costs a fiver, or fifty dollars."),
        ("It takes 5 kWh.", "It takes five kilowatt hours."),
        ("**Nginx** and [Nginx](https://nginx.org/nginx)", "engine X and engine X"),
        ("Acme GmbH", "Acme GmbH"),
        ("[alba] Nginx is here.", "engine X is here."),
        ("Nginx [pause 1s] Nginx", "engine X | engine X"),
        ('<a href="Nginx">Nginx</a> &amp; Nginx', "engine X and engine X"),
        ("Write to nginx@nginx.org", "Write to nginx at nginx dot org"),
    ],
)
def test_before_all_else(script: str, spoken: str) -> None:
    """Words are replaced before numbers and signs are put into words."""
    assert said(script) == spoken


def test_without_normalisation_and_markup() -> None:
    """Pronunciations hold there as well: who sends them means them."""
    assert said("<b>Nginx</b> 3", markup=False, normalise=False) == "<b>engine X</b> 3"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("Use Nginx's now.", [("Use", "Use"), ("Nginx's", "engine X's"), ("now.", "now.")]),
        (
            "In Los\n Angeles, $5.",
            [("In", "In"), ("Los\n Angeles,", "Loss Anjeles,"), ("$5.", "a fiver.")],
        ),
        ("a 5 kWh b", [("a", "a"), ("5", "five"), ("kWh", "kilowatt hours"), ("b", "b")]),
        ("**Nginx**", [("Nginx", "engine X")]),
        ("<speak>a Nginx &amp; co</speak>", [("a", "a"), ("Nginx", "engine X"), ("&", "and")]),
    ],
)
def test_captions(script: str, expected: list[tuple[str, str]]) -> None:
    """A word that was replaced is one word of the captions, in the writer's own spelling."""
    found = captions(read(script))
    assert found[: len(expected)] == expected


def test_places_in_the_script() -> None:
    """Each word knows where it stands in the script as it was sent."""
    script = "\ufeff Nginx  is\r\nin Los Angeles."
    words = [word.written for piece in read(script) for word in piece.words]
    assert {script[each.script_start : each.script_end] for each in words} == {
        *("Nginx", "is", "in", "Los Angeles.")
    }


@pytest.mark.parametrize(
    "spoken",
    [
        "[pause 1s] x",
        "<break time='1s'/> x",
        "[alba] x",
        "<speak>x",
        "(laughs) x",
        "<role:alba>x",
        "a\n\nb",
        r"\1 x",
    ],
)
def test_a_replacement_is_no_markup(spoken: str) -> None:
    """Whatever is in it, it is a text of the same voice without a pause."""
    for script in ("One Nginx two.", "<speak>One Nginx two.</speak>"):
        (piece,) = read(script, Lexicon([Pronunciation("Nginx", spoken)]))
        assert piece.voice is None
        assert piece.text.startswith("One")
        assert piece.text.endswith("two.")
        assert [word for word, _ in captions([piece])] == ["One", "Nginx", "two."]


@pytest.mark.parametrize(
    "fill", ["one two three four. ", "word ", "\n\nA line.\n\n", "x" * 40 + " "]
)
def test_across_borders_of_what_is_read_at_once(fill: str) -> None:
    """A phrase is found wherever in a long script it stands."""
    for count in range(25, 45):
        script = f"{fill * count} Los Angeles {fill * 40}"
        assert "Loss Anjeles" in " ".join(piece.text for piece in read(script))


def test_a_replacement_is_cut_where_it_is_too_long_for_a_chunk() -> None:
    """Its parts stand for the same word."""
    long = Lexicon([Pronunciation("Nginx", "very " * 20 + "long")])
    pieces = read("See Nginx now.", long, max_chars=40)
    assert len(pieces) > 1
    assert [word for word, _ in captions(pieces)] == ["See", "Nginx", "now."]


SSML = "<speak>{}</speak>"


@pytest.mark.parametrize(
    ("inside", "spoken"),
    [
        ('<lexicon uri="medical"/>Nginx', "the nurse"),
        ('Nginx <lexicon uri="medical"/>Nginx', "engine X the nurse"),
        ('<p><lexicon uri="medical" type="application/pls+xml"/>Nginx.</p> Nginx', None),
        ('<lexicon xml:id="m" uri="medical"/>Nginx <lookup ref="m">Nginx</lookup> Nginx', None),
        ('<lexicon uri="medical"/>Los Angeles, Los', "Loss Anjeles, loose"),
        ('<lexicon uri="medical"/><sub alias="Nginx">x</sub>', "Nginx"),
        ('<say-as interpret-as="characters">Nginx</say-as>', "N G I N X"),
    ],
)
def test_ssml(inside: str, spoken: str | None) -> None:
    """`<lexicon>` holds to the end of its tag, or where `<lookup>` says; `<sub>` is left alone."""
    found = said(SSML.format(inside))
    assert found == (spoken or found)
    if spoken is None:
        assert found.count("the nurse") == 1
        assert found.endswith("engine X")


def test_ssml_with_too_many_dictionaries() -> None:
    """There is a bound."""
    tags = "".join(f'<lexicon uri="{number}"/>' for number in range(11))
    with pytest.raises(InvalidRequest, match="a script may name 10 dictionaries at most"):
        read(SSML.format(f"{tags}Hello."), lexicon_called=lambda _name: Lexicon())


def test_a_script_that_grows_too_long() -> None:
    """What is said in the place of short words is bounded by what a script may have."""
    long = Lexicon([Pronunciation("a", "x" * 500)])
    with pytest.raises(TooLarge, match="more than twice the 1000 characters") as refused:
        read("a " * 400, long, max_script_chars=1000)
    assert refused.value.field is Parameter.TEXT
    with pytest.raises(TooLarge, match="more than twice the 1000 characters"):
        read("a [pause 1s] " * 3, long, max_script_chars=1000)
    assert "x" in said("a a", long, max_script_chars=1000)


def test_a_pronunciation_that_is_not_allowed() -> None:
    """It is refused before anything is spoken."""
    with pytest.raises(InvalidRequest, match="pronunciations: what is spoken for 'a' is empty"):
        read("Hello.", Lexicon([Pronunciation("a", "")]))


@settings(max_examples=60)
@given(
    script=st.text("Nginx <>*[]'\n.$5é", max_size=60),
    spoken=st.text("x<>*[]\"'&/ .", min_size=1, max_size=12),
)
def test_any_input(script: str, spoken: str) -> None:
    """No script and no replacement breaks the reading, and every place is inside the script."""
    lexicon = Lexicon([Pronunciation("Nginx", f"x{spoken}"), Pronunciation("$", spoken + "y")])
    try:
        pieces = read(script, lexicon)
    except (NothingToSpeak, InvalidRequest):
        return
    for piece in pieces:
        for word in piece.words:
            assert 0 <= word.written.script_start < word.written.script_end <= len(script)


def test_ten_thousand_for_a_long_script() -> None:
    """To find them takes less time than to read the script."""
    lexicon = Lexicon(Pronunciation(f"word{number}", f"say {number}") for number in range(10_000))
    script = " ".join(f"word{number * 3} and" for number in range(3_500))[:50_000]
    began = time.process_time()
    plain = read(script, Lexicon(), max_speech_seconds=1e6)
    between = time.process_time()
    spoken = read(script, lexicon, max_speech_seconds=1e6)
    assert time.process_time() - between < 3 * (between - began) + 1
    assert len(plain) <= len(spoken) * 2
