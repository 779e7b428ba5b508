"""Words are heard when they are said to be, whatever was done to the sound."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audio.heard import HeardTimes, MovedMoments
from app.audio.shaping import ChunkShape, Shaper
from app.speech import Frames, Pcm, Prosody, WordTime
from tests.audio.probe import RATE_HZ

LOUD_DB = -30.0
STRETCH_SECONDS = 0.045
"""The filter moves periods of the voice about by so much, most of all where sound begins."""

WORDS = ((0.1, 0.5), (0.6, 1.0), (1.4, 1.7))
CHUNK_SECONDS = 2.0


def spoken_chunk() -> Pcm:
    """Sound where the words are, with a short gap, a long one, and silence at both ends."""
    pcm = np.zeros(round(CHUNK_SECONDS * RATE_HZ), dtype=np.float32)
    for start, end in WORDS:
        first, last = round(start * RATE_HZ), round(end * RATE_HZ)
        pcm[first:last] = 0.2 * np.sign(np.sin(2 * np.pi * 140 * np.arange(last - first) / RATE_HZ))
    return pcm


async def frames_of(chunks: int, frame_samples: int) -> AsyncGenerator[Frames, None]:
    """Deliver each word two frames after its end, or with the chunk's last frame."""
    for index in range(chunks):
        pcm, told = spoken_chunk(), 0
        for start in range(0, len(pcm), frame_samples):
            end = start + frame_samples
            last = end >= len(pcm)
            words = []
            while told < len(WORDS) and (last or WORDS[told][1] * RATE_HZ < end - frame_samples):
                words.append(WordTime(told, told + 1, *WORDS[told]))
                told += 1
            yield Frames(index, pcm[start:end], last, tuple(words))


def loud_stretches(pcm: Pcm) -> list[tuple[float, float]]:
    """When there is sound, by the level of each 5 ms; gaps under 30 ms are none."""
    step = RATE_HZ // 200
    steps = pcm[: len(pcm) // step * step].reshape(-1, step)
    loud = 10 * np.log10(np.mean(np.square(steps), axis=1) + 1e-12) > LOUD_DB
    edges = np.flatnonzero(np.diff(loud, prepend=False, append=False))
    stretches = [[edges[0], edges[1]]]
    for start, end in zip(edges[2::2], edges[3::2], strict=True):
        if start - stretches[-1][1] < 6:
            stretches[-1][1] = end
        else:
            stretches.append([start, end])
    return [(start / 200, end / 200) for start, end in stretches]


PLAIN = ChunkShape(pause_after_seconds=0.4)
PLANS = {
    "as it is": [PLAIN] * 2,
    "long pauses": [replace(PLAIN, scale_inside=2.5, scale_after=2.0)] * 2,
    "short pauses": [replace(PLAIN, scale_inside=0.6, scale_after=0.0)] * 2,
    "slow": [replace(PLAIN, prosody=Prosody(speed=0.7))] * 2,
    "fast with long pauses": [replace(PLAIN, prosody=Prosody(speed=1.5), scale_inside=2.0)] * 2,
    "high": [replace(PLAIN, prosody=Prosody(pitch_semitones=4.0))] * 2,
    "one manner after the other": [
        PLAIN,
        replace(PLAIN, prosody=Prosody(speed=1.5)),
        replace(PLAIN, prosody=Prosody(speed=0.7, volume_db=3.0), scale_inside=2.0),
        PLAIN,
    ],
}


@pytest.mark.parametrize("lead_seconds", [0.0, 0.75])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_words_are_heard_when_they_are_said_to_be(
    ffmpeg: Path, plan: list[ChunkShape], lead_seconds: float
) -> None:
    """The sound begins and ends where the times say, after any speed, pitch and pauses."""
    async with Shaper(plan, RATE_HZ, ffmpeg, lead_seconds=lead_seconds) as shaper:
        frames = frames_of(len(plan), 1920)
        pcm = np.concatenate([piece async for piece in shaper.run(frames)])
    heard = [(word.start_seconds, word.end_seconds) for word in shaper.heard.words]
    measured = loud_stretches(pcm)
    tolerance = 0.011
    if any(shape.prosody.speed != 1 or shape.prosody.pitch_semitones for shape in plan):
        tolerance = STRETCH_SECONDS
    assert np.shape(heard) == np.shape(measured) == (len(plan) * len(WORDS), 2)
    assert np.abs(np.subtract(heard, measured)).max() < tolerance


async def test_pieces_make_no_difference(ffmpeg: Path) -> None:
    """The times are the same however the engine cuts its sound."""
    told = []
    for frame_samples in (480, 1920, 48000):
        async with Shaper(PLANS["long pauses"], RATE_HZ, ffmpeg) as shaper:
            async for _ in shaper.run(frames_of(2, frame_samples)):
                pass
        told.append(list(shaper.heard.words))
    assert told[0] == told[1] == told[2]


async def test_words_come_while_the_chunk_is_spoken(ffmpeg: Path) -> None:
    """A word is told when its sound has been taken, and does not wait for the end of the chunk."""
    async with Shaper([PLAIN], RATE_HZ, ffmpeg) as shaper:
        taken = 0
        async for pcm in shaper.run(frames_of(1, 1920)):
            taken += len(pcm)
            if taken > 0.8 * RATE_HZ:
                break
        assert [word.start for word in shaper.heard.words] == [0]


@given(parts=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=20))
def test_moments_keep_their_order(parts: list[tuple[int, int]]) -> None:
    """However parts are resized, time never runs backwards, and ends where the parts end."""
    moments = MovedMoments()
    for before, after in parts:
        moments.resize(before, after)
    places = [moments.moved(sample) for sample in range(moments.known_samples + 1)]
    assert places == sorted(places)
    assert moments.moved(moments.known_samples + 9) == sum(after for _, after in parts)


def test_words_wait_until_their_silence_is_settled() -> None:
    """A word whose end is not mapped yet is not told."""
    heard = HeardTimes(0, RATE_HZ)
    moments = heard.begin_chunk()
    word = WordTime(0, 1, 0.0, 0.02)
    heard.feed(Frames(0, np.zeros(480, np.float32), chunk_last=False, words=(word,)), 0)
    assert not heard.words
    moments.keep(480)
    heard.feed(Frames(0, np.zeros(0, np.float32), chunk_last=False), 480)
    assert [each.end_seconds for each in heard.words] == [0.02]
