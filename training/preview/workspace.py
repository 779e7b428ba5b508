"""Where the stages leave their work for one another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from training.preview.symbols import write_tokenizer


@dataclass(frozen=True)
class Workspace:
    """One folder, 8 GB when all stages have run."""

    folder: Path

    @property
    def sentences(self) -> Path:
        return self.folder / "sentences.json"

    @property
    def styles(self) -> Path:
        """The folder of the teacher's voices."""
        return self.folder / "styles"

    @property
    def teacher(self) -> Path:
        """The folder of what the teacher says."""
        return self.folder / "teacher"

    def spoken(self, index: int, speaker: str) -> Path:
        """Training sentence `index` as the teacher says it in a speaker's voice."""
        return self.teacher / f"{index}-{speaker}.npz"

    @property
    def utterances(self) -> Path:
        return self.folder / "utterances.pkl"

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus.pt"

    @property
    def basis(self) -> Path:
        """What the latents mean: found once, or carried over."""
        return self.folder / "latent_basis.safetensors"

    @property
    def lexicon(self) -> Path:
        return self.folder / "lexicon.json"

    @property
    def chosen_prompts(self) -> Path:
        """The text of the sentence that each shipped voice is prompted with, if that was chosen."""
        return self.folder / "chosen_prompts.json"

    @property
    def predicted(self) -> Path:
        """Latents as the language model would say the training sentences."""
        return self.folder / "predicted.pt"

    def checkpoint(self, part: str) -> Path:
        """Weights of `decoder`, `language_model` or `encoder`, and their averages."""
        return self.folder / f"{part}.pt"

    @property
    def model(self) -> Path:
        """The folder of the exported model."""
        return self.folder / "model"

    def sentences_of(self, share: str) -> list[str]:
        """`train`, `test`, `development`, `wider_test`, `everyday` or `long`."""
        shares: dict[str, list[str]] = json.loads(self.sentences.read_text("utf-8"))
        return shares[share]

    def training_sentences(self) -> list[str]:
        return self.sentences_of("train")

    def tokenizer(self) -> Path:
        """A tokenizer that only spells, written when first asked for: trainings need no words."""
        path = self.folder / "letters.json"
        if not path.exists():
            write_tokenizer(path, {})
        return path
