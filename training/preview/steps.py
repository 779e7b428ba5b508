"""What is to be heard in each 5 ms step, as far as the latents say it: envelope, noise and phase.

The decoder's transformer works at this rate. Being asked for all this, it learns within minutes
what the waveform alone would teach it in hours, most of all where the pulses are.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from training.preview.latents import COMPONENTS, PITCH, PULSES_ABOVE, Basis
from training.preview.vocoder import MEL_BANDS, MOST_PULSES, NOISE_BANDS, STEPS_PER_FRAME

HARMONICS = 6
ENVELOPE = MEL_BANDS + NOISE_BANDS
NOISES = STEPS_PER_FRAME * NOISE_BANDS
WEIGHTS = {"envelope": 1.0, "phase": 2.0}


def phases(pitch: torch.Tensor) -> torch.Tensor:
    """Phase in pulses at the beginning of each step [..., frames * 16], from pitch numbers.

    The same curve as `vocoder.glide` has, but in pulses a frame.
    """
    mean, rise, above = pitch.unbind(-1)
    pulses = (mean + PULSES_ABOVE).round().clamp(1, MOST_PULSES)
    middle = mean + PULSES_ABOVE + above
    start, end = (middle - rise / 2)[..., None], (middle + rise / 2)[..., None]
    knot = 2 * pulses[..., None] - middle[..., None]
    time = torch.arange(STEPS_PER_FRAME) / STEPS_PER_FRAME
    rising, falling = (2 * time).clamp(max=1), (2 * time - 1).clamp(min=0)
    phase = (
        start * time
        + (knot - start) * (rising**2 / 4 + falling / 2)
        + (end - knot) * falling**2 / 4
    )
    return phase.flatten(-2)


class StepTargets:
    """The envelope and the phase of steps, from true latents [B, frames, LATENT_SIZE]."""

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

    @staticmethod
    def phase(latents: torch.Tensor) -> torch.Tensor:
        """[B, frames * 16, 12]: cosine and sine of the first harmonics."""
        harmonics = torch.arange(1, HARMONICS + 1)
        angle = 2 * torch.pi * phases(latents[..., PITCH])[..., None] * harmonics
        return torch.cat([angle.cos(), angle.sin()], -1)


class StepHead(nn.Module):
    """Reads both from what the decoder's transformer gives [B, steps, width]; for training only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Linear(width, ENVELOPE + 2 * HARMONICS)

    def losses(
        self, hidden: torch.Tensor, latents: torch.Tensor, targets: StepTargets
    ) -> dict[str, torch.Tensor]:
        read = self.read(hidden).float()
        envelope, phase = read[..., :ENVELOPE], read[..., ENVELOPE:]
        true = targets.envelope(latents)
        return {
            "envelope": (envelope - true).abs().mean() / true.abs().mean(),
            "phase": functional.mse_loss(phase, targets.phase(latents)) * 2,
        }
