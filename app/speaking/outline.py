"""Tells how a script would be read and where it would be cut, without speaking it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from app.speaking.plan import Piece
from app.speaking.reading import Reading
from app.speech import SPEECH_CHARACTERS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Change:
    """Says that words are spoken in the place of others.

    Attributes:
        written: as it stands in the script.
        spoken: what is said.
        script_start, script_end: where it stands there, in characters.
    """

    written: str
    spoken: str
    script_start: int
    script_end: int


@dataclass(frozen=True, slots=True)
class OutlinedPiece:
    """Holds a piece that is spoken in one go.

    Attributes:
        text: as the model reads it.
        voice: the name in the markup; None is the request's own voice.
        script_start, script_end: the stretch of the script that it stands for, in characters.
        pause_seconds: how much silence is put behind it, beside what the model speaks.
        audio_seconds: how long it is likely to sound, with that.
        changes: what is spoken otherwise than it is written.
    """

    text: str
    voice: str | None
    script_start: int
    script_end: int
    pause_seconds: float
    audio_seconds: float
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """Says how a script would be read.

    Attributes:
        left_out: letters that would not be heard, for the model cannot read them.
        lead_seconds: how much silence comes first.
        audio_rate: how many seconds of audio the engine makes in a second.
    """

    pieces: tuple[OutlinedPiece, ...]
    left_out: tuple[str, ...]
    lead_seconds: float
    audio_rate: float

    @property
    def audio_seconds(self) -> float:
        """Return how long all of it is likely to sound."""
        return self.lead_seconds + sum(piece.audio_seconds for piece in self.pieces)


async def outline_of(script: Reading, audio_rate: float) -> Outline:
    """Read a script to its end."""
    batch = script.first
    pieces = [*batch.pieces]
    while not batch.last:
        batch = await script.next()
        pieces += batch.pieces
    outlined = tuple(_outlined(pieces))
    return Outline(outlined, script.left_out, script.lead_seconds, audio_rate)


def _outlined(pieces: list[Piece]) -> Iterator[OutlinedPiece]:
    place = 0
    for piece in pieces:
        words = piece.words
        start = words[0].written.script_start if words else place
        place = words[-1].written.script_end if words else place
        pause_seconds = piece.shape.pause_after_seconds
        spoken_seconds = len(piece.text) / SPEECH_CHARACTERS_PER_SECOND / piece.shape.prosody.speed
        yield OutlinedPiece(
            piece.text,
            piece.voice,
            start,
            place,
            pause_seconds,
            spoken_seconds + pause_seconds,
            tuple(_changes(piece)),
        )


def _changes(piece: Piece) -> Iterator[Change]:
    for written, group in groupby(piece.words, lambda word: word.written):
        words = list(group)
        spoken = piece.text[words[0].start : words[-1].end]
        if spoken != written.text:
            yield Change(written.text, spoken, written.script_start, written.script_end)
