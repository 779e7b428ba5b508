"""Listens to what a server sent, by decoding it with FFmpeg."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.audio.formats import format_named
from app.speech import Pcm
from tests.audio.probe import Probed, probe, run_ffmpeg

_HEADERLESS = ("-f", "s16le", "-ar", "24000", "-ac", "1")


def listen(ffmpeg: Path, folder: Path, data: bytes, name: str) -> Probed:
    """Decode the body of an answer in the format `name`."""
    path = folder / f"heard{format_named(name).extension}"
    path.write_bytes(data)
    return probe(ffmpeg, path, *(_HEADERLESS if name == "pcm" else ()))


def assert_speech(heard: Probed, name: str, seconds: float) -> None:
    """Check that speech is mono at the model's rate, as long as it should be, and audible."""
    assert heard.sample_rate_hz == (48000 if name == "opus" else 24000)
    assert heard.channels == 1
    assert abs(len(heard.pcm) / heard.sample_rate_hz - seconds) < 0.15
    assert np.sqrt(np.mean(heard.pcm**2)) > 0.01


def transcode(ffmpeg: Path, folder: Path, wav: bytes, extension: str) -> bytes:
    """Convert a recording to another container."""
    source, target = folder / "source.wav", folder / f"target.{extension}"
    source.write_bytes(wav)
    run_ffmpeg(ffmpeg, "-i", str(source), str(target))
    return target.read_bytes()


def silence(seconds: float) -> Pcm:
    """Make silence at the rate of speech."""
    return np.zeros(round(24000 * seconds), np.float32)
