"""Written English becomes spoken English, whatever is written, fast, and once for all."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.normalise import normalise
from tests.text.cases import Case, load_cases

ALL = load_cases()
CASES = [
    pytest.param(
        case,
        id=f"{case.language}-{case.kind}-{case.written}",
        marks=[pytest.mark.xfail(reason=case.known_wrong)] if case.known_wrong else [],
    )
    for case in ALL
]
_LANGUAGES = ("en", "fr", "de", "pt", "it", "es", "nl", "xx")
_DENSE = st.text(
    alphabet="0123456789 .,:;/-–+$€£%°#@&*_=<>()[]'\"^~!|\\\nxXkKmMgIVapsth", max_size=40
)
_PIECES = st.lists(
    st.sampled_from([*(case.written for case in ALL if case.language == "en"), " ", "\n", ", "]),
    max_size=5,
).map("".join)


@pytest.mark.parametrize("case", CASES)
def test_hard_cases(case: Case) -> None:
    """Each case is spoken as its table says, and what is in its spoken form already stays."""
    spoken = normalise(case.written, language=case.language, **case.options).text
    assert spoken == case.spoken
    assert normalise(spoken, language=case.language, **case.options).text == spoken


def test_paragraphs_and_sentences_survive() -> None:
    """Paragraphs stay apart, and items of a list become sentences."""
    text = "# Report\n\nIt cost $5. We paid.\n\n- one\n- two\n\nThe end!"
    assert normalise(text, language="en").text == (
        "Report\n\nIt cost five dollars. We paid.\n\none.\ntwo.\n\nThe end!"
    )


def test_tables_leave_their_words() -> None:
    """Tables of two columns keep their words without their marks."""
    text = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert normalise(text, language="en").text == "a, b.\n\none, two."


@pytest.mark.parametrize("language", _LANGUAGES)
@settings(max_examples=30, deadline=None)
@given(text=st.one_of(st.text(max_size=60), _DENSE, _PIECES))
def test_never_raises_and_is_stable(language: str, text: str) -> None:
    """Any text can be normalised, and doing it again changes nothing."""
    spoken = normalise(text, language=language).text
    assert normalise(spoken, language=language).text == spoken


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=60), _DENSE, _PIECES))
def test_no_digit_is_left_in_english(text: str) -> None:
    """English comes out without digits, whatever is written."""
    assert not any(char.isdigit() for char in normalise(text, language="en").text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{3,8}", fullmatch=True), max_size=8))
def test_plain_words_stay(words: list[str]) -> None:
    """Words without digits and signs are not touched."""
    text = " ".join(word for word in words if word != "etc")
    assert normalise(text, language="en").text == text


@pytest.mark.parametrize(
    "unit",
    [
        "\\(",
        "<think>",
        "|",
        "| a | b | c |\n",
        "```\n",
        "$a ",
        "$x$",
        "a`",
        "1/2 ",
        "[1]",
        "0x",
        "1",
        "$",
        "1,",
        ".",
        "a.",
        "((",
        "http://",
        "1 ",
        "½",
        "*a",
        "[a](",
        "<a ",
        "$1",
        "1:",
    ],
)
def test_takes_time_linear_in_the_text(unit: str) -> None:
    """Eight times the text takes no more than three times eight times as long."""
    short = _seconds(unit * (5_000 // len(unit)))
    long = _seconds(unit * (40_000 // len(unit)))
    assert long < 24 * max(short, 0.01)


def _seconds(text: str) -> float:
    start = time.process_time()
    normalise(text, language="en")
    return time.process_time() - start
