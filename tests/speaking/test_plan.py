"""What is heard between the passages of a script that comes in parts."""

from __future__ import annotations

import pytest

from app.errors import InvalidRequest, Parameter
from app.speaking.plan import ScriptPlan, ScriptRules, plan_script
from app.speech import Prosody
from app.text.script import clean_script, ends_paragraph


def plan(
    text: str,
    *,
    goes_on: bool = True,
    pause_scale: float = 1.0,
    prosody: Prosody = Prosody(),  # noqa: B008 - frozen
) -> ScriptPlan:
    rules = ScriptRules(
        is_voice=lambda _: False,
        language="en",
        normalise=True,
        prosody=prosody,
        pause_scale=pause_scale,
        max_chars=218,
        max_tokens=50,
        token_counter=lambda _text: lambda part: len(part.split()),
        goes_on=goes_on,
        ends_paragraph=ends_paragraph(text),
    )
    return plan_script(clean_script(text, max_chars=1000), rules)


def last_pause_seconds(text: str, *, goes_on: bool = True, pause_scale: float = 1.0) -> float:
    made = plan(text, goes_on=goes_on, pause_scale=pause_scale)
    return made.pieces[-1].shape.pause_after_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("One. ", 0.25),
        ("One? “Two!” ", 0.25),
        ("One,", 0.12),
        ("One", 0.0),
        ("A title\n\n", 0.6),
        ("One.\n", 0.25),
        ("One.\n \n", 0.6),
        ("One.\r\n\r\n", 0.6),
        ("One.\r\n", 0.25),
        ("One.\u2029", 0.6),
        ("One. [pause 2s] ", 2.0),
    ],
)
def test_the_pause_before_what_follows(text: str, seconds: float) -> None:
    """A part that is followed by another has the pause that its end asks for."""
    assert last_pause_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["One. ", "A title\n\n", "One,"])
def test_nothing_follows_the_end(text: str) -> None:
    """The last part ends with its words."""
    assert last_pause_seconds(text, goes_on=False) == 0.0


def test_pauses_are_scaled() -> None:
    """Pauses between the parts are stretched as those inside them, written ones are not."""
    assert last_pause_seconds("One. ", pause_scale=2.0) == pytest.approx(0.5)
    assert last_pause_seconds("One.\n\n", pause_scale=0.5) == pytest.approx(0.3)
    assert last_pause_seconds("One. [pause 2s]", pause_scale=2.0) == pytest.approx(2.0)


def test_markup_and_the_request_may_not_be_too_much_together() -> None:
    """Each is in range; the error names the control, and the text where the markup stands."""
    text = '<speak><prosody rate="400%">Fast.</prosody></speak>'
    with pytest.raises(InvalidRequest) as refused:
        plan(text, prosody=Prosody(speed=2))
    assert refused.value.field is Parameter.SPEED
    assert refused.value.message.startswith("speed of the request and of the markup in script come")
