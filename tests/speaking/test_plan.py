"""What is heard between the passages of a script that comes in parts."""

from __future__ import annotations

import pytest

from app.errors import InvalidRequest, Parameter
from app.speaking.plan import Piece, ScriptReader, ScriptRules
from app.speech import Prosody
from app.text.script import ends_paragraph


def plan(
    text: str,
    *,
    goes_on: bool = True,
    pause_scale: float = 1.0,
    prosody: Prosody = Prosody(),  # noqa: B008 - frozen
) -> list[Piece]:
    rules = ScriptRules(
        voice_called=lambda _: None,
        language="en",
        letters=frozenset,
        languages=("en",),
        normalise=True,
        prosody=prosody,
        pause_scale=pause_scale,
        max_chars=218,
        max_tokens=50,
        token_counter=lambda _text: lambda part: len(part.split()),
        goes_on=goes_on,
        ends_paragraph=ends_paragraph(text),
        max_script_chars=50_000,
        max_speech_seconds=3600,
    )
    batches = [batch for batch in ScriptReader(text, rules).steps() if batch is not None]
    assert [batch.last for batch in batches] == [*[False] * (len(batches) - 1), True]
    return [piece for batch in batches for piece in batch.pieces]


def last_pause_seconds(text: str, *, goes_on: bool = True, pause_scale: float = 1.0) -> float:
    made = plan(text, goes_on=goes_on, pause_scale=pause_scale)
    return made[-1].shape.pause_after_seconds


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


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("One. Two. Three.", "One. | Two. | Three."),
        ("¿Qué? ¡Sí! Vale.", "¿Qué? | ¡Sí! | Vale."),
        ("一。二。三。", "一。 | 二。 | 三。"),
        ("एक। दो। तीन।", "एक। | दो। | तीन।"),
        (
            "Mr. Smith paid $3.50. He left.",
            "Mister Smith paid three dollars and fifty cents. | He left.",
        ),
        ("- Milk\n- Bread\n- Honey", "Milk. | Bread. | Honey."),
        ("Roses are red\nViolets are blue", "Roses are red | Violets are blue"),
        ("Milk, bread, and honey.", "Milk, bread, and honey."),
        (
            "This line was wrapped by an editor at the edge of its\nwindow.",
            "This line was wrapped by an editor at the edge of its\nwindow.",
        ),
        (
            "This line was wrapped by some editor in front of the name of\nAnna.",
            "This line was wrapped by some editor in front of the name of\nAnna.",
        ),
    ],
)
def test_longer_pauses_are_wanted_after_every_sentence_and_line(text: str, spoken: str) -> None:
    """Each is spoken for itself then, however short; what was only wrapped is no line."""
    said = [piece.text for piece in plan(text, goes_on=False, pause_scale=2)]
    assert " | ".join(said) == spoken


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("text", ["One. Two. Three.", "- Milk\n- Bread\n- Honey"])
def test_usual_and_shorter_pauses_need_no_more_chunks(text: str, scale: float) -> None:
    """What the model speaks in one go stays one chunk."""
    assert len(plan(text, goes_on=False, pause_scale=scale)) == 1


@pytest.mark.parametrize(
    ("text", "scale", "inside", "after"),
    [
        ("One. Two.\n\nThree.", 0.5, 0.5, 0.5),
        ("One, two.\n\nThree.", 3.0, 3.0, 3.0),
        # A "k" or a breath in a sentence without a mark is no pause that was written.
        ("One two.\n\nThree.", 3.0, 1.0, 3.0),
        ("One two. [pause 1s] Three.", 3.0, 1.0, 1.0),
        ("One two.\n\nThree.", 1.0, 1.0, 1.0),
    ],
)
def test_what_the_model_pauses_is_scaled_too(
    text: str, scale: float, inside: float, after: float
) -> None:
    """So is the silence in which it ends a chunk, unless the script asks for a pause there."""
    first, *_, last = plan(text, goes_on=False, pause_scale=scale)
    assert (first.shape.scale_inside, first.shape.scale_after) == (inside, after)
    assert last.shape.scale_after == 1.0


def test_a_break_without_a_mark_does_not_become_a_pause() -> None:
    """Where a sentence is too long for one chunk its parts stay as near as they are."""
    made = plan("word " * 60 + "end.", goes_on=False, pause_scale=5)
    assert len(made) > 1
    assert made[0].shape.scale_after == 1.0
    assert made[0].shape.pause_after_seconds == 0.0


def test_markup_and_the_request_may_not_be_too_much_together() -> None:
    """Each is in range; the error names the control, and the text where the markup stands."""
    text = '<speak><prosody rate="400%">Fast.</prosody></speak>'
    with pytest.raises(InvalidRequest) as refused:
        plan(text, prosody=Prosody(speed=2))
    assert refused.value.field is Parameter.SPEED
    assert refused.value.message.startswith("speed of the request and of the markup in script come")


def test_a_pause_without_a_mark_grows_from_nothing() -> None:
    """Just over 1 there is hardly a pause at a line without a mark; from 2 on all of it."""
    poem = "Roses are red\nViolets are blue"

    def after_line(scale: float) -> tuple[float, float]:
        shape = plan(poem, goes_on=False, pause_scale=scale)[0].shape
        return shape.pause_after_seconds, shape.scale_after

    assert after_line(1.01) == pytest.approx((0.0025, 0.01), abs=0.001)
    grown = [after_line(scale) for scale in (1.01, 1.25, 1.5, 1.75, 2.0, 3.0)]
    assert grown == sorted(grown)
    assert grown[-2:] == [(0.5, 2.0), (0.75, 3.0)]
