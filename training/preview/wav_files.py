"""Mono 16-bit WAV files as float arrays."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


def read_wav(source: Path | BinaryIO) -> tuple[NDArray[np.float64], int]:
    """Samples from -1 to 1, and the sample rate in Hz. ValueError if not mono 16-bit."""
    with wave.open(str(source) if isinstance(source, Path) else source, "rb") as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise ValueError(f"{source} is not mono 16-bit")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples.astype(np.float64) / 32768, file.getframerate()


def write_wav(path: Path, samples: NDArray[np.floating], sample_rate_hz: int) -> None:
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes(pcm.tobytes())
