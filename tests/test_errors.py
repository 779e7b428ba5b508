"""Errors name parameters that each dialect words, and nothing a caller sends can pose as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import (
    InvalidRequest,
    NothingToSpeak,
    Parameter,
    SpeechError,
    VoiceNotFound,
    named,
    shortened,
)
from app.text.script import clean_script

WORDS = {Parameter.TEXT: "input", Parameter.VOICE: "reference_id"}
MARKS = [str(parameter) for parameter in Parameter]
MARK_CHARACTERS = ("\x02", "\x03")
# Text as anybody may send it, and text made to look like a parameter.
SENT = st.text() | st.lists(st.sampled_from([*MARKS, *MARK_CHARACTERS, "TEXT", "x"])).map("".join)


@pytest.mark.parametrize("parameter", Parameter)
def test_a_parameter_has_the_name_that_the_caller_knows(parameter: Parameter) -> None:
    """It has the dialect's word in the message and as the field, else this server's own."""
    error = InvalidRequest(f"send {parameter}, not {parameter}", field=parameter)
    word = WORDS.get(parameter, parameter.value)
    assert error.told(WORDS) == f"send {word}, not {word}"
    assert named(parameter, WORDS) == word
    assert str(error) == error.message == f"send {parameter.value}, not {parameter.value}"


def test_a_place_can_name_what_only_it_knows() -> None:
    """One among several texts has a name of its own, whatever the dialect calls a text."""
    error = NothingToSpeak(f"{Parameter.TEXT} of {Parameter.VOICE} is empty", field=Parameter.TEXT)
    error.reword({Parameter.TEXT: "text[2]"})
    assert error.told(WORDS) == "text[2] of reference_id is empty"
    assert error.field == "text[2]"


def test_a_dialects_own_word_stays() -> None:
    """What only one dialect has is named as it is."""
    assert named("voice_settings", WORDS) == "voice_settings"


@given(SENT)
def test_what_a_caller_sends_is_never_taken_for_a_parameter(sent: str) -> None:
    """Its mark characters are shown as unreadable ones; the rest stays as it was."""
    told = InvalidRequest(f"{Parameter.TEXT}: {shortened(sent, 500)}").told(WORDS)
    shown = sent.replace("\x02", "\ufffd").replace("\x03", "\ufffd")
    assert told == f"input: {shortened(shown, 500)}"


@given(SENT, SENT)
def test_no_message_has_a_mark(message: str, name: str) -> None:
    """Whatever an error was made of, nobody reads a mark, and nobody's error fails to be told."""
    for error in (SpeechError(message), VoiceNotFound(name, (name,))):
        for told in (str(error), error.message, error.told(WORDS)):
            assert not any(character in told for character in MARK_CHARACTERS)


@given(st.sampled_from([*MARKS, *MARK_CHARACTERS]), SENT)
def test_a_script_with_a_mark_is_refused(mark: str, text: str) -> None:
    """They are control characters, which no script has."""
    with pytest.raises(InvalidRequest, match="holds a control character") as refused:
        clean_script(text + mark, max_chars=1_000_000)
    assert refused.value.field is Parameter.TEXT


@pytest.mark.parametrize("sent", ["\ud800", "a\udfffb"])
def test_half_a_surrogate_pair(sent: str) -> None:
    """What JSON can bring in and UTF-8 cannot carry is told as something that it can."""
    error = InvalidRequest(f"{Parameter.TEXT} is {sent}", field=sent)
    error.told(WORDS).encode()
    named(sent).encode()
