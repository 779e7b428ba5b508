"""Stage `latents`: utterances as 12.5 Hz latents, found by principal component analysis.

A patch is what one 80 ms frame holds: 16 rows of 40 log mel bands and 16 voicing flags. A latent
is the patch in the directions that vary most, then the pitch. Test sentences take no part in it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.preview.analysis import Utterance
from training.preview.vocoder import (
    MEL_BANDS,
    MEL_CENTRES_HZ,
    STEPS_PER_FRAME,
)

COMPONENTS = 63
LATENT_SIZE = COMPONENTS + 1  # and the pitch
PITCH_UNIT_HZ = 25.0
PITCH = LATENT_SIZE - 1  # its place in a latent
MEL_FLOOR = float(np.log(1e-6))
VOICING_WEIGHT = 3.0
# Recognisers and telephones hear little above 7 kHz: errors there count for less.
HIGH_BANDS_ABOVE_HZ, HIGH_BAND_WEIGHT = 7000.0, 0.4
SUBFRAMES = 4  # phone labels per frame, 20 ms each

Matrix = NDArray[np.float32]


@dataclass
class Basis:
    """latent[:COMPONENTS] = ((patch - mean) * weight) @ projection."""

    mean: Matrix
    weight: Matrix
    projection: Matrix

    def encode(self, patches: Matrix, pitch_hz: Matrix) -> Matrix:
        """Latents [frames, LATENT_SIZE] of patches [frames, 656] and pitch [frames] in Hz."""
        components = ((patches - self.mean) * self.weight) @ self.projection
        return np.concatenate([components, pitch_hz[:, None] / PITCH_UNIT_HZ], 1).astype(np.float32)


def patches_of(utterance: Utterance) -> Matrix:
    """Patches [frames, 16 * 40 + 16] of an analysed utterance."""
    mel = np.maximum(utterance.log_mel.astype(np.float32), MEL_FLOOR)
    frames = len(mel) // STEPS_PER_FRAME
    voicing = utterance.voicing.astype(np.float32).reshape(frames, STEPS_PER_FRAME)
    flat = mel.reshape(frames, STEPS_PER_FRAME * MEL_BANDS)
    return np.concatenate([flat, voicing * VOICING_WEIGHT], 1)


def find_basis(utterances: list[Utterance]) -> Basis:
    """The directions of greatest weighted variance, partly whitened, about unit variance in all."""
    patches = np.concatenate([patches_of(utterance) for utterance in utterances])
    mean = patches.mean(0)
    bands = np.where(MEL_CENTRES_HZ > HIGH_BANDS_ABOVE_HZ, HIGH_BAND_WEIGHT, 1.0)
    weight = np.concatenate([np.tile(bands, STEPS_PER_FRAME), np.ones(STEPS_PER_FRAME)])
    weight = weight.astype(np.float32)
    centred = (patches - mean) * weight
    variance, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    variance, directions = variance[::-1][:COMPONENTS], directions[:, ::-1][:, :COMPONENTS]
    scaled = directions * variance**-0.25
    # The first 31 alone set the scale, so that a longer latent does not stretch the short one.
    scaled = scaled / np.sqrt((centred @ scaled[:, :31]).var(0).mean())
    return Basis(mean, weight, scaled.astype(np.float32))


@dataclass
class Word:
    """Letters `start` to `end` of a text, and its phones as (phone, start, end) in seconds."""

    start: int
    end: int
    phones: list[tuple[str, float, float]]


def words_with_phones(utterance: Utterance) -> list[Word] | None:
    """The words of a text with the teacher's phones; None if the teacher read other words."""
    text = utterance.text.lower()
    covered = np.zeros(len(text), bool)
    groups: list[dict[str, Any]] = []
    for segment in utterance.segments:
        if not groups or groups[-1]["item"] != segment.item:
            groups.append({"item": segment.item, "word": segment.word.lower(), "phones": []})
        groups[-1]["phones"].append((segment.phone, segment.start_seconds, segment.end_seconds))
    position = 0
    for group in groups:
        start = text.find(group["word"], position)
        if start < 0 or start - position > 4:
            return None
        position = start + len(group["word"])
        if text[position : position + 2] == "'s":
            position += 2
        group["start"], group["end"] = start, position
        covered[start:position] = True
    if any(letter.isalpha() and not covered[k] for k, letter in enumerate(text)):
        return None
    words = []
    for match in re.finditer(r"[a-z][a-z']*", text):
        inside = [g for g in groups if g["start"] >= match.start() and g["end"] <= match.end()]
        phones = [phone for group in inside for phone in group["phones"]]
        if phones:
            words.append(Word(match.start(), match.end(), phones))
    return words


def phone_labels(utterance: Utterance, frames: int, phones: list[str]) -> torch.Tensor:
    """Phone numbers [frames, SUBFRAMES], from 1; 0 is silence."""
    labels = torch.zeros(frames * SUBFRAMES, dtype=torch.long)
    for segment in utterance.segments:
        start, end = (round(s / 0.02) for s in (segment.start_seconds, segment.end_seconds))
        labels[start:end] = 1 + phones.index(segment.phone)
    return labels.view(frames, SUBFRAMES)


Pronunciations = dict[str, tuple[str, ...]]


def most_common_pronunciations(words: list[tuple[str, list[Word]]]) -> Pronunciations:
    """Each word's commonest phones, from (text, words) pairs."""
    counts: defaultdict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for text, found in words:
        for word in found:
            counts[text[word.start : word.end]][tuple(p for p, _, _ in word.phones)] += 1
    return {word: seen.most_common(1)[0][0] for word, seen in counts.items()}
