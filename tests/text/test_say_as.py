"""Text is read the way its writer names, or refused with a word on why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.text.say_as import say_as

CASES = [
    ("cardinal", None, "1,234", "one thousand two hundred and thirty-four"),
    ("number", None, "-3.5", "minus three point five"),
    ("cardinal", None, "1984", "one thousand nine hundred and eighty-four"),
    ("ordinal", None, "3", "third"),
    ("ordinal", None, "22nd", "twenty-second"),
    ("ordinal", None, "XIV", "fourteenth"),
    ("characters", None, "abc", "A B C"),
    ("spell-out", None, "Zoë 7", "Z O Ë seven"),
    ("verbatim", None, "a-1", "A dash one"),
    ("digits", None, "12 34", "one two three four"),
    ("fraction", None, "3/4", "three quarters"),
    ("fraction", None, "2 1/2", "two and one half"),
    ("unit", None, "5kg", "five kilograms"),
    ("date", "mdy", "11/20/2026", "November twentieth, twenty twenty-six"),
    ("date", "dmy", "03.04.2026", "April third, twenty twenty-six"),
    ("date", "ymd", "20261120", "November twentieth, twenty twenty-six"),
    ("date", "md", "9/11", "September eleventh"),
    ("date", "my", "9/2026", "September twenty twenty-six"),
    ("date", "y", "1984", "nineteen eighty-four"),
    ("date", None, "2026-11-20", "November twentieth, twenty twenty-six"),
    ("time", "hms12", "5:30pm", "five thirty P M"),
    ("time", None, "17:45", "seventeen forty-five"),
    ("telephone", None, "555-1234", "five five five, one two three four"),
    ("telephone", "1", "+1 (555) 123", "plus one, five five five, one two three"),
    ("currency", None, "$3.50", "three dollars and fifty cents"),
    ("currency", "EUR", "3.50", "three euros and fifty cents"),
    ("address", None, "123 Main St.", "one twenty-three Main Street."),
    ("Cardinal", None, " 7 ", "seven"),
]


@pytest.mark.parametrize(("kind", "detail", "text", "spoken"), CASES)
def test_reads_as_asked(kind: str, detail: str | None, text: str, spoken: str) -> None:
    """English is read as every kind that there is."""
    assert say_as(text, interpret_as=kind, detail=detail, language="en") == spoken


@pytest.mark.parametrize(
    ("language", "kind", "detail", "text", "spoken"),
    [
        ("fr", "cardinal", None, "21", "vingt et un"),
        ("fr", "cardinal", None, ",5", "zéro virgule cinq"),
        ("fr", "ordinal", None, "1re", "première"),
        ("de", "digits", None, "12", "eins zwei"),
        ("de", "date", "dmy", "20.11.2026", "zwanzigster November zweitausendsechsundzwanzig"),
        ("es", "currency", "EUR", "3,50", "tres euros con cincuenta céntimos"),
        ("xx", "characters", None, "ab", "A B"),
    ],
)
def test_other_languages(
    language: str, kind: str, detail: str | None, text: str, spoken: str
) -> None:
    """Other languages read the kinds they know in their own words."""
    assert say_as(text, interpret_as=kind, detail=detail, language=language) == spoken


@pytest.mark.parametrize(
    ("kind", "detail", "text"),
    [
        ("expletive", None, "darn"),
        ("", None, "x"),
        ("cardinal", None, "many"),
        ("cardinal", None, ""),
        ("ordinal", None, "IIII"),
        ("fraction", None, "1/"),
        ("digits", None, "A1"),
        ("date", "mdy", "13/45/2026"),
        ("date", "mdy", "1/2"),
        ("date", "zzz", "1/2/2026"),
        ("time", None, "25:00"),
        ("telephone", None, "call me"),
        ("currency", "XYZ", "5"),
        ("currency", None, "much"),
    ],
)
def test_refuses_what_is_not_of_the_kind(kind: str, detail: str | None, text: str) -> None:
    """A text that is not of the kind, or an unknown kind, is an error."""
    with pytest.raises(InvalidRequest):
        say_as(text, interpret_as=kind, detail=detail, language="en")


@settings(max_examples=150, deadline=None)
@given(
    text=st.one_of(st.text(max_size=30), st.text(alphabet="0123456789 .,:/-+$aXVI½", max_size=12)),
    kind=st.sampled_from(sorted({case[0] for case in CASES})),
    detail=st.sampled_from([None, "mdy", "ym", "d", "USD", "?"]),
    language=st.sampled_from(["en", "fr", "de", "pt", "it", "es", "nl", "xx"]),
)
def test_says_something_or_refuses(text: str, kind: str, detail: str | None, language: str) -> None:
    """Any text is either spoken or refused; nothing else is raised."""
    try:
        spoken = say_as(text, interpret_as=kind, detail=detail, language=language)
    except InvalidRequest:
        return
    assert spoken
