"""A script is given out in whole sentences while it is still being written, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest, Parameter, TooLarge
from app.lexicon import Lexicon, Pronunciation
from app.text.feed import ScriptFeed
from app.text.sentences import Break, find_words

MAX_CHARS = 1_000_000

# What looks like the end of a sentence and is not, and what is.
PARTS = (
    "Dr. Smith|He left. |3.|50 |5:30 p.m. |Prof. |J. R. R. Tolkien |e.g. |U.S. |No. 5 |The |Army "
    '|Wait... |what? |"Stop." |he |cried. |(see p. 5) |v1.2.3. |1. |- |\n|\n\n|\r\n|!|?!| |. |”|'
    "„Ja.“ |今天很好。|明天，也好！|「はい。」|Z. B. |am 3. Oktober. |etc. |— |– |« |5. |*|¿|"
    "https://a.example/b.c?d=e.f! |Mr|St. |😀 |e\u0301|[laugh] |I. |Apple Inc. |Jr. |a|B|7"
)
SCRIPTS = st.lists(st.sampled_from(PARTS.split("|")), max_size=40).map("".join)


def cut(text: str, places: Iterable[int]) -> list[str]:
    """The text in pieces, cut at these places modulo its length."""
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(ends)]


def feed_of(max_chars: int = MAX_CHARS) -> ScriptFeed:
    return ScriptFeed(max_chars=max_chars)


def passages(pieces: Iterable[str]) -> list[str]:
    """What is given out, if it is asked for after each piece."""
    feed = feed_of()
    taken = []
    for piece in pieces:
        feed.add(piece)
        taken.append(feed.take())
    feed.finish()
    while not feed.exhausted:
        taken.append(feed.take())
    return [passage for passage in taken if passage]


@given(st.one_of(SCRIPTS, st.text()), st.lists(st.integers(0, 10_000), max_size=40))
def test_nothing_is_lost(text: str, places: list[int]) -> None:
    """However the text was cut, the passages joined are the text."""
    assert "".join(passages(cut(text, places))) == text


@given(SCRIPTS, st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from("ft")), max_size=40))
def test_nothing_is_lost_by_flushing(text: str, steps: list[tuple[int, str]]) -> None:
    """Neither are pieces that are flushed, nor those that nobody asks for at once."""
    feed, taken = feed_of(), ""
    what = {place % (len(text) + 1): step for place, step in steps}
    for piece in cut(text, what):
        feed.add(piece)
        if what.get(feed_place := len(taken) + len(piece), "") == "f" or feed_place % 3 == 0:
            feed.flush()
        if feed_place % 2:
            taken += feed.take()
    feed.finish()
    while not feed.exhausted:
        taken += feed.take()
    assert taken == text


@given(SCRIPTS, st.lists(st.integers(0, 10_000), max_size=40))
def test_no_sentence_is_cut(text: str, places: list[int]) -> None:
    """A passage ends where a sentence of the whole text ends, however the text was cut."""
    ends = {
        following.start
        for word, following in pairwise(find_words(text))
        if word.after >= Break.SENTENCE
    }
    taken_chars = 0
    for passage in passages(cut(text, places))[:-1]:
        taken_chars += len(passage)
        assert taken_chars in ends or not text[taken_chars:].strip(), passage


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. Smith paid $3.50 at 5:30 p.m. today. ", "He left. ", "The end."],
        ["It costs 1,000.50 or so. ", "Run v1.2.3. ", "Then 2.0 came."],
        ["A title\n\n", "The text. ", "It ends here."],
        ["今天很好。", "明天也好！", "「はい。」そうです"],
        ["! ? One. ", "(Two is here.) ", "And three."],
    ],
)
def test_character_by_character(expected: list[str]) -> None:
    """Each sentence comes alone, once the next one has begun."""
    assert passages("".join(expected)) == expected


def test_a_sentence_waits_for_the_next_word() -> None:
    """Only what follows a full stop tells whether the sentence has ended."""
    feed = feed_of()
    for piece, expected in [
        ("He came at 3.", ""),
        ("5 p.m. and", ""),
        (" left again.", ""),
        (" The", ""),
        (" ", ""),
        ("d", "He came at 3.5 p.m. and left again. "),
    ]:
        feed.add(piece)
        assert feed.take() == expected
    feed.finish()
    assert feed.take() == "The d"


def test_all_that_came_meanwhile_is_one_passage() -> None:
    """Who asks late gets all whole sentences at once."""
    feed = feed_of()
    feed.add("One is here. Two is here. Three is here. Four is")
    assert feed.take() == "One is here. Two is here. Three is here. "


def test_flushing() -> None:
    """What is flushed does not wait; what comes after it does."""
    feed = feed_of()
    feed.add("Dr.")
    feed.flush()
    feed.add(" Smith and")
    assert feed.take() == "Dr."
    assert feed.take() == ""
    feed.flush()
    assert feed.take() == " Smith and"


def test_marks_wait_for_words() -> None:
    """Marks and white space alone are no passage, even flushed; they lead what comes next."""
    feed = feed_of()
    feed.add(" ... ")
    feed.flush()
    assert feed.take() == ""
    feed.add("Yes")
    assert feed.take() == ""
    feed.flush()
    assert feed.take() == " ... Yes"


def test_finishing() -> None:
    """After the end everything is given out, also marks; then the feed is exhausted."""
    feed = feed_of()
    feed.add("...")
    assert (feed.exhausted, feed.take()) == (False, "")
    feed.finish()
    assert (feed.exhausted, feed.take(), feed.exhausted) == (False, "...", True)
    assert feed.take() == ""


def test_text_after_the_end() -> None:
    """Text that comes after the end is refused, not swallowed."""
    feed = feed_of()
    feed.add("One.")
    feed.finish()
    with pytest.raises(InvalidRequest, match="more of script came after") as refused:
        feed.add("Two.")
    assert refused.value.field is Parameter.TEXT
    feed.add("")
    assert feed.take() == "One."
    assert feed.exhausted


def test_too_much_text() -> None:
    """The whole script counts, also what was taken; what fitted stays."""
    feed = feed_of(max_chars=10)
    feed.add("One. Two t")
    assert feed.take() == "One. "
    with pytest.raises(TooLarge, match="the 10 characters allowed"):
        feed.add("x")
    feed.finish()
    assert feed.take() == "Two t"


@pytest.mark.parametrize(
    "ssml", ["<speak>One. Two is here. Three is.</speak>", "\n<?xml version='1.0'?><speak>A. B."]
)
def test_ssml_is_one_passage(ssml: str) -> None:
    """The tags of SSML reach beyond sentences, so it waits until it is complete."""
    assert passages(ssml) == [ssml]


def test_dialogue_is_given_out_by_speaker() -> None:
    """What one voice says is one passage, for its name stands only in front of it."""
    turns = ["[alba] One is. Two is.\n[pause 1s] Three is.\n", "[bruno] Four is.\n", "[alba] Five."]
    assert passages("".join(turns)) == turns
    roles = ["Before. ", "<role:alba>One is. Two is. ", "<role:bruno,pitch:low>Four is. Five."]
    assert passages("".join(roles)) == roles


def test_tags_at_the_beginning_of_lines_do_not_wait() -> None:
    """A tag that is no speaker leaves the sentences apart."""
    assert passages("[laugh] One is. Two is here.") == ["[laugh] One is. ", "Two is here."]


@pytest.mark.parametrize(
    "text",
    [
        "This is a plain sentence of some words. ",
        "words that never end a sentence and ",
        "5、",
        "x",
        " ",
        "!",
        ". ",
        "a . . . . ",
        "<speak>A. ",
        "[alba] A. ",
        "\n[alba] One. Two. ",
    ],
)
@pytest.mark.parametrize("flushed", [False, True])
def test_long_scripts_in_single_characters(text: str, flushed: bool) -> None:
    """The time is linear in the text, whatever it is made of."""
    script = (text * 50_000)[:50_000]
    feed = feed_of()
    started = time.process_time()
    taken = ""
    for char in script:
        feed.add(char)
        if flushed:
            feed.flush()
        taken += feed.take()
    feed.finish()
    taken += feed.take()
    assert taken == script
    assert time.process_time() - started < 8


def test_without_markup() -> None:
    """Where tags are text, neither SSML nor a speaker keeps sentences back."""
    for script in ("<speak>One. Two. Three", "[alba] One. Two. Three"):
        feed = ScriptFeed(max_chars=1000, markup=False)
        feed.add(script)
        assert feed.take().endswith("One. ")


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("chars", [1, 3, 8])
@pytest.mark.parametrize(
    ("text", "block"),
    [
        (
            "<think>One. Two. Three.</think>Four is. Five is. Six.",
            "<think>One. Two. Three.</think>",
        ),
        ("Hi. So.\n```py\nx. A b. C\n```\nYes is. No.", "```py\nx. A b. C\n```"),
        ("Hi is. \n<script>A. B. C.</script> Four is. Five.", "<script>A. B. C.</script>"),
    ],
)
def test_blocks_are_not_parted(text: str, block: str, chars: int, flushed: bool) -> None:
    """Thoughts and code are given out whole, however they come, and what follows them at once."""
    feed = ScriptFeed(max_chars=1000)
    taken = []
    for start in range(0, len(text), chars):
        feed.add(text[start : start + chars])
        if flushed:
            feed.flush()
        taken.append(feed.take())
    early = "".join(taken)
    assert text.index(block) + len(block) <= len(early)
    feed.finish()
    taken.append(feed.take())
    assert "".join(taken) == text
    assert any(block in passage for passage in taken)


def test_blocks_are_parted_where_there_are_none() -> None:
    """Text that is not normalised has no blocks."""
    feed = ScriptFeed(max_chars=1000, blocks=False)
    feed.add("<think>One is. Two is. Three")
    assert feed.take() == "<think>One is. "


@pytest.mark.parametrize("unit", ["<think>", "</think>", "<think>a. b ", "```\n", "</style>"])
def test_hostile_blocks_take_linear_time(unit: str) -> None:
    """Ten times the text takes no more than thirty times as long, in small pieces and flushed."""

    def seconds(chars: int) -> float:
        feed = ScriptFeed(max_chars=chars + 10)
        start = time.process_time()
        feed.add("<think>")
        for _ in range(chars // len(unit)):
            feed.add(unit)
            feed.flush()
            feed.take()
        return time.process_time() - start

    assert seconds(20_000) < 30 * max(seconds(2_000), 0.02)


def test_a_phrase_is_not_parted() -> None:
    """A sentence that may end inside a phrase of a dictionary waits for what follows."""
    lexicon = Lexicon([Pronunciation("Yahoo! Inc", "Yahoo"), Pronunciation("Yahoo", "x")])
    feed = ScriptFeed(max_chars=MAX_CHARS, lexicons=lambda: [lexicon])
    taken = []
    pieces = ("I know. We use Yahoo! ", "Inc ", "and it. Yahoo! ", "It ", "is. Yahoo! Inc. So ")
    for piece in pieces:
        feed.add(piece)
        taken.append(feed.take())
    assert taken == ["I know. ", "", "", "We use Yahoo! Inc and it. ", "Yahoo! It is. "]
    feed.finish()
    assert feed.take() == "Yahoo! Inc. So "


def test_a_text_of_phrases() -> None:
    """One that holds nothing else is looked at in linear time, and all of it is spoken."""
    phrase = "Yahoo! Yahoo!"
    lexicon = Lexicon([Pronunciation(phrase, "Yahoo")])
    feed = ScriptFeed(max_chars=MAX_CHARS, lexicons=lambda: [lexicon])
    taken = ""
    began = time.process_time()
    for _ in range(3000):
        feed.add("Yahoo! ")
        taken += feed.take()
    feed.finish()
    assert taken + feed.take() == "Yahoo! " * 3000
    assert time.process_time() - began < 10
