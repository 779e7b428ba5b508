"""Stage `latents`: utterances as 12.5 Hz latents, found by principal component analysis.

A patch is what one 80 ms frame holds: 16 rows of 40 log mel bands and 3 levels of noise. A latent
is the patch in the directions that vary most, then three numbers of pitch, and a 1. The 1 is what
layers without a bias need: it tells the decoder where in the frame it is, and carries the mean of
what a prompt's latents are compared with. Test sentences take no part in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from training.preview.analysis import Utterance
from training.preview.endings import Phones
from training.preview.pronunciations import Pronunciations
from training.preview.symbols import PHONES
from training.preview.teacher import Word
from training.preview.vocoder import (
    FRAME_SECONDS,
    MEL_BANDS,
    MEL_CENTRES_HZ,
    NOISE_BANDS,
    STEPS_PER_FRAME,
    Pitch,
)

COMPONENTS = 92
# Mean pitch of a frame, how far it rises from start to end, and how far both are above the mean
PITCH = slice(COMPONENTS, COMPONENTS + 3)
CONSTANT = COMPONENTS + 3
LATENT_SIZE = COMPONENTS + 4
PULSES_ABOVE = 16  # pitch is in pulses a frame, the mean above so many
MEL_FLOOR = float(np.log(1e-8))  # 1e-6 is heard: what is quieter becomes a hiss
NOISE_WEIGHT = 0.2  # of a dB, where a nat of a mel band has 1
# Recognisers and telephones hear little above 7 kHz: errors there count for less.
HIGH_BANDS_ABOVE_HZ, HIGH_BAND_WEIGHT = 7000.0, 0.4
SUBFRAMES = 4  # phone labels per frame, 20 ms each

Matrix = NDArray[np.float32]


def pitch_numbers(pitch: Pitch) -> Matrix:
    """The numbers of pitch [frames, 3] in pulses a frame."""
    mean, start, end = (
        hertz * FRAME_SECONDS for hertz in (pitch.mean_hz, pitch.start_hz, pitch.end_hz)
    )
    numbers = [mean - PULSES_ABOVE, end - start, (start + end) / 2 - mean]
    return np.stack(numbers, 1).astype(np.float32)


@dataclass
class Basis:
    """latent[:COMPONENTS] = ((patch - mean) * weight) @ projection."""

    mean: Matrix
    weight: Matrix
    projection: Matrix

    @classmethod
    def load(cls, path: Path) -> Self:
        stored = load_file(path)
        return cls(**{name: value.astype(np.float32) for name, value in stored.items()})

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_bytes(save({name: np.ascontiguousarray(x) for name, x in vars(self).items()}))
        part.replace(path)

    def encode(self, patches: Matrix, pitch: Pitch) -> Matrix:
        """Latents [frames, LATENT_SIZE] of patches [frames, 688] and their pitch."""
        components = ((patches - self.mean) * self.weight) @ self.projection
        ones = np.ones((len(patches), 1))
        return np.concatenate([components, pitch_numbers(pitch), ones], 1).astype(np.float32)


def patches_of(utterance: Utterance) -> Matrix:
    """Patches [frames, 16 * 40 + 16 * 3] of an analysed utterance."""
    mel = np.maximum(utterance.log_mel.astype(np.float32), MEL_FLOOR)
    frames = len(mel) // STEPS_PER_FRAME
    noise = utterance.noise_db.astype(np.float32).reshape(frames, -1)
    flat = mel.reshape(frames, STEPS_PER_FRAME * MEL_BANDS)
    return np.concatenate([flat, noise * NOISE_WEIGHT], 1)


def find_basis(utterances: list[Utterance]) -> Basis:
    """The directions of greatest weighted variance, partly whitened, about unit variance in all."""
    patches = np.concatenate([patches_of(utterance) for utterance in utterances])
    mean = patches.mean(0)
    bands = np.where(MEL_CENTRES_HZ > HIGH_BANDS_ABOVE_HZ, HIGH_BAND_WEIGHT, 1.0)
    weight = np.concatenate(
        [np.tile(bands, STEPS_PER_FRAME), np.ones(STEPS_PER_FRAME * NOISE_BANDS)]
    )
    weight = weight.astype(np.float32)
    centred = (patches - mean) * weight
    variance, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    variance, directions = variance[::-1][:COMPONENTS], directions[:, ::-1][:, :COMPONENTS]
    scaled = directions * variance**-0.25
    # The first 31 alone set the scale, so that a longer latent does not stretch the short one.
    scaled = scaled / np.sqrt((centred @ scaled[:, :31]).var(0).mean())
    return Basis(mean, weight, scaled.astype(np.float32))


def phone_labels(words: list[Word], frames: int) -> torch.Tensor:
    """Phone numbers [frames, SUBFRAMES], from 1; 0 is silence."""
    labels = torch.zeros(frames * SUBFRAMES, dtype=torch.long)
    for word in words:
        for phone, *times in word.phones:
            start, end = (round(seconds * SUBFRAMES / FRAME_SECONDS) for seconds in times)
            labels[start:end] = 1 + PHONES.index(phone)
    return labels.view(frames, SUBFRAMES)


def most_common_pronunciations(words: list[tuple[str, list[Word]]]) -> Pronunciations:
    """Each word's commonest phones, from (text, words) pairs."""
    counts: defaultdict[str, Counter[Phones]] = defaultdict(Counter)
    for text, found in words:
        for word in found:
            counts[text[word.start : word.end]][tuple(p for p, _, _ in word.phones)] += 1
    return {word: seen.most_common(1)[0][0] for word, seen in counts.items()}
