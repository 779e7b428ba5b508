"""Chunks are the script, cut at the best places within the limits."""

from __future__ import annotations

import time

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from app.speech import Boundary, Chunk, TokenCounter
from app.text.chunks import split_into_chunks
from app.text.sentences import find_words

SENTENCE = Boundary.SENTENCE
CLAUSE = Boundary.CLAUSE
WORD = Boundary.WORD
PARAGRAPH = Boundary.PARAGRAPH
END = Boundary.END


def characters(text: str) -> int:
    """The plainest token counter."""
    return len(text)


def model_like(text: str) -> int:
    """Not additive: a full stop is added where there is none, as the model's reader does."""
    return len(text.encode()) // 3 + (not text.endswith((".", "!", "?"))) + 1


def split(text: str, limit: int, count: TokenCounter = characters) -> list[Chunk]:
    return split_into_chunks(text, max_chars=limit, count_tokens=count, max_tokens=1000)


def shown(chunks: list[Chunk]) -> list[tuple[str, Boundary]]:
    return [(chunk.text, chunk.boundary) for chunk in chunks]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("One two. Three four.", 40, [("One two. Three four.", END)]),
        (
            "This is one. This is two. This is three.",
            26,
            [("This is one. This is two.", SENTENCE), ("This is three.", END)],
        ),
        (
            "When the rain came down, all the people ran home.",
            40,
            [("When the rain came down,", CLAUSE), ("all the people ran home.", END)],
        ),
        (
            "one two three four five six seven eight",
            36,
            [("one two three four five", WORD), ("six seven eight", END)],
        ),
        ("A title\n\nThe text.", 99, [("A title", PARAGRAPH), ("The text.", END)]),
        ("The text.\n\n***\n\nMore.", 99, [("The text.\n\n***", PARAGRAPH), ("More.", END)]),
        ("***\n\nThe text.", 99, [("***\n\nThe text.", END)]),
        (
            "One is here. Two is there. Yes.",
            27,
            [("One is here.", SENTENCE), ("Two is there. Yes.", END)],
        ),
        ("Well, this one goes on so", 20, [("Well, this one", WORD), ("goes on so", END)]),
        ("abcdefghij", 4, [("abcd", WORD), ("efg", WORD), ("hij", END)]),
        ("👩‍👧👩‍👧a", 4, [("👩‍👧", WORD), ("👩‍👧a", END)]),
        ("Meet Dr. Smith now ok", 14, [("Meet Dr. Smith", WORD), ("now ok", END)]),
        ("***", 9, [("***", END)]),
    ],
)
def test_breaks_at_the_best_place(
    text: str, limit: int, expected: list[tuple[str, Boundary]]
) -> None:
    """Sentences before clauses before words before graphemes, without leftovers."""
    assert shown(split(text, limit)) == expected


def test_the_token_limit_counts_as_well() -> None:
    """A chunk that has few characters may still have too many tokens."""
    chunks = split_into_chunks(
        "one two three four five six", max_chars=99, count_tokens=characters, max_tokens=15
    )
    assert shown(chunks) == [("one two three", WORD), ("four five six", END)]


def test_a_grapheme_over_the_token_limit_stays_whole_but_never_over_the_character_limit() -> None:
    """No chunk is longer than `max_chars`, whatever is stacked on one letter."""
    whole = split_into_chunks("👩‍👧", max_chars=9, count_tokens=characters, max_tokens=1)
    assert shown(whole) == [("👩‍👧", END)]
    assert [len(chunk.text) for chunk in split("a" + "\u0301" * 9, 5)] == [5, 5]


def test_white_space_alone_has_no_chunks() -> None:
    """There is nothing to speak."""
    assert split(" \n ", 9) == []


def test_limits_must_be_positive() -> None:
    """A limit of nothing could never be kept."""
    with pytest.raises(ValueError, match="max_chars=0"):
        split("a", 0)


PIECES = [
    *"aé字1.,;!?…—-()\"'«»*_ \n\u00a0\u0301\u200d\t。，」",
    *(
        "word ",
        "Dr. ",
        "p.m. ",
        "\n\n",
        "Yes. ",
        "3.50",
        "👩‍👧",
        "🇫🇷",
        "https://a.b/c",
        "- x\n",
        "***",
    ),
]
SCRIPTS = st.lists(st.sampled_from(PIECES), max_size=80).map("".join) | st.text(max_size=60)


