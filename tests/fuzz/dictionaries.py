"""Makes dictionaries of pronunciations that are nearly right, and has them read and spoken."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.lexicon import Lexicon, checked
from app.pronunciations.formats import FORMATS, read_file
from app.speaking.controls import Pronunciations, lexicons_of
from tests.fuzz.mutation import mutated

FILES: Mapping[str, tuple[bytes, ...]] = {
    "txt": (
        b"# How words are spoken\nNginx = engine X\n\n[en, case] US = U S\n[part] GIF = jif\n",
        b'\xef\xbb\xbf"a = b" = a is b\n"#1" = number one\n"\\"x\\\\" = x\r\n[de] b = c\n',
        "Straße des 17. Juni = Strasse\u2028東京 = Tokyo\n".encode(),
    ),
    "csv": (
        b"written,spoken,language,case_sensitive,whole_words\r\nNginx,engine X,,false,true\r\n",
        b'Nginx;"engine; X"\n"a ""b""";"c\nd";en;yes;no\n',
        b"spoken\twritten\tlanguage\nengine X\tNginx\tde\n",
    ),
    "pls": (
        b"""<?xml version="1.0" encoding="UTF-8"?><lexicon version="1.0" alphabet="ipa"
        xml:lang="en" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"><meta name="a"/>
        <lexeme role="x:y"><grapheme>US</grapheme><grapheme>U.S.</grapheme><alias>us</alias>
        <alias prefer="true">U S</alias><example>The US.</example></lexeme></lexicon>""",
        b"""<lexicon xmlns:s="urn:pocket-speech:pronunciations" xml:lang="und"><lexeme s:case="any"
        s:words="part" s:language="de"><grapheme>&lt;a&#62;</grapheme><alias>a</alias></lexeme>
        <lexeme><grapheme>tomato</grapheme><phoneme>t</phoneme></lexeme></lexicon>""",
        "<lexicon><lexeme><grapheme>é</grapheme><alias>e</alias></lexeme></lexicon>".encode(
            "utf-16"
        ),
    ),
}
_SIGNS = (
    *(b"=", b" = ", b"\n", b"\r\n", b"\r", b"\t", b",", b";", b'"', b'""', b"'", b"\\", b"#", b"["),
    *(b"[en] ", b"[case]", b"[part, de]", b"a", b"a = b\n", b"a,b\n", b"1", b" ", b"\0", b"\xff"),
    *(b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xcc\x81", b"\xe2\x80\x8b", b"\xed\xa0\x80", b"\xff\xfe"),
)
_TAGS = tuple(
    b"""<lexicon> </lexicon> <lexeme> </lexeme> <grapheme> </grapheme> <alias> </alias> <phoneme>
    </phoneme> <metadata> <x:y/> <x> <!-- --> <![CDATA[ ]]> <?x?> &a; &#0; &amp; &#xD800;
    prefer="true" xml:lang="de" s:case="any" xmlns:s="x" encoding="utf-7" encoding="big5"
    <!DOCTYPE""".split()
)
TOKENS: Mapping[str, tuple[bytes, ...]] = {"txt": _SIGNS, "csv": _SIGNS, "pls": _TAGS + _SIGNS}
TABLES = (
    '{"Nginx": "engine X", "hello there": "hi", "a": "b c"}',
    '{"US": {"spoken": "U S", "language": "en", "case_sensitive": true, "whole_words": true}}',
    '{"e": {"spoken": "<b> [pause 9s] $5 & 3/4", "whole_words": false}, "\\u2019": "x"}',
    "{}",
)
TABLE_TOKENS = (
    *('{"', '"}', '": "', '", "', '"', ":", ",", "{", "}", "[", "null", "1", "true", "\\ud800"),
    *('"a": "b", ', '"spoken"', '"language": "xx"', '"whole_words": false', " ", "e", "é", "ß"),
    *("e\u0301", "İ", "東", "ไ", "'s", "\u00ad", "\u200b", "<speak>", "[alba]", "[pause 1s]"),
    *("http://a.b/", "e" * 99, "e " * 250),
)


def made_file(chance: random.Random) -> tuple[str, bytes]:
    """Make a file, and the ending that says what it is, which is sometimes a lie."""
    ending = chance.choice(tuple(FILES))
    named = chance.choice(("txt", "csv", "pls", "xml", "")) if chance.random() < 0.1 else ending
    return named, mutated(chance, FILES[ending], TOKENS[ending])


def read_dictionary(made: tuple[str, bytes]) -> None:
    """Read a file; what is given out in any format is read again as the same."""
    ending, data = made
    found = read_file(data, f"a.{ending}")
    assert found == [*map(checked, found)]
    kept = {each.key: each for each in found}.values()
    for name, its_format in FORMATS.items():
        assert its_format.read(its_format.write(kept)) == [*kept], name


def made_table(chance: random.Random) -> str:
    """Make what a request may say about its words, as JSON."""
    return mutated(chance, TABLES, TABLE_TOKENS)


def lexicons_in(made: str) -> tuple[Lexicon, ...]:
    """Read it as a request does, which refuses what is none."""
    try:
        return lexicons_of(_TABLE.validate_python(made))
    except ValidationError:
        return ()


_TABLE: TypeAdapter[Any] = TypeAdapter(Pronunciations)
