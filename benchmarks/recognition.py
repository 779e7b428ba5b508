"""Words that a recogniser hears in speech, and how many of them are wrong.

pocketsphinx is small, old and needs no network. It mishears every fifth word of clear synthetic
speech, so figures are only to be compared with each other.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

RATE_HZ = 16_000
_LEVEL = 0.6
_SILENCE_SECONDS = 0.2
# The recogniser was trained on recordings; digital silence is nothing it has heard.
_ROOM_NOISE = 1e-3


def words_in(text: str) -> list[str]:
    """The words of a text or a transcript, in lower case, without marks."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def heard_words(pcm: NDArray[np.floating[Any]], sample_rate_hz: int) -> list[str]:
    """What is heard in `pcm` (`[samples]`). Blocks for about a tenth of its duration."""
    divisor = np.gcd(sample_rate_hz, RATE_HZ)
    wave = resample_poly(np.asarray(pcm, np.float64), RATE_HZ // divisor, sample_rate_hz // divisor)
    silence = np.zeros(round(_SILENCE_SECONDS * RATE_HZ))
    wave = np.concatenate([silence, wave / max(np.abs(wave).max(), 1e-9) * _LEVEL, silence])
    wave += np.random.default_rng(0).standard_normal(len(wave)) * _ROOM_NOISE
    decoder = _decoder()
    decoder.start_utt()
    decoder.process_raw((np.clip(wave, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return words_in(hypothesis.hypstr) if hypothesis else []


def word_errors(said: list[str], heard: list[str]) -> int:
    """Words to insert, delete or replace to get from one to the other (Levenshtein)."""
    distances = list(range(len(heard) + 1))
    for row, word in enumerate(said, 1):
        above_left, distances[0] = distances[0], row
        for column, other in enumerate(heard, 1):
            above_left, distances[column] = (
                distances[column],
                min(distances[column] + 1, distances[column - 1] + 1, above_left + (word != other)),
            )
    return distances[-1]


@cache
def _decoder() -> Any:
    from pocketsphinx import Decoder  # noqa: PLC0415 - only who recognises needs it

    return Decoder(samprate=RATE_HZ, loglevel="FATAL")
