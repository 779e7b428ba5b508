"""Writes what several voices say, one after the other, as the one script that it is here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, TypedDict

from pydantic import BaseModel, Field

from app.api.elevenlabs.characters import CharacterTimes, HeardCharacters
from app.wording.support import HONOURED

MAX_VOICES = 10
"""ElevenLabs has as many in one dialogue."""


class DialogueLine(BaseModel):
    """A voice says this."""

    text: Annotated[str, HONOURED]
    voice_id: Annotated[str, Field(min_length=1, max_length=200), HONOURED]


def role(voice_id: str) -> str:
    """Return the markup that gives the word to a voice."""
    return f" <role:{voice_id}>"


class Segment(TypedDict):
    """This is how answers over HTTP say what is heard of a line, and which characters that is."""

    voice_id: str
    start_time_seconds: float
    end_time_seconds: float
    character_start_index: int
    character_end_index: int
    dialogue_input_index: int


class Dialogue:
    """Holds all lines of a dialogue as one script.

    Attributes:
        script: the lines, each with markup in front that says who speaks.
        times: says when the characters of the lines are heard.
    """

    def __init__(self, lines: Sequence[DialogueLine]) -> None:
        self.script = ""
        self.times = CharacterTimes()
        self._lines = lines
        self._ends = list(accumulate(len(line.text) for line in lines))
        self._given_chars = 0
        for line in lines:
            tag = role(line.voice_id)
            self.times.add(tag, was_sent=False)
            self.times.add(line.text)
            self.script += tag + line.text

    def segments(self, written: HeardCharacters) -> list[Segment]:
        """Say which lines characters belong to that `times` has given out. Call it for all."""
        first, self._given_chars = (
            self._given_chars,
            self._given_chars + len(written.characters),
        )
        found: list[Segment] = []
        line_start = 0
        for number, (line, line_end) in enumerate(zip(self._lines, self._ends, strict=True)):
            start, end = max(first, line_start) - first, min(self._given_chars, line_end) - first
            line_start = line_end
            if start < end:
                found.append(
                    {
                        "voice_id": line.voice_id,
                        "start_time_seconds": round(written.starts_seconds[start], 3),
                        "end_time_seconds": round(written.ends_seconds[end - 1], 3),
                        "character_start_index": start,
                        "character_end_index": end,
                        "dialogue_input_index": number,
                    }
                )
        return found
