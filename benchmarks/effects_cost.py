"""Measures what shaping costs in processor time per second of speech, beside the model's own.

python -m benchmarks.effects_cost --synthesis-ms 50
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.audio.clip_loudness import normalized_clip
from app.audio.ffmpeg import find_ffmpeg
from app.audio.live_loudness import normalized_live
from app.audio.resample import resampled
from app.audio.shaping import ChunkShape, Shaper
from app.speech import Clip, DecodedClip, Frames, Pcm, Prosody
from app.text.normalise import normalise
from app.voices.clips import PromptBuilder
from benchmarks.machine import describe_machine
from benchmarks.scripts import script_of

RATE_HZ = 24000
FRAME_SAMPLES = 1920
CHUNK_SECONDS = 5.0
CHARS_PER_SECOND = 15.0


@dataclass(frozen=True)
class Effect:
    """Names one way to shape speech, and applies it to (frames, number of chunks, FFmpeg)."""

    name: str
    apply: Callable[[AsyncIterator[Frames], int, Path], Coroutine[Any, Any, None]]


def speech(seconds: float) -> Pcm:
    """A buzz with syllables and high peaks, which costs the filters what a voice costs."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    syllables = np.maximum(0, np.sin(2 * np.pi * 1.5 * time)) ** 0.5
    accents = np.where(np.sin(2 * np.pi * 0.5 * time) > 0.99, 2.5, 1)
    return (0.1 * buzz * syllables * accents).astype(np.float32)


async def frames_of(pcm: Pcm) -> AsyncGenerator[Frames, None]:
    """Yield PCM as the engine would, in frames of chunks of CHUNK_SECONDS."""
    chunk_samples = round(CHUNK_SECONDS * RATE_HZ)
    for index, start in enumerate(range(0, len(pcm), chunk_samples)):
        end = min(len(pcm), start + chunk_samples)
        for at in range(start, end, FRAME_SAMPLES):
            piece = pcm[at : min(end, at + FRAME_SAMPLES)]
            yield Frames(index, piece, at + FRAME_SAMPLES >= end)


async def shaped(
    frames: AsyncIterator[Frames], chunks: int, ffmpeg: Path, prosody: Prosody
) -> AsyncGenerator[Pcm, None]:
    async with Shaper([ChunkShape(prosody, 0.25)] * chunks, RATE_HZ, ffmpeg) as shaper:
        async for pcm in shaper.run(frames):
            yield pcm


async def reading(frames: AsyncIterator[Frames], chunks: int, ffmpeg: Path) -> None:
    async for _ in shaped(frames, chunks, ffmpeg, Prosody()):
        pass
    script = script_of(round(CHARS_PER_SECOND * CHUNK_SECONDS * chunks))
    normalise(script.replace(" the ", " the 1st, $3.50, "), language="en")


async def paused(frames: AsyncIterator[Frames], chunks: int, ffmpeg: Path) -> None:
    shape = ChunkShape(pause_after_seconds=0.5, scale_inside=2, scale_after=2)
    async with Shaper([shape] * chunks, RATE_HZ, ffmpeg) as shaper:
        async for _ in shaper.run(frames):
            pass


async def recording(frames: AsyncIterator[Frames], _chunks: int, _ffmpeg: Path) -> None:
    pcm = np.concatenate([each.pcm async for each in frames])
    builder = PromptBuilder(sample_rate_hz=RATE_HZ, max_seconds=15)
    builder.add(DecodedClip(pcm), Clip(b"", "recording.wav"))
    builder.build()


async def clip(frames: AsyncIterator[Frames], chunks: int, ffmpeg: Path) -> None:
    pieces = [pcm async for pcm in shaped(frames, chunks, ffmpeg, Prosody())]
    normalized_clip(pieces, RATE_HZ)


def effects() -> list[Effect]:
    def prosody(name: str, **values: float) -> Effect:
        async def apply(frames: AsyncIterator[Frames], chunks: int, ffmpeg: Path) -> None:
            async for _ in shaped(frames, chunks, ffmpeg, Prosody(**values)):
                pass

        return Effect(name, apply)

    def after(name: str, stage: Callable[[AsyncIterator[Pcm]], AsyncIterator[Pcm]]) -> Effect:
        async def apply(frames: AsyncIterator[Frames], chunks: int, ffmpeg: Path) -> None:
            async for _ in stage(shaped(frames, chunks, ffmpeg, Prosody())):
                pass

        return Effect(name, apply)

    return [
        prosody("none (join and pauses)"),
        Effect("normalisation of the text", reading),
        Effect("pause_scale 2", paused),
        prosody("volume +3 dB", volume_db=3),
        prosody("speed 1.2", speed=1.2),
        prosody("speed 0.8", speed=0.8),
        prosody("speed 2", speed=2),
        prosody("pitch +3", pitch_semitones=3),
        prosody("speed 1.2, pitch -2, +3 dB", speed=1.2, pitch_semitones=-2, volume_db=3),
        Effect("normalize_loudness, clip", clip),
        after("normalize_loudness, live", lambda pieces: normalized_live(pieces, RATE_HZ)),
        Effect("preparing a recording", recording),
        after("sample_rate 16000", lambda pieces: resampled(pieces, RATE_HZ, 16000)),
        after("sample_rate 44100", lambda pieces: resampled(pieces, RATE_HZ, 44100)),
    ]


def cpu_seconds() -> float:
    """Return the processor time of this process and of the children it has reaped."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(effect: Effect, pcm: Pcm, ffmpeg: Path) -> float:
    """Apply an effect to all of `pcm`; return the processor time in seconds."""
    chunks = -(-len(pcm) // round(CHUNK_SECONDS * RATE_HZ))
    before = cpu_seconds()
    asyncio.run(effect.apply(frames_of(pcm), chunks, ffmpeg))
    return cpu_seconds() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the speech")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--synthesis-ms", type=float, default=50.0, help="the model's own, per second of speech"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    print(f"{describe_machine()}\n")
    ffmpeg = find_ffmpeg()
    pcm = speech(options.seconds)
    table = effects()
    # The effects take turns, so that what else the machine does falls on all of them alike.
    rounds = [[measure(each, pcm, ffmpeg) for each in table] for _ in range(options.rounds)]
    print(f"{'effect':30} {'CPU ms per s of speech':>24} {'of synthesis':>14}")
    figures = {}
    for effect, *seconds in zip(table, *rounds, strict=True):
        per_second_ms = 1000 * statistics.median(seconds) / options.seconds
        share = per_second_ms / options.synthesis_ms
        figures[effect.name] = per_second_ms
        print(f"{effect.name:30} {per_second_ms:24.2f} {share:14.1%}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
