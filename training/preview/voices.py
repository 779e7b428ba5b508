"""Who speaks: the teacher's voices, mixtures of them, and what is made of both by warping.

A longer vocal tract has all its resonances lower by one factor, and goes with a lower pitch. The
four shipped voices say most of the sentences; many others, each of whom says two, teach the model
that a prompt may be anybody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.preview.vocoder import BINS


@dataclass(frozen=True)
class Speaker:
    """A mixture of the teacher's voices; `tract` and `pitch` are ratios to it of a warped voice."""

    name: str
    shares: tuple[tuple[str, float], ...]
    speed: float = 1.0
    tract: float = 1.0
    pitch: float = 1.0

    def warped(self, log_power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log power envelopes [steps, BINS] with this speaker's vocal tract."""
        return log_power if self.tract == 1 else np.asarray(log_power @ _stretch(self.tract))


# Slower than Kokoro's own pace: all its voices are better understood so.
PACE = 0.85
HEART, SARAH, ADAM, ERIC = (
    Speaker(name, ((f"{kind}_{name}", 1.0),), PACE)
    for name, kind in {"heart": "af", "sarah": "af", "adam": "am", "eric": "am"}.items()
)
# The first of each sex stands in for the released voices: the clearest.
SHIPPED = {SARAH: "female", ADAM: "male", HEART: "female", ERIC: "male"}
# Of eight sentences in a row four are the shipped voices', and each of two others says two.
_TURNS = (HEART, None, ADAM, None, SARAH, None, ERIC, None)
_SENTENCES_PER_OTHER_TURN = 4
WOMEN = (
    "af_alloy af_aoede af_bella af_jessica af_kore af_nova af_river af_sky bf_alice bf_emma "
    "bf_isabella bf_lily"
).split()
MEN = (
    "am_echo am_fenrir am_liam am_michael am_onyx am_puck bm_daniel bm_fable bm_george bm_lewis"
).split()
WARPS = 300  # of each shipped voice


def speaker_of(index: int) -> Speaker:
    """Who of the teacher's says sentence `index`."""
    return _TURNS[index % len(_TURNS)] or other(index // _SENTENCES_PER_OTHER_TURN)


def other(number: int) -> Speaker:
    """A mixture of two voices of one sex, made by chance out of its number."""
    chance = random.Random(number)
    voices = chance.sample(chance.choice((WOMEN, MEN)), 2)
    share = round(chance.random(), 2)
    speed = round(chance.uniform(0.8, 1.0), 2)
    return Speaker(f"other-{number}", ((voices[0], share), (voices[1], 1 - share)), speed)


def warped(speaker: Speaker, index: int) -> list[Speaker]:
    """Who else says sentence `index`: the speaker, warped."""
    # Two sentences in a row each, of which one is the prompt of the other
    number = index // (2 * len(_TURNS)) % WARPS if speaker in SHIPPED else 0
    chance = random.Random(f"{speaker.name} {number}")
    is_man = speaker.shares[0][0][1] == "m"
    tract = chance.uniform(0.85, 1.08) if is_man else chance.uniform(0.92, 1.18)
    # A longer vocal tract goes with a lower voice, more or less.
    pitch = tract**-3 * chance.uniform(0.8, 1.25)
    name = f"{speaker.name}-warped-{number}"
    return [replace(speaker, name=name, tract=round(tract, 3), pitch=round(pitch, 3))]


def _stretch(factor: float) -> NDArray[np.float64]:
    """[BINS, BINS]: spectra @ it have at f what they had at f * factor, interpolated."""
    last = BINS - 1
    source = np.minimum(np.arange(BINS) * factor, last)
    lower = np.minimum(source.astype(np.int64), last - 1)
    share = source - lower
    matrix = np.zeros((BINS, BINS))
    matrix[lower, np.arange(BINS)] = 1 - share
    matrix[lower + 1, np.arange(BINS)] += share
    return matrix
