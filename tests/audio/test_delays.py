"""What is put in at a moment is heard at that moment, but for delays that the table knows."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.audio.encode import encode_clip
from app.audio.formats import FORMATS, AudioFormat
from app.audio.live import LiveEncoder
from app.speech import Pcm
from tests.audio.probe import RATE_HZ

BURST_HZ = 1000.0
BURST_AT_SECONDS = 1.0


def burst_delay_samples(data: bytes, audio_format: AudioFormat, ffmpeg: Path) -> int:
    """How much later than it was put in a decoder gives a burst of sound."""
    rate_hz = audio_format.rate_hz(RATE_HZ)
    raw = {"pcm": "s16le", "ulaw": "mulaw", "alaw": "alaw"}.get(audio_format.name)
    reading = ["-f", raw, "-ar", str(rate_hz)] if raw else []
    command = [
        str(ffmpeg),
        "-v",
        "error",
        *reading,
        "-i",
        "pipe:0",
        "-ar",
        str(rate_hz),
        "-f",
        "f32le",
        "pipe:1",
    ]
    decoded = subprocess.run(command, input=data, capture_output=True, check=True).stdout
    found = np.correlate(np.frombuffer(decoded, "<f4"), burst(rate_hz), "valid")
    return int(np.argmax(np.abs(found))) - round(BURST_AT_SECONDS * rate_hz)


def burst(rate_hz: int) -> Pcm:
    time = np.arange(rate_hz // 10) / rate_hz
    return (0.5 * np.sin(2 * np.pi * BURST_HZ * time)).astype(np.float32)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sample_rate_hz", [None, 48_000])
async def test_delays_are_known(ffmpeg: Path, name: str, sample_rate_hz: int | None) -> None:
    """A decoder gives a burst of sound as much later as the table says, live and complete."""
    audio_format = FORMATS[name]
    if sample_rate_hz is not None:
        if audio_format.sample_rate_hz is not None or name == "opus":
            pytest.skip("it has one rate")
        audio_format = replace(audio_format, sample_rate_hz=sample_rate_hz)
    pcm = np.zeros(2 * RATE_HZ, dtype=np.float32)
    pcm[RATE_HZ : RATE_HZ + RATE_HZ // 10] = burst(RATE_HZ)

    async def pieces() -> AsyncIterator[Pcm]:
        yield pcm

    async with LiveEncoder(audio_format, RATE_HZ, ffmpeg) as encoder:
        live = b"".join([data async for data in encoder.encode(pieces())])
    with encode_clip([pcm], RATE_HZ, audio_format, ffmpeg) as file:
        clip = file.read()
    found = {
        "live": burst_delay_samples(live, audio_format, ffmpeg),
        "clip": burst_delay_samples(clip, audio_format, ffmpeg),
    }
    assert found["live"] == pytest.approx(audio_format.live_delay_samples, abs=3)
    assert found["clip"] == pytest.approx(audio_format.clip_delay_samples, abs=3)
