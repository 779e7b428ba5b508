"""Written words and sentences are marked when what is spoken for them is heard."""

from __future__ import annotations

from app.audio.heard import HeardTimes, HeardWord
from app.marks import Mark, Marks, SpokenMark
from app.speaking.marking import Marking
from app.speaking.plan import Piece, ScriptReader, ScriptRules
from app.speech import Prosody

WORD_SECONDS = 0.5


def pieces_of(script: str, *, max_chars: int = 218) -> list[Piece]:
    rules = ScriptRules(
        voice_called=lambda _: None,
        language="en",
        letters=frozenset,
        languages=("en",),
        normalise=True,
        prosody=Prosody(),
        pause_scale=1.0,
        max_chars=max_chars,
        max_tokens=1000,
        token_counter=lambda _: lambda text: len(text.split()),
        max_script_chars=10_000,
        max_speech_seconds=3600.0,
    )
    batches = [batch for batch in ScriptReader(script, rules).steps() if batch is not None]
    return [piece for batch in batches for piece in batch.pieces]


def heard(pieces: list[Piece]) -> list[HeardWord]:
    """Every word that has something to say, half a second each, one after the other."""
    words: list[HeardWord] = []
    for index, piece in enumerate(pieces):
        for word in piece.words:
            if any(map(str.isalnum, piece.text[word.start : word.end])):
                start = len(words) * WORD_SECONDS
                words.append(HeardWord(index, word.start, word.end, start, start + WORD_SECONDS))
    return words


def marks_of(script: str, *, max_chars: int = 218) -> Marks:
    marking, times = Marking(), HeardTimes(0, 24_000)
    pieces = pieces_of(script, max_chars=max_chars)
    marking.extend(pieces)
    times.words.extend(heard(pieces))
    marking.update(times)
    marking.finish()
    for mark in (*marking.marks.words, *marking.marks.sentences):
        assert mark.start_seconds < mark.end_seconds
    for mark in marking.marks.words:
        assert mark.text == script[mark.script_start : mark.script_end]
    return marking.marks


def test_words_as_they_were_written() -> None:
    """What is said in several words is marked as the one that was written."""
    marks = marks_of("It costs $3.50 — really!")
    assert [mark.text for mark in marks.words] == ["It", "costs", "$3.50 —", "really!"]
    price = marks.words[2]
    # "three dollars and fifty cents"
    assert (price.start_seconds, price.end_seconds) == (1.0, 3.5)
    assert marks.sentences == [Mark("It costs $3.50 — really!", 0.0, 4.0, 0, 24)]


def test_what_is_said_for_a_word() -> None:
    """A mark has the spoken words with their own times; marks that stand alone are with them."""
    words = marks_of("— It costs $3.50 — really!").words
    assert [[each.text for each in mark.spoken] for mark in words] == [
        ["— It"],
        ["costs"],
        ["three", "dollars", "and", "fifty", "cents —"],
        ["really!"],
    ]
    for mark in words:
        assert mark.spoken[0].start_seconds == mark.start_seconds
        assert mark.spoken[-1].end_seconds == mark.end_seconds
    assert words[2].later(10.0).spoken[1] == SpokenMark("dollars", 11.5, 12.0)


def test_every_sentence_has_a_mark() -> None:
    """Sentences end where they were written to, also inside and across chunks."""
    script = (
        "One and two. Three! And the fourth, which is a longer one that goes on and on?\n\nNo end"
    )
    for max_chars in (20, 218):
        marks = marks_of(script, max_chars=max_chars)
        assert [mark.text for mark in marks.sentences] == [
            "One and two.",
            "Three!",
            "And the fourth, which is a longer one that goes on and on?",
            "No end",
        ]
        assert " ".join(mark.text for mark in marks.words) == script.replace("\n\n", " ")


def test_a_word_comes_as_soon_as_it_is_known() -> None:
    """A word is marked with its last spoken word, and its sentence with the last of that."""
    pieces = pieces_of("Pay $20 now. Thanks.")
    marking, times = Marking(), HeardTimes(0, 24_000)
    marking.extend(pieces)
    known = []
    for word in heard(pieces):
        times.words.append(word)
        marking.update(times)
        known.append((len(marking.marks.words), len(marking.marks.sentences)))
    # Pay, twenty, dollars, now, thanks
    assert known == [(1, 0), (1, 0), (2, 0), (3, 1), (4, 2)]


def test_marks_of_speech_after_speech() -> None:
    """What is heard later is marked later, and marks that were taken are no longer there."""
    first, second = marks_of("One two."), marks_of("Three.")
    first.take(second, later_seconds=1.25)
    assert [(mark.text, mark.start_seconds) for mark in first.words] == [
        ("One", 0.0),
        ("two.", 0.5),
        ("Three.", 1.25),
    ]
    assert [mark.end_seconds for mark in first.sentences] == [1.0, 1.75]
    assert not second.words
    assert not second.sentences
