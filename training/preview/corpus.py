"""What the three trainings read: all utterances as latents, text with phone times, and audio."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from training.preview.analysis import Utterance
from training.preview.latents import (
    Basis,
    find_basis,
    most_common_pronunciations,
    patches_of,
    phone_labels,
)
from training.preview.pronunciations import Pronunciations
from training.preview.teacher import Word
from training.preview.workspace import Workspace

BASIS_UTTERANCES = 1000


@dataclass
class Spoken:
    """An utterance to learn; `latents` [frames, 96], `labels` [frames, 4], `audio` int16."""

    index: int
    text: str
    voice: str
    words: list[Word]
    latents: torch.Tensor
    labels: torch.Tensor
    speech_frames: int
    audio: torch.Tensor

    @property
    def key(self) -> tuple[int, str]:
        return self.index, self.voice


@dataclass
class Corpus:
    utterances: list[Spoken]
    pronunciations: Pronunciations
    basis: Basis

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        torch.save(self, part)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        loaded = torch.load(path, weights_only=False, mmap=True)
        assert isinstance(loaded, cls)
        return loaded

    def all_latents(self) -> torch.Tensor:
        return torch.cat([utterance.latents for utterance in self.utterances])


def build_corpus(utterances: list[Utterance], basis: Basis | None = None) -> Corpus:
    """The corpus of analysed training utterances; without a basis, one is found."""
    basis = basis or find_basis(utterances[:BASIS_UTTERANCES])
    spoken = []
    for utterance in utterances:
        latents = basis.encode(patches_of(utterance), utterance.pitch)
        spoken.append(
            Spoken(
                index=utterance.index,
                text=utterance.text.lower(),
                voice=utterance.voice,
                words=utterance.words,
                latents=torch.from_numpy(latents),
                labels=phone_labels(utterance.words, len(latents)),
                speech_frames=utterance.speech_frames,
                audio=torch.from_numpy(utterance.audio),
            )
        )
    pronunciations = most_common_pronunciations([(u.text, u.words) for u in spoken])
    return Corpus(spoken, pronunciations, basis)


def run(workspace: Workspace) -> None:
    """A basis that is there already is kept, so that models fit whatever is said later."""
    with workspace.utterances.open("rb") as file:
        utterances = pickle.load(file)
    known = Basis.load(workspace.basis) if workspace.basis.exists() else None
    corpus = build_corpus(utterances, known)
    if known is None:
        corpus.basis.save(workspace.basis)
    corpus.save(workspace.corpus)
    hours = len(corpus.all_latents()) * 0.08 / 3600
    print(f"{len(corpus.utterances)} utterances, {hours:.1f} hours")
