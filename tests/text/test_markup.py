"""Tags in a plain script shape speech and are not spoken; all other text stays as it is."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest, Parameter
from app.text.markup import parse_script
from app.text.passages import Passage, Pause, Span

VOICES = {"alba", "marius", "my voice-2"}
CAPITALS = {"Tess", "My Voice", "Öykü"}
TAGS = ["[pause 1s]", "[laugh]", "(happy)", "*sighs*", "<laugh>", "<|x|>", "[uv_break]"]


def parse(script: str) -> tuple[Passage, ...]:
    return parse_script(script, voice_called=voice_called)


def voice_called(name: str) -> str | None:
    return name if name in VOICES else None


def voice_in_any_case(name: str) -> str | None:
    return next((own for own in (*VOICES, *CAPITALS) if own.lower() == name.lower()), None)


def outcome(script: str) -> tuple[Passage, ...] | InvalidRequest:
    try:
        return parse(script)
    except InvalidRequest as refused:
        return refused


def spoken(script: str) -> list[str]:
    return [part.text for part in parse(script) if isinstance(part, Span)]


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("[pause 0.5s]", 0.5),
        ("[pause 500ms]", 0.5),
        ("[PAUSE: 2s]", 2.0),
        ("[Pause=.25 s]", 0.25),
        ("[pause:30s]", 30.0),
        ("[pause]", 0.5),
        ("[short pause]", 0.25),
        ("(long pause)", 1.0),
        ("[uv_break]", 0.2),
        ("[lbreak]", 0.5),
        ("(break)", 0.4),
        ("(long-break)", 1.0),
    ],
)
def test_a_pause_stands_between_the_words(tag: str, seconds: float) -> None:
    """It takes the place of the white space around it."""
    assert parse(f"One {tag} two.") == (Span("One"), Pause(seconds), Span("two."))


def test_pauses_in_a_row_add_up_and_none_is_none() -> None:
    """Two pauses are one longer pause; a pause of no time leaves the text whole."""
    assert parse("a [pause 1s]\n[pause 500ms] b") == (Span("a"), Pause(1.5), Span("b"))
    assert parse("a [pause 0s] b") == (Span("a b"),)
    assert parse("[pause 1s] a [pause 2s]") == (Pause(1.0), Span("a"), Pause(2.0))


@pytest.mark.parametrize(
    "tag",
    [
        *("[pause:abc]", "[pause 5]", "[pause -1s]", "[pause 0,5s]", "[pause 1e3s]", "[pause ٣s]"),
        *("[pause = soon]", "[pause 2 seconds]", "[Pause 1 min]"),
    ],
)
def test_refuses_a_malformed_pause(tag: str) -> None:
    """The error has the tag, its place, what is allowed, and the parameter."""
    with pytest.raises(InvalidRequest) as refused:
        parse(f"Hello {tag} world")
    assert refused.value.field is Parameter.TEXT
    assert f"{tag} at character 7 of script is not a pause" in refused.value.message
    assert "[pause 0.5s]" in refused.value.message


def test_refuses_a_malformed_pause_however_long() -> None:
    """It is never spoken, and the error quotes only its beginning."""
    with pytest.raises(InvalidRequest) as refused:
        parse(f"Hello [ Pause:{'z' * 2000}] world")
    assert "zz…] at character 7 of script is not a pause" in refused.value.message
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("a [pause 30.1s] b", "[pause 30.1s] at character 3 of script is too long"),
        ("a" + " [pause 30s]" * 21, "more than 600 seconds together"),
        ("[pause 1s] (happy) …", "holds nothing that can be spoken"),
        ("", "holds nothing that can be spoken"),
        ("[S1] Hello. [S2] Hi.", "[S1] at character 1 of script begins a line as a speaker"),
        ("[alba] Hello.\n [albo] Hi.", "[albo] at character 16 of script begins a line"),
        ('Wait <break time="1s"/> here', "<break> at character 6 of script is a tag of SSML"),
        ('<voice name="alba">Hello</voice>', "<voice> at character 1"),
        ('H<sub alias="two">2</sub>O', "<sub> at character 2"),
        ("Wait <break/> here", "<break> at character 6"),
        ("Wait <BREAK strength='weak'> here", "<BREAK> at character 6"),
        ("So <emphasis>very</emphasis> good", "<emphasis> at character 18"),
        ("[alba]: Hi.\n[Marvin]: yes", "[Marvin] at character 13 of script begins a line"),
    ],
)
def test_refuses_what_cannot_be_meant(script: str, reason: str) -> None:
    """Each error names what is wrong and where."""
    with pytest.raises(InvalidRequest) as refused:
        parse(script)
    assert reason in refused.value.message
    assert refused.value.field is Parameter.TEXT


def test_lines_that_begin_with_a_voice_switch_to_it() -> None:
    """The voice stays until the next such line; before the first, it is the request's own."""
    assert parse("Scene one.\n[alba] Hello!\nAnd you?\n\n[my voice-2]: (happy) Fine.") == (
        Span("Scene one.\n"),
        Span("Hello!\nAnd you?\n\n", "alba"),
        Span("Fine.", "my voice-2"),
    )


