"""How far audio is from the audio it should be: samples, spectra, and what a recogniser hears."""

from __future__ import annotations

import numpy as np
import torch

from training.preview.vocoder import SAMPLE_RATE_HZ, mel

WINDOWS = (1024, 512, 240)
LEVEL_FLOOR = 0.02
HEARD_WINDOW, HEARD_HOP, HEARD_FFT = 600, 240, 1024  # 25 ms every 10 ms
HEARD_BANDS, HEARD_LOW_HZ, HEARD_HIGH_HZ = 32, 100.0, 7000.0


def _heard_filters() -> torch.Tensor:
    low, high = (float(mel(np.array(hz))) for hz in (HEARD_LOW_HZ, HEARD_HIGH_HZ))
    edges = np.linspace(low, high, HEARD_BANDS + 2)
    bins = mel(np.arange(HEARD_FFT // 2 + 1) * SAMPLE_RATE_HZ / HEARD_FFT)
    below, centre, above = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    filters = np.minimum((bins - below) / (centre - below), (above - bins) / (above - centre))
    filters = np.clip(filters, 0, None)
    for row in np.flatnonzero(filters.sum(1) == 0):
        filters[row, np.argmin(np.abs(bins - centre[row]))] = 1
    return torch.from_numpy(filters / filters.sum(1, keepdims=True)).float()


class AudioLoss:
    """Losses of spoken audio [B, samples] against the true audio, each about 1 for silence."""

    def __init__(self) -> None:
        self._windows = {size: torch.hann_window(size) for size in (*WINDOWS, HEARD_WINDOW)}
        self._filters = _heard_filters()

    def __call__(self, spoken: torch.Tensor, true: torch.Tensor) -> dict[str, torch.Tensor]:
        difference = spoken - true
        return {
            "samples": difference.abs().mean() / true.abs().mean().clamp(min=1e-4),
            "power": (difference**2).mean() / (true**2).mean(),
            "spectra": torch.stack([self._spectra(spoken, true, n) for n in WINDOWS]).mean(),
            "heard": (self._heard(spoken) - self._heard(true)).abs().mean(),
        }

    def _magnitudes(self, audio: torch.Tensor, fft: int, hop: int, window: int) -> torch.Tensor:
        spectrum = torch.stft(
            audio, fft, hop, window, self._windows[window], center=False, return_complex=True
        )
        return torch.abs(spectrum)

    def _spectra(self, spoken: torch.Tensor, true: torch.Tensor, window: int) -> torch.Tensor:
        floor = LEVEL_FLOOR * 0.02 * window**0.5
        ours = self._magnitudes(spoken, window, window // 4, window)
        theirs = self._magnitudes(true, window, window // 4, window)
        logs = (torch.log(ours + floor) - torch.log(theirs + floor)).abs().mean()
        distance = torch.linalg.vector_norm(ours - theirs) / torch.linalg.vector_norm(theirs)
        return torch.add(logs, distance)

    def _heard(self, audio: torch.Tensor) -> torch.Tensor:
        magnitudes = self._magnitudes(audio, HEARD_FFT, HEARD_HOP, HEARD_WINDOW)
        return torch.log(self._filters @ magnitudes + LEVEL_FLOOR)
