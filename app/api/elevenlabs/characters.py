"""Says when each character of a text is heard, as ElevenLabs' clients want to know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

from app.marks import Marks


class AlignmentInSeconds(TypedDict):
    """This is how characters and their times stand in answers over HTTP."""

    characters: list[str]
    character_start_times_seconds: list[float]
    character_end_times_seconds: list[float]


class AlignmentInMilliseconds(TypedDict):
    """This is how they stand in the frames of sockets."""

    chars: list[str]
    charStartTimesMs: list[int]
    charDurationsMs: list[int]


class DialogueAlignment(TypedDict):
    """This is how they stand in the frames of dialogues."""

    chars: list[str]
    char_start_times_ms: list[int]
    char_durations_ms: list[int]


@dataclass(slots=True)
class HeardCharacters:
    """Holds characters that are heard one after the other, and when each starts and ends.

    Attributes:
        start_seconds: here the characters before these end.
    """

    start_seconds: float
    characters: list[str] = field(default_factory=list)
    starts_seconds: list[float] = field(default_factory=list)
    ends_seconds: list[float] = field(default_factory=list)

    @property
    def until_seconds(self) -> float:
        """Return when the last of them ends."""
        return self.ends_seconds[-1] if self.ends_seconds else self.start_seconds

    def extend(self, text: str, start_seconds: float, end_seconds: float) -> None:
        """Add characters that share a stretch of time evenly."""
        start_seconds = max(start_seconds, self.until_seconds)
        whole_seconds = max(0.0, end_seconds - start_seconds)
        for index, character in enumerate(text):
            self.characters.append(character)
            self.starts_seconds.append(start_seconds + whole_seconds * index / len(text))
            self.ends_seconds.append(start_seconds + whole_seconds * (index + 1) / len(text))

    def in_seconds(self) -> AlignmentInSeconds | None:
        """Return times from the beginning of all audio, as they are over HTTP."""
        if not self.characters:
            return None
        return {
            "characters": self.characters,
            "character_start_times_seconds": [round(each, 3) for each in self.starts_seconds],
            "character_end_times_seconds": [round(each, 3) for each in self.ends_seconds],
        }

    def in_milliseconds(self, *, absolute: bool = False) -> AlignmentInMilliseconds | None:
        """Return times as they are on sockets.

        Args:
            absolute: whether they count from the beginning of all audio, or from where the
                characters before these ended.
        """
        if not self.characters:
            return None
        starts, durations = self._starts_and_durations_ms()
        beginning = 0 if absolute else _milliseconds(self.start_seconds)
        return {
            "chars": self.characters,
            "charStartTimesMs": [start - beginning for start in starts],
            "charDurationsMs": durations,
        }

    def in_dialogue(self) -> DialogueAlignment | None:
        """Return times from the beginning of all audio, as they are on sockets of dialogues."""
        if not self.characters:
            return None
        starts, durations = self._starts_and_durations_ms()
        return {
            "chars": self.characters,
            "char_start_times_ms": starts,
            "char_durations_ms": durations,
        }

    def _starts_and_durations_ms(self) -> tuple[list[int], list[int]]:
        starts = list(map(_milliseconds, self.starts_seconds))
        ends = map(_milliseconds, self.ends_seconds)
        return starts, [end - start for start, end in zip(starts, ends, strict=True)]


class Heard(NamedTuple):
    """Holds what has become known: the characters that were sent, and those that are said."""

    written: HeardCharacters
    spoken: HeardCharacters


class CharacterTimes:
    """Makes times of characters of the times of words.

    The characters of a word share its time. Those between two words, be they white space or
    markup, share the time between them, those before the first word the time before that, and
    those after the last one the time to the end. So all that is given out, joined, has every
    character of the text once, in order. What is said has a space between each two words.

    Args:
        text: was sent; more of it may be added.
    """

    def __init__(self, text: str = "") -> None:
        self._text = text
        self._fresh: list[str] = []
        self._added_chars = len(text)
        self._unsent: list[tuple[int, int]] = []
        self._given_chars = 0
        self._until = Heard(HeardCharacters(0.0), HeardCharacters(0.0))
        self._separator = ""

    def add(self, text: str, *, was_sent: bool = True) -> None:
        """Take more of the text.

        Args:
            was_sent: False for what stands in the script though no client sent it, and is never
                given out.
        """
        start, self._added_chars = self._added_chars, self._added_chars + len(text)
        if not was_sent:
            self._unsent.append((start, self._added_chars))
        self._fresh.append(text)

    def take(self, marks: Marks) -> Heard:
        """Return the characters up to the last of these words, from where it stopped before."""
        written, spoken = (HeardCharacters(each.until_seconds) for each in self._until)
        for word in marks.words:
            written.extend(self._next(word.script_start), written.until_seconds, word.start_seconds)
            written.extend(self._next(word.script_end), word.start_seconds, word.end_seconds)
            for each in word.spoken:
                spoken.extend(self._separator, spoken.until_seconds, each.start_seconds)
                spoken.extend(each.text, each.start_seconds, each.end_seconds)
                self._separator = " "
        self._until = Heard(written, spoken)
        return self._until

    def finish(self, marks: Marks, end_seconds: float) -> Heard:
        """Return all characters that are left; the speech ends then."""
        heard = self.take(marks)
        heard.written.extend(self._next(None), heard.written.until_seconds, end_seconds)
        return heard

    def _next(self, end: int | None) -> str:
        """Return the text up to a place, from where it stopped before; None is the end of it."""
        if self._fresh:
            self._text += "".join(self._fresh)
            self._fresh.clear()
        start, self._given_chars = (
            self._given_chars,
            len(self._text) if end is None else max(self._given_chars, end),
        )
        sent = ""
        for unsent_start, unsent_end in self._unsent:
            if start < unsent_end and unsent_start < self._given_chars:
                sent += self._text[start:unsent_start]
                start = unsent_end
        return sent + self._text[start : self._given_chars]


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
