"""Listens to what a server sent, by decoding it with FFmpeg."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.audio.formats import format_named
from app.speech import Pcm
from tests.audio.probe import Probed, decoded_rate_hz, how_to_read, probe, run_ffmpeg


def listen(ffmpeg: Path, folder: Path, data: bytes, name: str) -> Probed:
    """Decode the body of an answer in the format `name`."""
    audio = format_named(name)
    path = folder / f"heard{audio.extension}"
    path.write_bytes(data)
    return probe(ffmpeg, path, *how_to_read(audio))


def assert_speech(heard: Probed, name: str, seconds: float) -> None:
    """Mono at the rate of the format, as long as it should be, and not silent."""
    assert heard.sample_rate_hz == decoded_rate_hz(format_named(name))
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