@pytest.mark.parametrize(
    "script",
    [
        "[Aside] He did not mean it.",
        "[Editor's note] It was blue.\nNext line.",
        "Ask [alba] for it.",
        "[alba](https://example.com) is a link",
        "[alba]: https://example.com",
        "See (page 5), (happy hour) and a[1] = b[i].",
        "I am so *happy* about 2*3*4.",
        "if a < b and c > d, <speaker> and <b>bold</b>",
        "[paused] [pause-button] (",
        "Wait [pause " + "and wait " * 20 + "forever",
        "Wait [pause " + "and wait " * 20 + "\nforever]",
        "[pause for applause] Thank you.",
        "And then [pause for effect] he left.",
        "[Pause here] Breathe.",
        "[Alba] went home, and [Marius] stayed.",
        "[Alba]'s house is old.",
        "[alba], my cat, is old.",
        "[alba]-like words.",
        "Use the <break> tag, or <emphasis> and </emphasis>.",
        "The <voice> element, <prosody>, </speak> and <say-as>.",
        'Write `<break time="1s"/>` there.',
        "Write `[pause 1s]` or `(happy)` there.",
    ],
)
def test_ordinary_brackets_are_spoken(script: str) -> None:
    """Where no tag is meant, the text comes back as it was."""
    assert parse(script) == (Span(script),)


@pytest.mark.parametrize(
    ("script", "voices"),
    [
        ("[alba] hello there.", ["alba"]),
        ("[Alba] Hello there.", ["Alba"]),
        ("[Alba]: hello there.", ["Alba"]),
        ("[Alba] “Hello there.”", ["Alba"]),
        ("[Alba]\nHello there.", ["Alba"]),
        ("[Alba] went.\n[marius] Hello.\n[Alba] Hi.", [None, "marius", "Alba"]),
        ("[alba] Hi.\n[Mary] went home.\n[1] Smith says no.", ["alba"]),
        ("[Tess] hello there.", ["Tess"]),
        ("[tess] hello there.", ["tess"]),
        ("[TESS] hello there.", [None]),
        ("[My Voice] hello.\n[Öykü] and you?\n[Alba] went.", ["My Voice", "Öykü"]),
        ("[Tess]'s house.\n[Tess], my cat.", [None]),
    ],
)
def test_who_can_be_meant_to_speak(script: str, voices: list[str | None]) -> None:
    """So is a name that is written as the voice's own or in small letters, or has a colon or a
    new sentence after it."""
    parts = parse_script(script, voice_called=voice_in_any_case)
    assert [part.voice for part in parts if isinstance(part, Span)] == voices


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("(happy) What a day!", "What a day!"),
        ("Hi [laugh] you", "Hi you"),
        ("So funny (laughing), really", "So funny, really"),
        ("one[laughter]two", "one two"),
        ('"[whispers] Not here," she said', '"Not here," she said'),
        ('"No" [sighs] he said', '"No" he said'),
        ("*clears throat* Well (sad) [excited].", "Well."),
        ("<sigh> Fine. <laughter>You</laughter> <|endofprompt|>win", "Fine. You win"),
        ("Hm[oral_2][laugh_0][speed_5] yes", "Hm yes"),
        ("[strong French accent] Oui [emotion=happy][pace=slow] non", "Oui non"),
        ("One. [LAUGHS]\nTwo.", "One.\nTwo."),
    ],
)
def test_tags_of_other_systems_are_not_spoken(script: str, text: str) -> None:
    """They go, with the white space that is then too much."""
    assert parse(script) == (Span(text),)


PLAIN = st.text(st.characters(exclude_characters="[](){}<>*", exclude_categories=["Cs"]))


@settings(max_examples=100, deadline=None)
@given(PLAIN.filter(lambda text: any(map(str.isalnum, text))))
def test_text_without_tags_is_one_span(text: str) -> None:
    """Nothing is changed but the white space at both ends."""
    assert parse(text) == (Span(text.strip()),)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*TAGS, "one", "two,", "(three)", "[4]", "&", "\n[alba]"])))
def test_no_word_is_lost_or_added(pieces: list[str]) -> None:
    """What is spoken are the words that are no tags, in order, kept apart."""
    text = "begin " + " ".join(pieces)
    words = [piece for piece in pieces if piece not in TAGS and piece != "\n[alba]"]
    assert " ".join(spoken(text)).split() == ["begin", *words]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*TAGS, *"[]()<>*| \n\t:./&;", "a", "pause", "<speak>", "</speak>", "<p>", "alba", "S1"]
        )
    ).map("".join)
    | st.text()
)
def test_any_text_is_read_or_refused(script: str) -> None:
    """No text breaks the reader, and pauses never stand side by side."""
    parts = outcome(script)
    if isinstance(parts, InvalidRequest):
        return
    assert any(isinstance(part, Span) for part in parts)
    assert not any({type(one), type(other)} == {Pause} for one, other in pairwise(parts))


@pytest.mark.parametrize(
    "piece",
    [
        *["[", "(", "<", "*a", "<|", "[a", "(a", "<a ", "[pause 1ms]", "[laugh] ", "a[laugh]"],
        *["[pause", "[pause ", "[ pause \t", "pause ]", "[pause 1ms"],
        *["a [pause 1ms]", " ", "[ ", "\n[alba] ", "\n[x", "(\t", "<sub ", "…[laugh]", "\n[x]:  "],
    ],
)
def test_time_is_linear(piece: str) -> None:
    """100 000 characters of the worst kind are read or refused in a fraction of a second."""
    script = "a" + piece * (100_000 // len(piece))
    start = time.process_time()
    result = outcome(script)
    assert not isinstance(result, InvalidRequest) or len(result.message) < 500
    assert time.process_time() - start < 1
