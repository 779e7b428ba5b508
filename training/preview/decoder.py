"""Stage `decoder`: latents to audio, by regression on the phase-locked vocoder's waveform.

Once the language model's predicted latents are there (stage `predict`), they are most of the diet.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import torch

from training.preview.architecture import new_codec
from training.preview.corpus import Corpus, Spoken
from training.preview.encoder import excerpt
from training.preview.latents import PITCH
from training.preview.spectral_loss import AudioLoss
from training.preview.training_loop import Schedule, Trainer
from training.preview.vocoder import FRAME
from training.preview.workspace import Workspace

BATCH = 12
FRAMES = 12
WARM_UP_FRAMES = 2  # no loss where the decoder has too little past
SEED = 0
PREDICTED_SHARE = 0.6
LOSS_WEIGHTS = {"samples": 0.5, "power": 1.0, "spectra": 1.0, "heard": 1.0}


@dataclass
class Diet:
    """Excerpts with noise in the latents; pitch may be anything that rounds to the right pulses."""

    utterances: list[Spoken]
    deviation: torch.Tensor
    predicted: dict[tuple[int, str], torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._predictable = [u for u in self.utterances if u.key in self.predicted]

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents [BATCH, FRAMES, 64] and audio [BATCH, FRAMES * 1920]."""
        pairs = [self._excerpt() for _ in range(BATCH)]
        return torch.stack([a for a, _ in pairs]), torch.stack([b for _, b in pairs])

    def _excerpt(self) -> tuple[torch.Tensor, torch.Tensor]:
        predicted = bool(self._predictable) and random.random() < PREDICTED_SHARE
        spoken = random.choice(self._predictable if predicted else self.utterances)
        start = random.randint(0, max(0, len(spoken.latents) - FRAMES))
        latents, audio = excerpt(spoken, start, FRAMES)
        if predicted:
            guess = self.predicted[spoken.key][start : start + FRAMES]
            latents = torch.cat([guess, guess[-1:].expand(FRAMES - len(guess), -1)])
        level = random.random() * 0.25 * (0.3 if predicted else 1.0)
        noisy = latents + torch.randn_like(latents) * self.deviation * level
        noisy[:, PITCH] = latents[:, PITCH]
        if random.random() < 0.5:
            noisy[:, PITCH] = torch.round(latents[:, PITCH]) + (torch.rand(FRAMES) - 0.5) * 0.9
        return noisy, audio


def run(workspace: Workspace, *, minutes: float, continue_from: Path | None = None) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    corpus = Corpus.load(workspace.corpus)
    codec = new_codec(str(workspace.tokenizer()))
    trainer = Trainer(
        codec,
        [codec.quantizer, codec.upsample, codec.decoder_transformer, codec.decoder],
        workspace.checkpoint("decoder"),
        Schedule(1e-3 if continue_from else 2e-3, minutes),
        betas=(0.8, 0.98),
        clip=2.0,
        continue_from=continue_from,
    )
    deviation = corpus.all_latents().std(0).clamp(max=1.0) * 0.8
    predicted = {}
    if workspace.predicted.exists():
        predicted = torch.load(workspace.predicted)
    diet, loss_of = Diet(corpus.utterances, deviation, predicted), AudioLoss()
    for _ in trainer.going_on():
        latents, audio = diet.batch()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            spoken = codec.decode_from_latent(latents, None)[:, 0].float()
        start = WARM_UP_FRAMES * FRAME
        losses = loss_of(spoken[:, start:], audio[:, start:])
        loss = torch.stack([LOSS_WEIGHTS[name] * value for name, value in losses.items()]).sum()
        trainer.step(loss, losses)
