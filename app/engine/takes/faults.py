"""Judges the sound of one piece of speech: one function for each fault, numpy in and words out.

Good speech, where a threshold says how it was measured, is 510 pieces (340 sentences and 170 pairs
of them) in the preview voice with three seeds each, 1,530 pieces.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.speech import SPEECH_RATE_HZ, Pcm

Fault: TypeAlias = Literal[
    "not finite", "no end", "duration", "silence", "clipping", "stuck", "words left out"
]
FAULTS: tuple[Fault, ...] = (
    "not finite",
    "no end",
    "duration",
    "silence",
    "clipping",
    "stuck",
    "words left out",
)

SILENT_DBFS = -60.0
"""A piece that is nowhere louder says nothing. The softest good piece had -18.7 dB in its loudest
twentieth."""
QUIET_BELOW_LOUD_DB = 30.0
"""What is so far below the loudest twentieth of a piece is silence in it."""
LONGEST_SILENCE_SECONDS = 1.0
"""The longest silence of good pieces was 0.15 s before the speech, 0.28 s inside it and 0.49 s
after it; a script's own pauses are not the model's to make."""
CLIPPED_LEVEL = 0.999
CLIPPED_SHARE = 0.002
"""No good piece had one sample at the limit; the highest peak was 0.89. A voice prompt that is loud
may bring a few."""
LEAST_FLUX = 0.12
"""Over no second of a good piece was the mean flux below 0.18; the median of the lowest is 0.38. Of
tones and buzzes of 1.5 s with some noise none had more than 0.082."""
LEAST_LOOK = 0.3
"""So much of the attention is on the last two words at one frame at least. Of good pieces 0.07 %
stay below; of those cut at half of their length 81 %."""
LEAST_WORDS_LOOKED_AT = 3
"""With fewer words the last two are all of them."""

_STEP_SAMPLES = SPEECH_RATE_HZ // 100
_SILENT_POWER = 10 ** (SILENT_DBFS / 10)


def is_finite(pcm: Pcm) -> bool:
    """Tell whether all samples are numbers."""
    return bool(np.isfinite(pcm).all())


def longest_silence_seconds(pcm: Pcm, *, at_end: bool = True) -> float:
    """Return how long the longest silence of a piece lasts; all of it if it is nowhere loud.

    Args:
        at_end: whether silence after the speech counts.
    """
    steps = len(pcm) // _STEP_SAMPLES
    if not steps:
        return len(pcm) / SPEECH_RATE_HZ
    power = np.square(pcm[: steps * _STEP_SAMPLES]).reshape(steps, -1).mean(1)
    loud = float(np.quantile(power, 0.95, method="lower"))
    if loud < _SILENT_POWER:
        return len(pcm) / SPEECH_RATE_HZ
    sounding = np.flatnonzero(power >= loud * 10 ** (-QUIET_BELOW_LOUD_DB / 10))
    ends = [steps] if at_end else []
    gaps = np.diff(np.concatenate(([-1], sounding, ends))) - 1
    return float(gaps.max()) * _STEP_SAMPLES / SPEECH_RATE_HZ


def is_silent(pcm: Pcm) -> bool:
    """Tell whether a piece is nothing but silence."""
    return len(pcm) == 0 or float(np.abs(pcm).max()) ** 2 < _SILENT_POWER


def clipped_share(pcm: Pcm) -> float:
    """Return which part of the samples is at the limit of what can be written."""
    return float(np.mean(np.abs(pcm) >= CLIPPED_LEVEL)) if len(pcm) else 0.0


def look_at_last(mass: NDArray[np.float32]) -> float:
    """Return how much of the attention was on the last two words, at the frame where most was.

    Args:
        mass: how much each frame looks at each word, `[frames, words]`.
    """
    return float(mass[:, -2:].sum(1).max()) if len(mass) else 0.0


def fault_of_sound(pcm: Pcm, least_flux: float, *, own_end: bool = True) -> Fault | None:
    """Name the first fault that can be heard without knowing what was to be said.

    Args:
        least_flux: as `Flux` has it.
        own_end: whether the piece ends where the model says so; a caller may have it last longer.
    """
    if not is_finite(pcm):
        return "not finite"
    if is_silent(pcm) or longest_silence_seconds(pcm, at_end=own_end) > LONGEST_SILENCE_SECONDS:
        return "silence"
    if clipped_share(pcm) > CLIPPED_SHARE:
        return "clipping"
    return "stuck" if least_flux < LEAST_FLUX else None
