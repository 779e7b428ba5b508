"""Notices a stuck tone while it sounds: a spectrum that hardly changes for a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.speech import NO_PCM, SPEECH_RATE_HZ, Pcm

STUCK_SECONDS = 1.0

_HOP_SAMPLES = SPEECH_RATE_HZ // 50
_WINDOW_SAMPLES = 2 * _HOP_SAMPLES
_WINDOW = np.hanning(_WINDOW_SAMPLES).astype(np.float32)
_FRAMES = round(STUCK_SECONDS * SPEECH_RATE_HZ / _HOP_SAMPLES)
_AUDIBLE_MAGNITUDE = 0.1


class Flux:
    """Follows how much the spectrum of a sound changes from 20 ms to 20 ms.

    That is the distance of two spectra of unit length; silence does not count.

    Attributes:
        least: the mean of that over the second where it was least; infinite before there was one.
    """

    def __init__(self) -> None:
        self.least = float("inf")
        self._rest = NO_PCM
        self._units: NDArray[np.float32] = np.zeros((0, _WINDOW_SAMPLES // 2 + 1), np.float32)
        self._lengths: NDArray[np.float32] = np.zeros(0, np.float32)
        self._recent: NDArray[np.float32] = np.zeros(0, np.float32)

    def feed(self, pcm: Pcm) -> None:
        """Take more of the sound, shape [samples]."""
        pcm = np.concatenate([self._rest, pcm])
        count = max(0, (len(pcm) - _WINDOW_SAMPLES) // _HOP_SAMPLES + 1)
        self._rest = pcm[count * _HOP_SAMPLES :]
        if not count:
            return
        windows = np.lib.stride_tricks.sliding_window_view(pcm, _WINDOW_SAMPLES)[::_HOP_SAMPLES]
        magnitudes = np.abs(np.fft.rfft(windows * _WINDOW, axis=1))
        lengths = np.linalg.norm(magnitudes, axis=1)
        units = np.concatenate([self._units, magnitudes / np.maximum(lengths, 1e-6)[:, None]])
        lengths = np.concatenate([self._lengths, lengths])
        flux = np.linalg.norm(np.diff(units, axis=0), axis=1)
        # What is not heard moves as noise does.
        flux[np.maximum(lengths[1:], lengths[:-1]) < _AUDIBLE_MAGNITUDE] = 1.0
        self._units, self._lengths = units[-1:], lengths[-1:]
        recent = np.concatenate([self._recent, flux])
        if len(recent) >= _FRAMES:
            sums = np.cumsum(np.concatenate(([0.0], recent)))
            least = (sums[_FRAMES:] - sums[:-_FRAMES]).min() / _FRAMES
            self.least = min(self.least, float(least))
        self._recent = recent[1 - _FRAMES :]