LONGEST_GRAPHEME = 10


@settings(max_examples=400, deadline=None)
@given(SCRIPTS, st.integers(1, 60), st.integers(1, 30), st.sampled_from([characters, model_like]))
def test_chunks_are_the_text_within_the_limits(
    text: str, max_chars: int, max_tokens: int, count: TokenCounter
) -> None:
    """Nothing is lost, nothing is over a limit, only white space separates, and END comes last."""
    chunks = split_into_chunks(text, max_chars=max_chars, count_tokens=count, max_tokens=max_tokens)
    assert "".join(chunk.text + chunk.separator for chunk in chunks) == text.strip()
    for chunk in chunks:
        assert chunk.text
        assert chunk.text == chunk.text.strip()
        assert not chunk.separator.strip()
        assert len(chunk.text) <= max_chars
        # Only what no language has, a grapheme longer than a chunk, is cut without counting.
        cut = max_chars < LONGEST_GRAPHEME or regex.fullmatch(r"\X|.", chunk.text)
        assert count(chunk.text) <= max_tokens or cut
    assert [chunk.boundary is END for chunk in chunks] == [False] * (len(chunks) - 1) + [
        True
    ] * bool(chunks)


@settings(max_examples=300, deadline=None)
@given(SCRIPTS, st.integers(14, 60))
def test_breaks_fall_between_words_and_graphemes(text: str, max_chars: int) -> None:
    """A break inside a word needs a word over the limit, and no break is inside a grapheme."""
    words = find_words(text)
    graphemes = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    longest = max(map(len, regex.findall(r"\X", text)), default=0)
    position = len(text) - len(text.lstrip())
    ends = {word.end: word for word in words}
    for chunk in split(text, max_chars)[:-1]:
        position += len(chunk.text)
        if position not in ends:
            word = next(word for word in words if word.start < position < word.end)
            assert word.end - word.start > max_chars
        assert position in graphemes or longest > max_chars
        position += len(chunk.separator)


@settings(max_examples=300, deadline=None)
@given(SCRIPTS)
def test_a_chunk_without_speech_exists_only_in_a_script_without_speech(text: str) -> None:
    """Signs are joined to a neighbour, across paragraphs if need be."""
    chunks = split(text, 1000)
    speechless = [chunk for chunk in chunks if not any(map(str.isalnum, chunk.text))]
    assert not speechless or len(chunks) == 1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["Oh. ", "He ran. ", "Yes, we ", "did. Then "]), min_size=2, max_size=60
    )
)
def test_no_leftovers_of_one_or_two_words(pieces: list[str]) -> None:
    """With room enough, every chunk of a longer paragraph has at least three words."""
    chunks = split("".join(pieces), 50)
    assert len(chunks) == 1 or all(len(chunk.text.split()) >= 3 for chunk in chunks)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["One two three.", "Four, five", "!"]), min_size=1, max_size=9))
def test_every_paragraph_ends_a_chunk(paragraphs: list[str]) -> None:
    """Paragraph breaks are never inside a chunk, unless a paragraph has nothing to speak."""
    spoken = [paragraph for paragraph in paragraphs if paragraph != "!"]
    ends = [chunk.boundary for chunk in split("\n\n".join(paragraphs), 1000)]
    assert ends == [PARAGRAPH] * (max(len(spoken), 1) - 1) + [END]


UNKIND = ["a", ".", ",", "a ", ". ", "a\u0301", "。", "—", "J. ", "a\n\n", "***\n\n", "Yes. "]


@pytest.mark.parametrize("unit", UNKIND)
def test_time_and_token_counts_are_linear(unit: str) -> None:
    """Ten times the text takes about ten times as long and as many counts of short pieces."""
    seconds: list[float] = []
    for size in (5_000, 50_000):
        counted: list[int] = []

        def count(text: str, counted: list[int] = counted) -> int:
            counted.append(len(text))
            return len(text) // 4 + 1

        text = unit * (size // len(unit))
        begun = time.process_time()
        split_into_chunks(text, max_chars=218, count_tokens=count, max_tokens=50)
        seconds.append(time.process_time() - begun)
        assert max(counted) <= 218
        assert len(counted) <= len(text)
    assert seconds[1] < 40 * seconds[0] + 0.5
