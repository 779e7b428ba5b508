"""Every character of a text gets a time: of its word, or of the silence that it stands in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from app.api.elevenlabs.characters import CharacterTimes, HeardCharacters
from app.audio.heard import HeardTimes
from app.errors import SpeechError
from app.marks import Mark, Marks, SpokenMark
from app.speaking.marking import Marking
from tests.speaking.test_marking import heard, pieces_of

ONE_TWO = [
    Mark("One", 0.25, 0.625, 1, 4, (SpokenMark("One", 0.25, 0.625),)),
    Mark(
        "$2",
        1.0,
        2.0,
        11,
        13,
        (SpokenMark("two", 1.0, 1.5), SpokenMark("dollars", 1.5, 2.0)),
    ),
]
"""The words of ` One [...] $2!!`"""


def times_of(characters: HeardCharacters) -> list[tuple[str, float, float]]:
    return list(
        zip(characters.characters, characters.starts_seconds, characters.ends_seconds, strict=True)
    )


def test_words_and_what_is_between_them() -> None:
    """A word's characters share its time, and those between two words the silence."""
    written, spoken = CharacterTimes(" One [...] $2!!").finish(Marks(words=ONE_TWO), 2.5)
    assert times_of(written)[:4] == [
        (" ", 0.0, 0.25),
        ("O", 0.25, 0.375),
        ("n", 0.375, 0.5),
        ("e", 0.5, 0.625),
    ]
    assert times_of(written)[4][1] == 0.625
    assert times_of(written)[10:] == [
        (" ", 1.0 - 0.375 / 7, 1.0),
        ("$", 1.0, 1.5),
        ("2", 1.5, 2.0),
        ("!", 2.0, 2.25),
        ("!", 2.25, 2.5),
    ]
    assert "".join(spoken.characters) == "One two dollars"
    assert times_of(spoken)[3] == (" ", 0.625, 1.0)
    assert times_of(spoken)[7] == (" ", 1.5, 1.5)


def test_part_after_part() -> None:
    """Text and words may come in parts; nothing is given out twice, and silence gives nothing."""
    times = CharacterTimes()
    times.add(" One [..")
    first = times.take(Marks(words=ONE_TWO[:1]))
    assert "".join(first.written.characters) == " One"
    nothing = times.take(Marks())
    assert nothing.written.in_seconds() is None
    assert nothing.written.in_milliseconds() is None
    assert nothing.spoken.in_seconds() is None
    times.add(".] $2")
    times.add("!!")
    second = times.take(Marks(words=ONE_TWO[1:]))
    assert "".join(second.written.characters) == " [...] $2"
    assert "".join(second.spoken.characters) == " two dollars"
    rest = times.finish(Marks(), 2.5)
    assert rest.written.in_seconds() == {
        "characters": ["!", "!"],
        "character_start_times_seconds": [2.0, 2.25],
        "character_end_times_seconds": [2.25, 2.5],
    }
    assert rest.spoken.in_seconds() is None


def test_milliseconds_begin_where_the_part_before_ended() -> None:
    """Whoever adds up how long the parts last, as Pipecat does, has times of the whole speech."""
    times = CharacterTimes(" One [...] $2!!")
    parts = [
        times.take(Marks(words=ONE_TWO[:1])),
        times.take(Marks(words=ONE_TWO[1:])),
        times.finish(Marks(), 2.5),
    ]
    alignments = [part.written.in_milliseconds() for part in parts]
    assert alignments[0] == {
        "chars": [" ", "O", "n", "e"],
        "charStartTimesMs": [0, 250, 375, 500],
        "charDurationsMs": [250, 125, 125, 125],
    }
    assert alignments[1] is not None
    # Before that are 375 ms of silence, in which the tag stands.
    assert alignments[1]["charStartTimesMs"][0] == 0
    assert alignments[1]["charStartTimesMs"][-2:] == [375, 875]
    ends = [
        each["charStartTimesMs"][-1] + each["charDurationsMs"][-1] for each in alignments if each
    ]
    assert ends == [625, 1375, 500]


SCRIPTS = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12),
        st.sampled_from(
            [
                *(
                    "[pause 1s]",
                    "[short pause]",
                    "[laugh]",
                    "<b>bold</b>",
                    "**so**",
                    "\r\n",
                    "\n\n",
                ),
                *("$3.50", "5 kg", "1999", "3rd", "10:30", "Dr.", "AT&T", "&amp;", "www.x.org"),
                *(
                    "👩‍👩‍👧",
                    "😀",
                    "e\u0301",
                    "\ufeff",
                    "so\u00adft",
                    " — ",
                    "...",
                    "(",
                    "”",
                    "日本。",
                ),
            ]
        ),
        st.text("ab .,-'", max_size=20),
    ),
    min_size=1,
    max_size=12,
).map("".join)
SSML = st.lists(
    st.sampled_from(
        [
            *("word ", "5 kg ", "x", ". ", '<break time="1s"/>', "<p>One.</p>", "&lt;", "😀"),
            *("re<emphasis>al</emphasis>ly ", '<sub alias="World Wide Web">WWW</sub> '),
            *('<prosody rate="fast">quick </prosody>', '<say-as interpret-as="ordinal">3</say-as>'),
        ]
    ),
    min_size=1,
    max_size=8,
).map(lambda parts: f"<speak>{''.join(parts)}</speak>\n")


@settings(max_examples=150, deadline=None)
@given(st.one_of(SCRIPTS, SSML), st.integers(1, 5), st.sampled_from([25, 218]))
@example("\ufeff [pause 1s] It is $3.50 — so\u00adft 😀 [pause 2s] \r\n", 1, 218)
def test_every_character_of_any_text(text: str, words_at_once: int, max_chars: int) -> None:
    """Joined, the parts are the text that was sent and the text that is said, in order of time."""
    try:
        pieces = pieces_of(text, max_chars=max_chars)
    except SpeechError:
        assume(False)
    marking, heard_times, times = Marking(), HeardTimes(0, 24_000), CharacterTimes(text)
    marking.extend(pieces)
    heard_times.words.extend(heard(pieces))
    end_seconds = heard_times.words[-1].end_seconds + 0.5
    marking.update(heard_times)
    marking.finish()
    words = marking.marks.words
    parts = [
        times.take(Marks(words=words[start : start + words_at_once]))
        for start in range(0, len(words), words_at_once)
    ]
    parts.append(times.finish(Marks(), end_seconds))
    for kind, whole in ((0, text), (1, " ".join(piece.text for piece in pieces))):
        of_kind = [part[kind] for part in parts]
        found = [each for part in of_kind for each in times_of(part)]
        joined = "".join(each for each, *_ in found)
        assert joined == whole if kind == 0 else joined.split() == whole.split()
        assert all(0 <= start <= end <= end_seconds for _, start, end in found)
        assert all(one[2] <= other[1] for one, other in pairwise(found))
        at = 0
        for part in of_kind:
            if alignment := part.in_milliseconds():
                starts, lasting = alignment["charStartTimesMs"], alignment["charDurationsMs"]
                assert len(starts) == len(lasting) == len(alignment["chars"])
                absolute = [at + each for each in starts]
                assert absolute == [round(1000 * each) for each in part.starts_seconds]
                at += starts[-1] + lasting[-1]
