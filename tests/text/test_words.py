"""Every spoken word leads back to what was written, however it was rewritten."""

from __future__ import annotations

import re
import time
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.speech import SpokenWord
from app.text.blocks import find_blocks
from app.text.normalise import normalise
from app.text.words import TextWords
from tests.text.cases import load_cases

PLAIN = ["lighthouse", "keeper", "gulls", "slowly", "Harbour"]
"""No rule touches these words."""


def words_of(script: str, language: str = "en") -> tuple[str, tuple[SpokenWord, ...]]:
    spoken = normalise(script, language=language)
    return spoken.text, TextWords(spoken).within(0, len(spoken))


def captions(script: str, language: str = "en") -> list[str]:
    """What was written and what is said for it, where these differ; else the word alone."""
    text, words = words_of(script, language)
    found = []
    for written, group in groupby(words, key=lambda word: word.written):
        said = " ".join(text[word.start : word.end] for word in group)
        found.append(said if said == written.text else f"{written.text} = {said}")
    return found


@pytest.mark.parametrize(
    ("language", "written", "expected"),
    [
        ("en", "It cost $3.50.", "It | cost | $3.50. = three dollars and fifty cents."),
        ("en", "£5m, he said", "£5m, = five million pounds, | he | said"),
        ("en", "on 3 May 2024.", "on | 3 May 2024. = the third of May, twenty twenty-four."),
        (
            "en",
            "from June 5 to 7",
            "from | June | 5 = fifth | to | 7 = seventh",
        ),
        ("en", "at 10:30 a.m. sharp", "at | 10:30 = ten thirty | a.m. = A M | sharp"),
        ("en", "5 kg or 7km/h", "5 kg = five kilograms | or | 7km/h = seven kilometers per hour"),
        ("en", "Dr. Smith, e.g.", "Dr. = Doctor | Smith, | e.g. = for example."),
        ("en", "123 Main St.", "123 = one twenty-three | Main | St. = Street."),
        ("en", "the AT&T shop", "the | AT&T = AT and T | shop"),
        ("en", "AT&amp;T, 5 &lt; 7", "AT&T, = AT and T, | 5 < 7 = five is less than seven"),
        ("en", "It&#38;s &copy; 2020", "It&s = It and s | © = copyright | 2020 = twenty twenty"),
        ("en", "**Bold** and `code`", "Bold | and | code"),
        ("en", "(**Bold**), too", "(Bold), | too"),
        ("en", "see [the *old* docs](http://x.y/z).", "see | the | old | docs."),
        ("en", "![A map](map.png) here", "A | map | here"),
        ("en", "# Title\n\n- one\n- 2", "Title | one = one. | 2 = two."),
        ("en", "| a | b |\n|---|---|\n| 1 | x |", "a = a, | b = b. | 1 = one, | x = x."),
        ("en", "Good 😀 morning :) all", "Good | morning | all"),
        ("en", "“It’s” fine…", '“It’s” = "It\'s" | fine… = fine...'),
        ("en", "World War II ended", "World | War | II = two | ended"),
        ("en", "see www.example.com!", "see | www.example.com! = www dot example dot com!"),
        ("en", "wait — what", "wait — | what"),
        ("en", "He left.\n— No", "He | left. | — No"),
        ("en", "call 555-1234 now", "call | 555-1234 = five five five, one two three four | now"),
        ("en", "10⁶ and ½", "10⁶ = ten to the power of six | and | ½ = one half"),
        ("de", "am 3. Mai", "am | 3. = dritten | Mai"),
        ("de", "um 14:30 Uhr", "um | 14:30 Uhr = vierzehn Uhr dreißig"),
        ("de", "3,50 € für 5 %", "3,50 € = drei Euro und fünfzig Cent | für | 5 % = fünf Prozent"),
        ("fr", "le 1er mai", "le | 1er = premier | mai"),
        ("xx", "**5** 😀 eur", "5 | eur"),
    ],
)
def test_captions(language: str, written: str, expected: str) -> None:
    """A caption shows what was written, with its punctuation and without marks of markup."""
    assert " | ".join(captions(written, language)) == expected


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ("One. Two!", ["One.", "Two!"]),
        ("Dr. Smith paid $3. He left", ["$3.", "left"]),
        ("# Title\n\nText", ["Title", "Text"]),
        ("- one\n- two", ["one", "two"]),
        ('He said "Go!" and went.', ["went."]),
        ("Wow! ***", ["Wow!"]),
    ],
)
def test_sentences(script: str, last: list[str]) -> None:
    """A word knows whether a sentence ends with it."""
    _, words = words_of(script)
    ends = [word.written.text for word in words if word.written.ends_sentence]
    assert [text for text, _ in groupby(ends)] == last


def check(script: str, text: str, words: tuple[SpokenWord, ...]) -> None:
    """Hold what is true of the words of every text."""
    runs = [found.span() for found in re.finditer(r"\S+", text)]
    assert [(word.start, word.end) for word in words] == runs
    for word in words:
        _, start, end, _ = word.written
        assert 0 <= start < end <= len(script)
        assert not script[start].isspace()
        assert not script[end - 1].isspace()
    for before, after in pairwise(word.written for word in words):
        assert before is after or before.script_end <= after.script_start


_DENSE = st.text("0123456789 .,:;/-–+$€£%°#@&*_=<>()[]'\"^~!|\\\nxXkKmMgIVapsth", max_size=40)
_PIECES = st.lists(
    st.sampled_from(
        [*(case.written for case in load_cases() if case.language == "en"), " ", "\n", ", "]
    ),
    max_size=5,
).map("".join)


@pytest.mark.parametrize("language", ["en", "de", "xx"])
@settings(max_examples=100, deadline=None)
@given(script=st.one_of(st.text(max_size=60), _DENSE, _PIECES))
def test_words_are_in_order_and_complete(language: str, script: str) -> None:
    """Their places do not overlap, and none is without one, whatever is written."""
    text, words = words_of(script, language)
    if any(map(str.isalnum, text)):
        check(script, text, words)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(PLAIN),
            st.sampled_from(
                [
                    case.written
                    for case in load_cases()
                    if case.language == "en" and not find_blocks(case.written)
                ]
            ),
            st.sampled_from(["*", "**", "[", "](http://a.b)", "&amp;", "😀", "\n- ", "`", "|"]),
        ),
        max_size=9,
        unique=True,
    )
)
def test_untouched_words_stand_for_themselves(parts: list[str]) -> None:
    """Each is found at its own place, whatever becomes of what is around it.

    What is not closed may take it along, such as a thought or a block of code.
    """
    script = " ".join(parts)
    text, words = words_of(script)
    for plain in set(PLAIN).intersection(parts):
        said = [word for word in words if plain in text[word.start : word.end]]
        for word in said:
            written = script[word.written.script_start : word.written.script_end]
            assert [each for each in PLAIN if each in written] == [plain]
            if sum(each.written is word.written for each in words) == 1:
                assert written.strip("*`") == plain
        assert len(said) == text.count(plain) == 1


def test_takes_time_linear_in_the_text() -> None:
    """Eight times the text takes no more than three times eight times as long."""
    unit = "It cost **$3.50** on 3 May, said Dr. Smith — twice… "

    def seconds(repeats: int) -> float:
        start = time.process_time()
        words_of(unit * repeats)
        return time.process_time() - start

    assert seconds(800) < 24 * max(seconds(100), 0.01)
