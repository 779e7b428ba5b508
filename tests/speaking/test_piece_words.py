"""Each piece of a script knows its words, and what each stands for in the script as it was sent."""

from __future__ import annotations

import re
from itertools import groupby, pairwise
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import SpeechError
from app.speaking.plan import ScriptReader, ScriptRules
from app.speech import Prosody, SpokenWord

PLAIN = ["lighthouse", "keeper", "gulls", "slowly", "Harbour"]
"""Nothing touches these words."""


def read(
    script: str, *, script_start: int = 0, max_chars: int = 218, normalise: bool = True
) -> list[tuple[str, tuple[SpokenWord, ...]]]:
    """The text and the words of each piece."""
    rules = ScriptRules(
        voice_called=lambda name: name if name in ("alba", "marius") else None,
        language="en",
        letters=frozenset,
        languages=("en",),
        normalise=normalise,
        prosody=Prosody(),
        pause_scale=1.0,
        max_chars=max_chars,
        max_tokens=50,
        token_counter=lambda _text: lambda part: len(part.split()),
        script_start=script_start,
        max_script_chars=50_000,
        max_speech_seconds=3600,
    )
    batches = [batch for batch in ScriptReader(script, rules).steps() if batch is not None]
    return [(piece.text, piece.words) for batch in batches for piece in batch.pieces]


def captions(script: str) -> list[str]:
    """What was written, as it stands in the script, and what is said for it, where they differ."""
    said = [
        (word.written, text[word.start : word.end])
        for text, words in read(script)
        for word in words
    ]
    found = []
    for written, group in groupby(said, key=lambda pair: pair[0]):
        spoken = " ".join(each for _, each in group)
        place = script[written.script_start : written.script_end]
        shown = written.text if place == written.text else f"{written.text} ({place})"
        found.append(shown if spoken == written.text else f"{shown} = {spoken}")
    return found


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("\ufeff Hi\u200b there,\r\nyou.", "Hi | there, | you."),
        ("Cafe\u0301 ole\u0301!", "Cafe\u0301 = Café | ole\u0301! = olé!"),
        ("so\u00adft $5", "soft (so\u00adft) | $5 = five dollars"),
        ("One [pause 1s] two. [laugh] 3", "One | two. | 3 = three"),
        ("[alba] Hi!\n[marius]: 5 kg.", "Hi! | 5 kg. = five kilograms."),
        ("<role:alba>Yes. <role:marius,pitch:low> No.", "Yes. | No."),
        ("oh [sigh], well", "oh, (oh [sigh],) | well"),
        ("<speak>It is &lt; 5, A&#38;B</speak>",
         "It | is | < (&lt;) = less than | 5, = five, | A&B (A&#38;B) = A and B"),
        ("<speak>\n <p>One</p>\n<p>two &amp; 3</p></speak>",
         "One | two | & (&amp;) = and | 3 = three"),
        ('<speak><s>Hi</s> <sub alias="World Wide Web">WWW</sub>, all</speak>',
         "Hi = Hi. | WWW, (WWW</sub>,) = World Wide Web, | all"),
        ('<speak>the <say-as interpret-as="ordinal"> 3 </say-as> man</speak>',
         "the | 3 = third | man"),
        ('<speak><sub alias="hello"/> <sub alias="you there"></sub></speak>',
         "hello | you | there"),
        ("<speak><![CDATA[a < b]]>&#x2014;<!-- no -->c<break time='1s'/>d</speak>",
         "a | < = is less than | b—c (b]]>&#x2014;<!-- no -->c) | d"),
        ('<?xml version="1.0"?>\n<speak>\n  <voice name="alba">Ä\U0001F600 x</voice>\n 7</speak>',
         "Ä | x | 7 = seven"),
        ("<speak>re<emphasis>al</emphasis>ly so</speak>",
         "really (re<emphasis>al</emphasis>ly) | so"),
    ],
)  # fmt: skip
def test_captions(script: str, expected: str) -> None:
    """A caption shows what was written, without tags, references and invisible signs."""
    assert " | ".join(captions(script)) == expected


def test_a_text_that_came_in_parts() -> None:
    """Places are counted from the beginning of all that came."""
    [(_, words)] = read(" Two is $2.", script_start=100)
    places = [(word.written.script_start, word.written.script_end) for word in words]
    assert places == [(101, 104), (105, 107), (108, 111), (108, 111)]


