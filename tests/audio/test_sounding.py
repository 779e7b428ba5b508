"""How much sound is in a stream's bytes is known, and a short silence brings out all before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from app.api.elevenlabs.formats import OUTPUT_FORMATS, audio_format_of
from app.audio.formats import format_named
from app.audio.live import LiveEncoder
from app.audio.sounding import Sounding, rest_seconds
from app.speech import Pcm
from tests.audio.probe import RATE_HZ, voice_like

SPEECH = voice_like(1.0)
FRAME_SAMPLES = 1920
PATIENCE_SECONDS = 20.0


@pytest.mark.parametrize("name", OUTPUT_FORMATS)
async def test_what_follows_brings_out_a_turn(ffmpeg: Path, name: str) -> None:
    """After the rest all of the turn comes out, though the stream does not end; not before."""
    audio = audio_format_of(name)
    sounding, over = Sounding(audio, RATE_HZ), asyncio.Event()
    before_rest: list[float] = []
    rest = np.zeros(int(rest_seconds(audio, RATE_HZ) * RATE_HZ), dtype=np.float32)

    async def turn() -> AsyncIterator[Pcm]:
        for at in range(0, len(SPEECH), FRAME_SAMPLES):
            yield SPEECH[at : at + FRAME_SAMPLES]
        before_rest.append(sounding.seconds)
        yield rest
        await over.wait()

    async with asyncio.timeout(PATIENCE_SECONDS), LiveEncoder(audio, RATE_HZ, ffmpeg) as encoder:
        async for data in encoder.encode(turn()):
            sounding.feed(data)
            if sounding.seconds >= 1.0:
                over.set()
    assert 1.0 <= sounding.seconds < 1.5
    if not audio.is_native:
        assert before_rest[0] < 1.0, "nothing was held back"


@pytest.mark.parametrize("size", [1, 13, 5000])
async def test_pieces_of_any_size(ffmpeg: Path, size: int) -> None:
    """Heads of pages are found wherever the bytes are cut."""

    async def pieces() -> AsyncIterator[Pcm]:
        yield SPEECH

    audio = format_named("opus")
    async with LiveEncoder(audio, RATE_HZ, ffmpeg) as encoder:
        data = b"".join([each async for each in encoder.encode(pieces())])
    sounding = Sounding(audio, RATE_HZ)
    for at in range(0, len(data), size):
        sounding.feed(data[at : at + size])
    assert sounding.seconds == pytest.approx(1.0, abs=0.001)


def test_what_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="aac is not known"):
        Sounding(format_named("aac"), RATE_HZ)
