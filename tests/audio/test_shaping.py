"""Shaped speech has the speed, pitch, level and pauses asked for, while it is still being made."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from app.audio.effects import PAUSE_SECONDS, pause_seconds
from app.audio.formats import format_named
from app.audio.live import LiveEncoder
from app.audio.shaping import ChunkShape, Shaper
from app.errors import FfmpegUnavailable, SynthesisFailed
from app.speech import Boundary, Frames, Pcm, Prosody
from tests.audio.probe import RATE_HZ, voice_like
from tests.audio.processes import children, nothing_left_behind

FRAME_SAMPLES = 1920
TONE_HZ = 300.0
BUZZ_HZ = 140.0
"""of `voice_like`"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks at processes the POSIX way")


@pytest.fixture
async def nothing_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    with nothing_left_behind(caplog):
        yield


def tone(seconds: float, level: float = 0.4) -> Pcm:
    """Faded in like a chunk of the engine."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    fade = np.minimum(1, time / 0.005)
    return (level * fade * np.sin(2 * np.pi * TONE_HZ * time)).astype(np.float32)


def pitch_hz(pcm: Pcm, lowest_hz: float = 60, highest_hz: float = 1300) -> float:
    """The fundamental, by autocorrelation of the middle."""
    middle = pcm[len(pcm) // 4 : len(pcm) * 3 // 4].astype(np.float64)
    size = 4 * len(middle)
    power = np.abs(np.fft.rfft(middle, size)) ** 2
    # Zeros above the spectrum interpolate between the lags.
    fine = np.fft.irfft(power, 8 * size)[: size // 2]
    # Else the longer lags, of which there are fewer, would lose against the shorter ones.
    fine /= np.maximum(1, 8 * len(middle) - np.arange(len(fine)))
    shortest, longest = (round(8 * RATE_HZ / hz) for hz in (highest_hz, lowest_hz))
    lags = fine[shortest : longest + 1]
    is_top = (lags[1:-1] >= lags[:-2]) & (lags[1:-1] >= lags[2:]) & (lags[1:-1] > 0.9 * lags.max())
    return float(8 * RATE_HZ / (shortest + 1 + np.flatnonzero(is_top)[0]))


def rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.square(pcm.astype(np.float64)).mean()))


async def frames_of(chunks: list[Pcm]) -> AsyncGenerator[Frames, None]:
    for index, pcm in enumerate(chunks):
        for start in range(0, max(1, len(pcm)), FRAME_SAMPLES):
            last = start + FRAME_SAMPLES >= len(pcm)
            yield Frames(index, pcm[start : start + FRAME_SAMPLES], last)


async def shape(
    ffmpeg: Path, plan: list[ChunkShape], chunks: list[Pcm], lead_seconds: float = 0
) -> Pcm:
    scaled = any((each.scale_inside, each.scale_after) != (1.0, 1.0) for each in plan)
    async with Shaper(
        plan, RATE_HZ, ffmpeg, lead_seconds=lead_seconds, scales_pauses=scaled
    ) as shaper:
        return np.concatenate([pcm async for pcm in shaper.run(frames_of(chunks))])


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 0.8, 1.1, 1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize(("source", "hz"), [(tone(2.0), TONE_HZ), (voice_like(2.0), BUZZ_HZ)])
async def test_speed_changes_the_duration_and_not_the_pitch(
    ffmpeg: Path, speed: float, source: Pcm, hz: float
) -> None:
    shaped = await shape(ffmpeg, [ChunkShape(Prosody(speed=speed))], [source])
    assert len(shaped) == round(len(source) / speed)
    assert pitch_hz(shaped) == pytest.approx(hz, rel=0.01)
    assert rms(shaped) == pytest.approx(rms(source), rel=0.15)


@pytest.mark.parametrize("semitones", [-12.0, -3.0, 0.5, 3.0, 12.0])
@pytest.mark.parametrize(("source", "hz"), [(tone(2.0), TONE_HZ), (voice_like(2.0), BUZZ_HZ)])
async def test_pitch_changes_the_pitch_and_not_the_duration(
    ffmpeg: Path, semitones: float, source: Pcm, hz: float
) -> None:
    shaped = await shape(ffmpeg, [ChunkShape(Prosody(pitch_semitones=semitones))], [source])
    assert len(shaped) == len(source)
    assert pitch_hz(shaped) == pytest.approx(hz * 2 ** (semitones / 12), rel=0.015)


@pytest.mark.parametrize(("speed", "semitones"), [(0.25, 12.0), (4.0, -12.0), (2.0, 12.0)])
async def test_speed_and_pitch_go_together(ffmpeg: Path, speed: float, semitones: float) -> None:
    prosody = Prosody(speed=speed, pitch_semitones=semitones)
    shaped = await shape(ffmpeg, [ChunkShape(prosody)], [tone(2.0)])
    assert len(shaped) == round(2.0 * RATE_HZ / speed)
    assert pitch_hz(shaped) == pytest.approx(TONE_HZ * 2 ** (semitones / 12), rel=0.015)


@pytest.mark.parametrize("samples", [0, 1, 100, 1500])
@pytest.mark.parametrize("speed", [0.25, 1.5, 4.0])
async def test_less_than_the_filter_needs_still_comes_out(
    ffmpeg: Path, samples: int, speed: float
) -> None:
    source = np.full(samples, 0.5, dtype=np.float32)
    shaped = await shape(ffmpeg, [ChunkShape(Prosody(speed=speed))], [source])
    assert len(shaped) == round(samples / speed)
    assert samples < 100 or shaped.max() > 0.1


@pytest.mark.parametrize("volume_db", [-40.0, -6.0, 40.0])
async def test_volume_is_a_plain_gain_that_needs_no_ffmpeg(volume_db: float) -> None:
    source = tone(0.5)
    plain = await shape(Path("not-needed"), [ChunkShape()], [source])
    shaped = await shape(Path("not-needed"), [ChunkShape(Prosody(volume_db=volume_db))], [source])
    assert np.allclose(shaped, plain * 10 ** (volume_db / 20), rtol=1e-6)


async def test_speech_that_asks_for_nothing_passes_as_it_is() -> None:
    frame = tone(0.08)

    async def one() -> AsyncIterator[Frames]:
        yield Frames(0, frame, chunk_last=False)
        yield Frames(0, frame[:0], chunk_last=True)

    async with Shaper([ChunkShape()], RATE_HZ, Path("not-needed")) as shaper:
        pieces = [pcm async for pcm in shaper.run(one())]
    assert np.shares_memory(pieces[0], frame)


async def test_pauses_and_chunks_stand_where_the_plan_puts_them(ffmpeg: Path) -> None:
    plan = [
        ChunkShape(Prosody(speed=2), 0.5),
        ChunkShape(Prosody(speed=2, volume_db=-12), 0.25),
        ChunkShape(pause_after_seconds=1.0),
        ChunkShape(Prosody(speed=0.5)),
    ]
    shaped = await shape(ffmpeg, plan, [tone(1.0)] * 4, lead_seconds=0.3)
    assert len(shaped) == round((0.3 + 0.5 + 0.5 + 0.5 + 0.25 + 1 + 1 + 2) * RATE_HZ)
    loud = np.abs(shaped).reshape(-1, RATE_HZ // 1000).max(axis=1) > 0.01
    turns_ms = np.flatnonzero(np.diff(loud.astype(int), prepend=0, append=0))
    expected_ms = [300, 800, 1300, 1800, 2050, 3050, 4050, 6050]
    assert np.abs(turns_ms - expected_ms).max() <= 20
    levels = [rms(shaped[start * 24 : end * 24]) for start, end in ((400, 700), (1400, 1700))]
    assert levels[1] / levels[0] == pytest.approx(10 ** (-12 / 20), rel=0.05)


async def test_no_seam_clicks(ffmpeg: Path) -> None:
    speeds = [0.5, 1.0, 1.7, 1.7, 1.0]
    plan = [ChunkShape(Prosody(speed=speed, pitch_semitones=2 * speed - 2)) for speed in speeds]
    shaped = await shape(ffmpeg, plan, [tone(0.3)] * len(plan))
    # The steepest that a tone of that height and the fades can be.
    highest_hz = TONE_HZ * 2 ** (1.4 / 12)
    steepest = 0.4 * (2 * np.pi * highest_hz / RATE_HZ + 1 / 120)
    assert np.abs(np.diff(shaped, prepend=0, append=0)).max() < 1.2 * steepest


@pytest.mark.parametrize("speed", [1.0, 2.0])
@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
async def test_silences_in_and_between_chunks_are_scaled(
    ffmpeg: Path, speed: float, scale: float
) -> None:
    silence = np.zeros(RATE_HZ // 5, dtype=np.float32)
    word = tone(0.3)
    chunks = [np.concatenate([word, silence, word, silence]), np.concatenate([silence, word])]
    first = ChunkShape(Prosody(speed=speed), 0.0, scale_inside=scale, scale_after=scale)
    shaped = await shape(ffmpeg, [first, ChunkShape(Prosody(speed=speed))], chunks)
    # Of a pause that is taken out, 20 ms at each word remain.
    pauses_seconds = max(0.04, 0.2 * scale) + max(0.04, 0.4 * scale)
    assert len(shaped) / RATE_HZ == pytest.approx((0.9 + pauses_seconds) / speed, abs=0.025)


def test_all_pauses_can_be_scaled() -> None:
    assert pause_seconds(Boundary.SENTENCE, scale=3) == 3 * PAUSE_SECONDS[Boundary.SENTENCE]
    assert pause_seconds(Boundary.PARAGRAPH, scale=0) == 0


@pytest.mark.parametrize(
    "prosody", [Prosody(speed=0.5), Prosody(speed=1.5), Prosody(pitch_semitones=3)]
)
async def test_the_first_sound_needs_two_frames_at_most(ffmpeg: Path, prosody: Prosody) -> None:
    fed = 0

    async def spoken() -> AsyncIterator[Frames]:
        nonlocal fed
        for frame in np.split(voice_like(2.0)[: 24 * FRAME_SAMPLES], 24):
            fed += 1
            yield Frames(0, frame, chunk_last=False)
            await asyncio.sleep(0.5)

    async with Shaper([ChunkShape(prosody)], RATE_HZ, ffmpeg) as shaper:
        assert len(await anext(shaper.run(spoken())))
        assert fed <= 2


@pytest.mark.usefixtures("nothing_left")
async def test_a_pausing_consumer_pauses_the_engine(ffmpeg: Path) -> None:
    fed = 0

    async def endless() -> AsyncIterator[Frames]:
        nonlocal fed
        while True:
            fed += 1
            yield Frames(0, tone(0.08), chunk_last=False)
            await asyncio.sleep(0)

    async with Shaper([ChunkShape(Prosody(speed=1.5))], RATE_HZ, ffmpeg) as shaper:
        await anext(shaper.run(endless()))
        await asyncio.sleep(0.5)
        waiting = fed
        await asyncio.sleep(0.3)
        assert fed == waiting < 200


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("speed", [1.0, 1.5])
async def test_frames_that_end_too_early_are_an_error(ffmpeg: Path, speed: float) -> None:
    plan = [ChunkShape(Prosody(speed=speed))] * 2
    with pytest.raises(SynthesisFailed, match="ended before the speech"):
        await shape(ffmpeg, plan, [tone(0.2)])


async def test_frames_after_the_last_chunk_are_an_error() -> None:
    with pytest.raises(SynthesisFailed):
        await shape(Path("not-needed"), [ChunkShape()], [tone(0.1)] * 2)


@pytest.mark.usefixtures("nothing_left")
async def test_an_error_of_the_engine_passes_through(ffmpeg: Path) -> None:
    async def breaking() -> AsyncIterator[Frames]:
        yield Frames(0, tone(0.08), chunk_last=False)
        raise SynthesisFailed("the model broke")

    async with Shaper([ChunkShape(Prosody(speed=1.5))], RATE_HZ, ffmpeg) as shaper:
        with pytest.raises(SynthesisFailed, match="the model broke"):
            [pcm async for pcm in shaper.run(breaking())]


@pytest.mark.usefixtures("nothing_left")
async def test_a_filter_that_dies_is_an_error(ffmpeg: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("finds the process in /proc")
    before = children()
    async with Shaper([ChunkShape(Prosody(speed=1.5))], RATE_HZ, ffmpeg) as shaper:
        (child,) = children() - before
        os.kill(child, signal.SIGKILL)
        with pytest.raises(SynthesisFailed, match="speed and pitch filter broke"):
            [pcm async for pcm in shaper.run(frames_of([tone(20.0)]))]


@pytest.mark.usefixtures("nothing_left")
async def test_a_missing_filter_program_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FfmpegUnavailable, match="does not start"):
        async with Shaper([ChunkShape(Prosody(speed=2))], RATE_HZ, tmp_path / "none"):
            pass


@pytest.mark.usefixtures("nothing_left")
async def test_leaving_early_closes_the_source_and_the_filter(ffmpeg: Path) -> None:
    closed = False

    async def watched() -> AsyncGenerator[Frames, None]:
        nonlocal closed
        try:
            async for frames in frames_of([tone(20.0)]):
                yield frames
        finally:
            closed = True

    async with Shaper([ChunkShape(Prosody(speed=0.5))], RATE_HZ, ffmpeg) as shaper:
        await anext(shaper.run(watched()))
    assert closed


@pytest.mark.usefixtures("nothing_left")
async def test_entering_without_running_leaves_nothing(ffmpeg: Path) -> None:
    async with Shaper([ChunkShape(Prosody(speed=2))], RATE_HZ, ffmpeg):
        pass


@pytest.mark.usefixtures("nothing_left")
async def test_a_listener_who_leaves_ends_filter_and_encoder(ffmpeg: Path) -> None:
    plan = [ChunkShape(Prosody(speed=0.5))]
    async with (
        Shaper(plan, RATE_HZ, ffmpeg) as shaper,
        LiveEncoder(format_named("mp3"), RATE_HZ, ffmpeg) as encoder,
    ):
        assert await anext(encoder.encode(shaper.run(frames_of([tone(20.0)]))))
