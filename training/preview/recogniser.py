"""How well a machine understands speech: pocketsphinx and word error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

RECOGNISER_HZ = 16000
LEVEL, NOISE_LEVEL = 0.6, 1e-3


class Recogniser:
    """pocketsphinx with its own US English model; ImportError if it is not installed."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=RECOGNISER_HZ, loglevel="FATAL")

    def words(self, samples: NDArray[np.floating], sample_rate_hz: int) -> str:
        """What was heard in mono `samples`, brought to one level in faint fixed noise."""
        common = gcd(sample_rate_hz, RECOGNISER_HZ)
        mono = np.asarray(samples, np.float64)
        mono = resample_poly(mono, RECOGNISER_HZ // common, sample_rate_hz // common)
        mono = np.pad(mono / (np.abs(mono).max() + 1e-9) * LEVEL, 3200)
        mono = mono + np.random.RandomState(0).randn(len(mono)) * NOISE_LEVEL
        pcm = np.clip(mono * 32767, -32767, 32767).astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), full_utt=True)
        self._decoder.end_utt()
        heard = self._decoder.hyp()
        return str(heard.hypstr) if heard else ""


@dataclass
class WordError:
    """Edits against words, over any number of sentences."""

    edits: int = 0
    words: int = 0

    def count(self, said: str, heard: str) -> None:
        reference, hypothesis = words_of(said), words_of(heard)
        self.edits += edit_distance(reference, hypothesis)
        self.words += len(reference)

    @property
    def percent(self) -> float:
        return 100 * self.edits / max(1, self.words)

    @property
    def standard_error(self) -> float:
        """Of `percent`, as if each word were an independent trial."""
        share = min(1.0, self.edits / max(1, self.words))
        return float(100 * (share * (1 - share) / max(1, self.words)) ** 0.5)

    def __str__(self) -> str:
        return f"{self.percent:5.1f} % ± {self.standard_error:.1f} of {self.words} words"


def words_of(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def edit_distance(reference: list[str], hypothesis: list[str]) -> int:
    """Insertions, deletions and substitutions between two lists of words."""
    row = list(range(len(hypothesis) + 1))
    for i, said in enumerate(reference, 1):
        above, row = row, [i]
        for j, heard in enumerate(hypothesis, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (said != heard)))
    return row[-1]
