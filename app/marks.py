"""Defines the marks that travel with speech: which words and sentences are heard, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Method: TypeAlias = Literal["attention", "estimated"]
"""Word times are measured on the model's attention, or estimated from syllables and silences."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Says when a word or a sentence is heard, as it stands in the caller's own script.

    Times are seconds of the audio as it is heard.

    Attributes:
        text: the caller's own spelling, `script[script_start:script_end]`.
    """

    text: str
    start_seconds: float
    end_seconds: float
    script_start: int
    script_end: int


@dataclass(frozen=True, slots=True)
class Marks:
    """Holds the marks of some speech, in the order in which they are heard.

    Attributes:
        method: how the times of words were found; those of sentences are exact.
    """

    method: Method
    sentences: tuple[Mark, ...] = field(default=())
    words: tuple[Mark, ...] = field(default=())
