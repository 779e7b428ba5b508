"""What is to be heard in each 5 ms step, as far as the latents say it: envelope and noise.

The decoder's transformer works at this rate. Being asked for both, it learns within minutes what
the waveform alone would teach it in hours.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from training.preview.latents import COMPONENTS, Basis
from training.preview.phase import CHANNELS
from training.preview.vocoder import MEL_BANDS, NOISE_BANDS, STEPS_PER_FRAME

ENVELOPE = MEL_BANDS + NOISE_BANDS
NOISES = STEPS_PER_FRAME * NOISE_BANDS


class StepTargets:
    """The envelopes of steps, from true latents [B, frames, LATENT_SIZE]."""

    def __init__(self, basis: Basis) -> None:
        back = np.linalg.pinv(basis.projection) / basis.weight
        self._back = torch.from_numpy(back).float()
        self._mean = torch.from_numpy(basis.mean).float()

    def envelope(self, latents: torch.Tensor) -> torch.Tensor:
        """[B, frames * 16, 43]: log mel bands and levels of noise, each of the size of 1."""
        patches = latents[..., :COMPONENTS] @ self._back
        mel, noise = patches[..., : STEPS_PER_FRAME * MEL_BANDS], patches[..., -NOISES:]
        rows, frames = latents.shape[:2]
        bands = [x.reshape(rows, frames * STEPS_PER_FRAME, -1) for x in (mel / 3, noise)]
        return torch.cat(bands, -1)


class StepHead(nn.Module):
    """Reads them from what the decoder's transformer gives [B, steps, width]; for training only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Linear(width - CHANNELS, ENVELOPE)

    def loss(
        self, hidden: torch.Tensor, latents: torch.Tensor, targets: StepTargets
    ) -> torch.Tensor:
        """How wrong the envelopes are, about 1 for a guess of nothing."""
        true = targets.envelope(latents)
        wrong = torch.sub(self.read(hidden[..., CHANNELS:]), true)
        return wrong.abs().mean() / true.abs().mean()
