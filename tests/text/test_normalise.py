"""Written English becomes spoken English, whatever is written, fast, and once for all."""

import time
from itertools import groupby
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.normalise import normalise
from tests.text.cases import Case, load_cases

ALL = load_cases()
TABLES = {
    table: list(cases) for table, cases in groupby(ALL, key=lambda case: (case.language, case.kind))
}
_LANGUAGES = ("en", "fr", "de", "pt", "it", "es", "nl", "xx")
_DENSE = st.text(
    alphabet="0123456789 .,:;/-–+$€£%°#@&*_=<>()[]'\"^~!|\\\nxXkKmMgIVapsth", max_size=40
)
_PIECES = st.lists(
    st.sampled_from([*(case.written for case in ALL if case.language == "en"), " ", "\n", ", "]),
    max_size=5,
).map("".join)


@pytest.mark.parametrize("table", TABLES, ids="-".join)
def test_hard_cases(table: tuple[str, str]) -> None:
    """Each case is spoken as its table says, and what is in its spoken form already stays."""
    wrong = [fault for case in TABLES[table] if (fault := fault_of(case))]
    assert not wrong, "\n".join(wrong)


def fault_of(case: Case) -> str | None:
    """Tell how a case is not read as its table says; a case that is known wrong must be wrong."""
    spoken = normalise(case.written, language=case.language, **case.options).text
    if case.known_wrong:
        mended = spoken == case.spoken
        return f"{case.written!r} is right by now: {case.known_wrong}" if mended else None
    if spoken != case.spoken:
        return f"{case.written!r} is spoken as {spoken!r}, not {case.spoken!r}"
    again = normalise(spoken, language=case.language, **case.options).text
    return f"{spoken!r} changes to {again!r}" if again != spoken else None


def test_faults_of_cases_are_seen() -> None:
    """The rule about cases can fail, in each of its ways."""
    right = Case("en", "money", "It cost $5.", "It cost five dollars.", {}, "")
    assert fault_of(right) is None
    assert fault_of(right._replace(known_wrong="no rule")) is not None
    wrong = right._replace(spoken="It cost five.")
    assert "'It cost five.'" in (fault_of(wrong) or "")
    assert fault_of(wrong._replace(known_wrong="no rule")) is None


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


@pytest.mark.parametrize("written", ["${}$ k", "x^{}", "10 {}", "1{}2", "the {}-bit"])
def test_characters_that_stand_for_several_are_read(written: str) -> None:
    """Ligatures and other compatible forms come apart anywhere, and raise nothing there."""
    several = [char for char in map(chr, range(0x20000)) if len(normalize("NFKC", char)) > 1]
    for start in range(0, len(several), 100):
        text = ", ".join(written.replace("{}", char) for char in several[start : start + 100])
        assert normalise(text, language="en").text


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
    short, long = unit * (5_000 // len(unit)), unit * (40_000 // len(unit))
    # A busy machine may slow one look down, but not each.
    assert any(_seconds(long) < 24 * max(_seconds(short), 0.01) for _ in range(3))


def _seconds(text: str) -> float:
    start = time.process_time()
    normalise(text, language="en")
    return time.process_time() - start
