"""Defines the marks that travel with speech: which words and sentences are heard, and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

Method: TypeAlias = Literal["attention", "estimated"]
"""Word times are measured on the model's attention, or estimated from syllables and silences."""


@dataclass(frozen=True, slots=True)
class SpokenMark:
    """Says when a spoken word is heard, in the spelling that the model reads.

    Marks that stand alone, such as a dash between two spaces, belong to the word beside them.
    """

    text: str
    start_seconds: float
    end_seconds: float

    def later(self, seconds: float) -> SpokenMark:
        """Return this mark for audio before which something else is heard."""
        return SpokenMark(self.text, self.start_seconds + seconds, self.end_seconds + seconds)


@dataclass(frozen=True, slots=True)
class Mark:
    """Says when a word or a sentence is heard, as it stands in the caller's own script.

    Times are seconds of the audio as it is heard.

    Attributes:
        text: the caller's own spelling, without the marks of markup inside.
        script_start: its place in the script as it was sent, in characters.
        script_end: the place after its last character.
        spoken: what is said for a word, in order; a sentence has none.
    """

    text: str
    start_seconds: float
    end_seconds: float
    script_start: int
    script_end: int
    spoken: tuple[SpokenMark, ...] = ()

    def later(self, seconds: float) -> Mark:
        """Return this mark for audio before which something else is heard."""
        if not seconds:
            return self
        return replace(
            self,
            start_seconds=self.start_seconds + seconds,
            end_seconds=self.end_seconds + seconds,
            spoken=tuple(each.later(seconds) for each in self.spoken),
        )


@dataclass(slots=True)
class Marks:
    """Holds the marks of some speech, in the order in which they are heard.

    While the speech is made, marks are added at the ends.

    Attributes:
        method: how the times of words are found; None before the first is known.
    """

    method: Method | None = None
    words: list[Mark] = field(default_factory=list)
    sentences: list[Mark] = field(default_factory=list)

    def later(self, seconds: float) -> Marks:
        """Return these marks for audio before which something else is heard."""
        return Marks(
            self.method,
            [mark.later(seconds) for mark in self.words],
            [mark.later(seconds) for mark in self.sentences],
        )

    def take(self, others: Marks, *, later_seconds: float) -> None:
        """Move other marks to the ends of these: what they are of is heard so much later."""
        moved = others.later(later_seconds)
        self.method = moved.method or self.method
        self.words += moved.words
        self.sentences += moved.sentences
        others.words.clear()
        others.sentences.clear()
