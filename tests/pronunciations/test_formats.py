"""Pronunciations are taken in and given out as PLS, as CSV and as plain lines, without loss."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.lexicon import LANGUAGES, Pronunciation, checked
from app.pronunciations.formats import FORMATS, read_file


def is_allowed(pronunciation: Pronunciation) -> bool:
    try:
        checked(pronunciation)
    except ValueError:
        return False
    return True


PRONUNCIATIONS = st.builds(
    Pronunciation,
    st.text(max_size=20) | st.text("=\"[]#\\,;<&>' a", max_size=6),
    st.text(max_size=20) | st.text("=\"[]#\\,;<&>' a", max_size=6),
    st.sampled_from([None, *LANGUAGES]),
    st.booleans(),
    st.booleans(),
).filter(is_allowed)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30)
@given(
    found=st.lists(PRONUNCIATIONS.map(checked), min_size=1, max_size=4, unique_by=lambda p: p.key)
)
def test_round_trip(name: str, found: list[Pronunciation]) -> None:
    """What is written is read as the same, whatever is in it."""
    assert read_file(FORMATS[name].write(found), f"x.{name}") == found


W3C = b"""<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.w3.org/2005/01/pronunciation-lexicon pls.xsd"
  alphabet="ipa" xml:lang="en-US">
  <metadata><lexeme>of another kind</lexeme></metadata>
  <lexeme role="claws:NN">
    <grapheme>W3C</grapheme><grapheme>W 3 C</grapheme>
    <alias>World Wide Web Consortium</alias>
    <alias prefer="true">World Wide Web
      Consortium of Users</alias>
    <phoneme>x</phoneme>
    <example>the <emphasis>W3C</emphasis></example>
  </lexeme>
</lexicon>
"""


@pytest.mark.parametrize("name", ["w3c.pls", "w3c.xml", "w3c", "lexicon.PLS"])
def test_pls_of_others(name: str) -> None:
    """Aliases are read, the preferred one first; capitals count, and so does the language."""
    assert read_file(W3C, name) == [
        Pronunciation(written, "World Wide Web Consortium of Users", "en", case_sensitive=True)
        for written in ("W3C", "W 3 C")
    ]


def lexicon(inside: str, attributes: str = "") -> bytes:
    return f"<lexicon{attributes}>\n{inside}</lexicon>".encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            lexicon("<lexeme><grapheme>tomato</grapheme><phoneme>x</phoneme></lexeme>"),
            "file cannot be read as pls: line 2: 'tomato' is said in phonemes, and the model reads",
        ),
        (lexicon("<lexeme><grapheme>a</grapheme></lexeme>"), "line 2: 'a' has no <alias>"),
        (lexicon("<lexeme><alias>a</alias></lexeme>"), "line 2: a lexeme has no <grapheme>"),
        (lexicon("<word/>"), "line 2: <word> does not belong there"),
        (lexicon("", ' xml:lang="sv"'), "line 1: its language is 'sv'; allowed: en"),
        (lexicon("<a>" * 40), "<a> does not belong there"),
        (lexicon("<metadata>" * 40), "is more than 32 tags deep"),
        (b"<lexicon>", "it is not well-formed XML: no element found"),
        (b"<speak/>", "it is no PLS: its outermost tag is <speak>, not <lexicon>"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><lexicon/>', "declares a document type or an entity"),
        (lexicon("", ' xmlns="a\u2028b\u2028c"'), "line 1: it has a namespace with a space in it"),
        (b"<lexicon/>", "file holds no pronunciation"),
    ],
)
def test_pls_that_cannot_be_spoken(data: bytes, reason: str) -> None:
    """It is refused by its lines, all of it: nothing is left out in silence."""
    with pytest.raises(InvalidRequest) as refused:
        read_file(data, "a.pls")
    assert reason in refused.value.message
    assert refused.value.field == "file"


@pytest.mark.parametrize(
    "text",
    [
        "Nginx,engine X\r\n",
        "written,spoken\nNginx,engine X\n",
        "Spoken;Written;language\nengine X;Nginx;\n",
        "\ufeffwritten\tspoken\twhole_words\nNginx\tengine X\tyes\n\n",
        'Nginx,"engine X"',
    ],
)
def test_csv_of_others(text: str) -> None:
    """Columns may be named or not, and divided as spreadsheets do it."""
    assert read_file(text.encode(), "a.csv") == [Pronunciation("Nginx", "engine X")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\nonly\n", "line 2: it has 1 cells; the columns are written, spoken, language"),
        ("a,b,en,maybe\n", "line 1: case_sensitive must be true or false; it is 'maybe'"),
        ("written,spoken,ipa\na,b,c\n", "line 1: there is no column 'ipa'"),
        ('a,b\nc,"d', "line 2: it is not CSV"),
        (
            "a,b\n,c\n\xe4,\n",
            "line 2: the word is empty; line 3: what is spoken for '\xe4' is",
        ),
    ],
)
def test_csv_that_is_wrong(text: str, reason: str) -> None:
    """Every wrong row is named."""
    with pytest.raises(InvalidRequest) as refused:
        read_file(text.encode(), "a.csv")
    assert reason in refused.value.message


def test_no_known_file() -> None:
    """A file says by its name or its first character what it is; text is UTF-8 or marked UTF-16."""
    with pytest.raises(InvalidRequest, match=r"file must end in \.pls, \.csv, \.txt"):
        read_file(b"Nginx = engine X", "a.doc")
    with pytest.raises(InvalidRequest, match="line 2: it is not UTF-8"):
        read_file(b"a = b\n\xff = c", "a.txt")
    with pytest.raises(InvalidRequest, match="line 1: it is not UTF-16"):
        read_file(b"\xff\xfea", "a.csv")


@pytest.mark.parametrize("name", FORMATS)
def test_utf_16(name: str) -> None:
    """Windows marks a file as UTF-16, which is read as such."""
    written = FORMATS[name].write(found := [Pronunciation("Zoë", "東", case_sensitive=True)])
    assert read_file(written.decode().encode("utf-16"), f"a.{name}") == found


@pytest.mark.parametrize("encoding", ["big5", "hex", "undefined", "punycode", "x", "latin-1"])
def test_an_encoding_that_pls_names(encoding: str) -> None:
    """It is not followed: a text is what its bytes say."""
    named = f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + lexicon(_CAFE)
    assert [each.spoken for each in read_file(named, "a.pls")] == ["Kaffé"]


_CAFE = "<lexeme><grapheme>Café</grapheme><alias>Kaffé</alias></lexeme>"
