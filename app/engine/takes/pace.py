"""Learns how long a voice speaks for its texts, and tells which durations a text cannot take."""

from __future__ import annotations

import math
import threading
import weakref
from dataclasses import dataclass

LEAD_SECONDS = 0.34
LETTER_SECONDS = 0.0656
"""Fitted to good speech (see `faults`): a piece lasts a third of a second and so much for each
letter. The deviation from that has a standard deviation of 8.5 %."""
UNKNOWN_FACTOR = 3.0
"""A voice that has not been heard speaks at no less than a third of that pace, and at no more than
three times; 1,530 good pieces were within 0.71 and 1.33 of it."""
SHORTER_FACTOR, LONGER_FACTOR = 1.55, 1.6
"""A voice that is known stays within these of its own pace."""
PIECES_TO_LEARN = 8
MOST_VOICES = 1000
"""The paces of so many voices are kept; a number each."""
_DIGIT_LETTERS = 5
_CAPITAL_LETTERS = 3
_CAPITALS_SPELLED = 5


def letters_in(text: str) -> int:
    """Count what is spoken of a text in letters: a digit is a word, and so is a spelled capital."""
    letters = 0
    for word in text.split():
        spelled = word.isupper() and len(word) <= _CAPITALS_SPELLED
        for character in word:
            if character.isdigit():
                letters += _DIGIT_LETTERS
            elif character.isalpha():
                letters += _CAPITAL_LETTERS if spelled else 1
    return letters


def expected_seconds(text: str) -> float:
    """Tell how long a text lasts at the usual pace."""
    return LEAD_SECONDS + LETTER_SECONDS * letters_in(text)


@dataclass(slots=True)
class _Heard:
    voice: weakref.ref[object]
    pieces: int = 0
    log_sum: float = 0.0


class Pace:
    """Learns the pace of each voice of one model from its good pieces. Thread-safe.

    A voice is whatever object stands for it, and nothing that equals it.
    """

    def __init__(self) -> None:
        self._heard: dict[int, _Heard] = {}
        self._lock = threading.Lock()

    def learn(self, voice: object, text: str, seconds: float) -> None:
        """Take note of a good piece; the first ones of a voice are enough."""
        with self._lock:
            heard = self._of(voice)
            if heard is None:
                if len(self._heard) >= MOST_VOICES:
                    del self._heard[next(iter(self._heard))]
                heard = self._heard[id(voice)] = _Heard(weakref.ref(voice))
            if heard.pieces < PIECES_TO_LEARN and seconds > 0:
                heard.pieces += 1
                heard.log_sum += math.log(seconds / expected_seconds(text))

    def fits(self, voice: object | None, text: str, seconds: float) -> bool:
        """Tell whether a text can take so long.

        Args:
            voice: None for any voice.
        """
        ratio = seconds / expected_seconds(text)
        with self._lock:
            heard = None if voice is None else self._of(voice)
        if heard is None or heard.pieces < PIECES_TO_LEARN:
            return 1 / UNKNOWN_FACTOR <= ratio <= UNKNOWN_FACTOR
        ratio /= math.exp(heard.log_sum / heard.pieces)
        return 1 / SHORTER_FACTOR <= ratio <= LONGER_FACTOR

    def _of(self, voice: object) -> _Heard | None:
        heard = self._heard.get(id(voice))
        # Another voice may stand where one was.
        return heard if heard is not None and heard.voice() is voice else None
