"""`<role:NAME>` hands the word to a voice, in every plain script."""

from __future__ import annotations

import time

import pytest

from app.errors import InvalidRequest, Parameter
from app.speech import Prosody
from app.text.feed import ScriptFeed
from app.text.markup import parse_script
from app.text.passages import Passage, Pause, Span

VOICES = {"alba", "marius", "赞助商", "my voice-2"}


def voice_called(name: str) -> str | None:
    return name if name in VOICES else None


def parse(script: str) -> tuple[Passage, ...]:
    return parse_script(script, voice_called=voice_called)


def test_roles() -> None:
    """Each tag holds until the next one, wherever in a line it stands."""
    assert parse("Before. <role:alba>Hi there. <role:marius> Hello,\nyou. <role:赞助商>Yes.") == (
        Span("Before."),
        Span(" Hi there.", "alba"),
        Span(" Hello,\nyou.", "marius"),
        Span(" Yes.", "赞助商"),
    )


def test_levels() -> None:
    """A role may be higher, lower, faster or slower; the next one starts afresh."""
    script = "<role:alba,pitch:high,speed:very_low>One. <ROLE: my voice-2 , SPEED:high>Two."
    assert parse(f"{script} <role:alba>Three.") == (
        Span("One.", "alba", Prosody(speed=0.7, pitch_semitones=2.0)),
        Span(" Two.", "my voice-2", Prosody(speed=1.2)),
        Span(" Three.", "alba"),
    )


def test_roles_among_other_markup() -> None:
    """Pauses, tags of other systems and speaker lines work beside it."""
    assert parse("<role:alba>Hi [laugh] there [pause 1s] you.\n[marius] Hello (happy)!") == (
        Span("Hi there", "alba"),
        Pause(1.0),
        Span("you.\n", "alba"),
        Span("Hello!", "marius"),
    )


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("<role:nobody>", "names a voice that does not exist: 'nobody'"),
        ("<role:>", "is not a role"),
        ("<role:alba", "is not a role"),
        ("<role:alba[x]>", "is not a role"),
        ("<role:alba,volume:high>", "one pitch and one speed"),
        ("<role:alba,pitch:high,pitch:low>", "one pitch and one speed"),
        ("<role:alba,pitch:highest>", "very_low, low, moderate, high, very_high"),
        ("<role:alba,pitch:>", "has a pitch that is none of"),
        ("<role:alba,>", "one pitch and one speed"),
    ],
)
def test_wrong_tags(tag: str, words: str) -> None:
    """A tag that is wrong is refused with its place, and never read aloud."""
    with pytest.raises(InvalidRequest, match=r"at character 4 of script") as caught:
        parse(f"Hi {tag} there.")
    assert words in caught.value.message
    assert caught.value.field is Parameter.TEXT


def test_words_that_look_like_it() -> None:
    """The word alone is ordinary text."""
    for script in ("The role: a king.", "A <role model> is read.", "Mind the <role-play>."):
        assert parse(script) == (Span(script),)


def test_hostile_tags_take_linear_time() -> None:
    """A hundred thousand beginnings of a tag are refused at once."""
    started = time.process_time()
    with pytest.raises(InvalidRequest):
        parse("Hi " + "<role:" * 100_000)
    assert time.process_time() - started < 1


def test_a_script_that_is_still_being_written() -> None:
    """A sentence is not torn from the role that speaks it."""
    feed = ScriptFeed(max_chars=1000)
    feed.add("Before. <role:alba> One. Two. Three. ")
    assert feed.take() == "Before. "
    assert feed.take() == ""
    feed.add("<role:marius> Four.")
    assert feed.take() == "<role:alba> One. Two. Three. "
    feed.finish()
    assert feed.take() == "<role:marius> Four."
