"""Hears words with Whisper.

It needs `pip install faster-whisper`, and the folder of a model in WHISPER_MODEL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib import import_module

import numpy as np

from app.audio.resample import resampled_clip
from app.speech import SPEECH_RATE_HZ, Pcm

WHISPER_RATE_HZ = 16_000
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Recogniser:
    """Writes down what it hears."""

    def __init__(self) -> None:
        whisper = import_module("faster_whisper")  # optional
        self._model = whisper.WhisperModel(
            os.environ["WHISPER_MODEL"], device="cpu", compute_type="int8"
        )

    def words(self, pcm: Pcm, *, silence_seconds: float = 0.0) -> list[str]:
        """Return the words of English speech.

        Args:
            silence_seconds: so much is put before and after it, without which single words are
                not heard.
        """
        heard = np.concatenate(list(resampled_clip([pcm], SPEECH_RATE_HZ, WHISPER_RATE_HZ)))
        heard = np.pad(heard, round(silence_seconds * WHISPER_RATE_HZ))
        segments, _ = self._model.transcribe(
            heard, language="en", beam_size=1, condition_on_previous_text=False
        )
        return words_of(" ".join(each.text for each in segments))


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared."""
    words = re.findall(r"[a-z']+|[0-9]", text.lower())
    return [_DIGITS[int(word)] if word.isdigit() else word for word in words]


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Count the words to change, to put in and to leave out (Levenshtein)."""
    if "".join(said) == "".join(heard):
        return 0
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said, 1):
        before, row[0] = row[0], index
        for place, other in enumerate(heard, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (word != other)),
            )
    return row[-1]
