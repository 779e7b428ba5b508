"""Looks at encoded audio the way a listener's player does: by decoding it with FFmpeg."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.audio.encode import encode_clip
from app.audio.formats import AudioFormat
from app.speech import Pcm

RATE_HZ = 24000


@dataclass(frozen=True)
class Probed:
    sample_rate_hz: int
    channels: int
    codec: str
    duration_seconds: float | None
    """The header of the container says this; None means that it says nothing."""
    pcm: NDArray[np.float64]
    """The decoder gives these samples, interleaved; full scale is 1."""


def run_ffmpeg(ffmpeg: Path, *arguments: str, data: bytes = b"") -> bytes:
    command = [str(ffmpeg), "-hide_banner", "-y", "-loglevel", "error", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def how_to_read(audio: AudioFormat) -> tuple[str, ...]:
    """FFmpeg's options for audio whose bytes do not say what they are."""
    if not audio.headerless:
        return ()
    return ("-f", audio.muxer, "-ar", str(audio.rate_hz(RATE_HZ)), "-ch_layout", "mono")


def decoded_rate_hz(audio: AudioFormat) -> int:
    """Opus always decodes at 48 kHz."""
    return 48000 if audio.codec == "libopus" else audio.rate_hz(RATE_HZ)


def probe(ffmpeg: Path, path: Path, *input_options: str) -> Probed:
    """Decode a file at its own rate and channels."""
    shown = subprocess.run(
        [str(ffmpeg), "-hide_banner", *input_options, "-i", str(path)],
        capture_output=True,
        check=False,  # FFmpeg complains that it was given no output
    ).stderr.decode()
    stream = re.search(r"Audio: (\w+)[^,]*, (\d+) Hz, (\w+)", shown)
    assert stream is not None, shown
    duration = re.search(r"Duration: (\d+):(\d+):([\d.]+)", shown)
    raw = run_ffmpeg(ffmpeg, *input_options, "-i", str(path), "-f", "s16le", "pipe:1")
    return Probed(
        sample_rate_hz=int(stream[2]),
        channels={"mono": 1, "stereo": 2}.get(stream[3], 1),
        codec=stream[1],
        duration_seconds=None
        if duration is None
        else int(duration[1]) * 3600 + int(duration[2]) * 60 + float(duration[3]),
        pcm=np.frombuffer(raw, "<i2") / 32768,
    )


def voice_like(seconds: float, rate_hz: int = RATE_HZ) -> Pcm:
    """Make a buzz with syllables and a little noise, which is speech enough for any codec."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    noise = np.random.default_rng(7).standard_normal(len(time))
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)
    return ((0.25 * buzz + 0.01 * noise) * envelope).astype(np.float32)


def loudness_over_time(pcm: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """Compute the RMS of each 10 ms, which any codec keeps."""
    block = rate_hz // 100
    blocks = pcm[: len(pcm) // block * block].reshape(-1, block).astype(np.float64)
    return np.asarray(np.sqrt((blocks**2).mean(axis=1)))


def assert_same_speech(probed: Probed, pcm: Pcm) -> None:
    """Check that decoded audio is as loud as `pcm` all along, but for the codec's delay."""
    there = loudness_over_time(probed.pcm, probed.sample_rate_hz)
    here = loudness_over_time(pcm, RATE_HZ)
    middle = here[10 : min(len(here), len(there)) - 20]
    starts = range(20)
    assert max(np.corrcoef(middle, there[at : at + len(middle)])[0, 1] for at in starts) > 0.97
    assert abs(there.mean() / here.mean() - 1) < 0.1


async def in_pieces(pcm: Pcm, samples: int = 1920) -> AsyncIterator[Pcm]:
    for start in range(0, len(pcm), samples):
        yield pcm[start : start + samples]


def encoded(pieces: Iterable[Pcm], audio: AudioFormat, ffmpeg: Path) -> bytes:
    """The complete clip that is made of pieces at `RATE_HZ`."""
    with encode_clip(pieces, RATE_HZ, audio, ffmpeg) as file:
        return file.read()