def test_a_sentence_may_go_on_in_another_piece() -> None:
    """Neither a pause, another voice nor the limit of a piece ends it; its mark does."""
    script = "<speak>One <break time='1s'/> two <prosody rate='slow'>three.</prosody> " + (
        "word " * 60 + "end.</speak>"
    )
    pieces = read(script)
    assert len(pieces) > 4
    ends = [
        word.written.text for _, words in pieces for word in words if word.written.ends_sentence
    ]
    assert ends == ["three.", "end."]


def test_a_long_text_is_not_cut_inside_what_was_written() -> None:
    """However far it goes without the end of a sentence, no amount is said in two parts."""
    script = "pay $1,234,567.89, and then " * 200
    pieces = read(script, max_chars=2000)
    amounts = [
        word.written.script_start
        for _, words in pieces
        for word in words
        if word.written.text == "$1,234,567.89,"
    ]
    assert len(set(amounts)) == 200
    every = [word.written for _, words in pieces for word in words]
    assert all(
        before == after or before.script_end <= after.script_start
        for before, after in pairwise(every)
    )


def test_a_written_word_may_be_spoken_in_two_pieces() -> None:
    """Both know the whole of it."""
    pieces = read("It is $1,234,567.89 now", max_chars=30)
    amounts = [words[0].written for _, words in pieces[1:]]
    assert len(pieces) > 2
    assert amounts[0].text == "$1,234,567.89"
    assert len(set(amounts[:-1])) == 1


_PARTS = st.lists(
    st.one_of(
        st.sampled_from(PLAIN),
        st.sampled_from(
            ["$3.50", "5 kg", "Dr. Smith", "1984.", "AT&T", "e.g.", "é", "e\u0301", "“Hi”", "7 > 5"]
        ),
        st.sampled_from(["\ufeff", "\u200b", "\r\n", "\n\n", "\u2029", "**", "😀", "…", "—", ","]),
    ),
    min_size=1,
    max_size=8,
)
_TAGS = st.sampled_from(["[pause 1s]", "[laugh]", "\n[alba] ", "<role:marius>", "(happy)"])
_ELEMENTS = st.sampled_from(
    [
        "<p>{}</p>", "<s>{}</s>", "<emphasis>{}</emphasis>", "{}<break time='1s'/>", "<!-- x -->{}",
        "<prosody rate='slow'>{}</prosody>", "<sub alias='two words'>{}</sub>", "[laugh]{}\n",
        "<voice name='alba'>{}</voice>", "<say-as interpret-as='characters'>{}</say-as>",
        "<![CDATA[x]]>{}", "{}&#233;&lt;",
    ]
)  # fmt: skip
_SCRIPTS = st.one_of(
    st.lists(st.one_of(_PARTS.map(" ".join), _TAGS), max_size=5).map(" ".join),
    st.lists(st.one_of(_PARTS.map("".join), _TAGS), max_size=5).map("".join),
    st.lists(
        st.tuples(_ELEMENTS, _PARTS).map(lambda pair: pair[0].format(escape(" ".join(pair[1])))),
        max_size=5,
    ).map(lambda parts: f"<speak>\n{' '.join(parts)}</speak>"),
)


@settings(max_examples=200, deadline=None)
@given(_SCRIPTS, st.booleans(), st.sampled_from((20, 218)))
def test_words_are_in_order_and_complete(script: str, normalise: bool, max_chars: int) -> None:
    """Their places do not overlap and none is without one; untouched words stand for themselves."""
    try:
        pieces = read(script, normalise=normalise, max_chars=max_chars)
    except SpeechError:
        return
    for text, words in pieces:
        runs = [found.span() for found in re.finditer(r"\S+", text)]
        assert [(word.start, word.end) for word in words] == runs
        for word in words:
            assert 0 <= word.written.script_start < word.written.script_end <= len(script)
            run = text[word.start : word.end]
            place = script[word.written.script_start : word.written.script_end]
            assert place == place.strip()
            assert all(plain in word.written.text for plain in PLAIN if plain in run)
            assert place == run or run not in PLAIN or word.written.text != run
    every = [word.written for _, words in pieces for word in words]
    for before, after in pairwise(every):
        assert before is after or before.script_end <= after.script_start
