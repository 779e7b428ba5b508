"""Speech is brought to one loudness, complete and live: -16 LUFS, no peak over -1 dBTP."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.clip_loudness import normalized_clip
from app.audio.limiter import TruePeakLimiter
from app.audio.live_loudness import LiveLoudness, normalized_live
from app.audio.loudness import (
    CEILING_DBTP,
    TARGET_LUFS,
    lufs_of,
    true_peak,
)
from app.speech import Pcm
from tests.audio.probe import RATE_HZ, in_pieces, voice_like

SPEECH = voice_like(6.0) * np.float32(0.3)
SILENCE = np.zeros(RATE_HZ, dtype=np.float32)


def heard_by_ffmpeg(ffmpeg: Path, pcm: Pcm, rate_hz: int = RATE_HZ) -> tuple[float, float]:
    """(integrated LUFS, dBTP) as FFmpeg's ebur128 measures them."""
    raw = ["-f", "f32le", "-ar", str(rate_hz), "-ch_layout", "mono", "-i", "pipe:0"]
    command = [str(ffmpeg), "-hide_banner", *raw, "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, input=pcm.tobytes(), capture_output=True, check=True)
    summary = said.stderr.decode().rpartition("Summary:")[2]
    loudness, peak = (re.search(rf"{name}:\s+(\S+)", summary) for name in ("I", "Peak"))
    assert loudness is not None
    assert peak is not None
    return float(loudness[1]), float(peak[1])


def clip(pcm: Pcm) -> Pcm:
    return leveled([pcm])


def leveled(pieces: list[Pcm], target_lufs: float = TARGET_LUFS) -> Pcm:
    with normalized_clip(pieces, RATE_HZ, target_lufs=target_lufs) as made:
        return np.concatenate([SILENCE[:0], *made])


async def live(pcm: Pcm) -> Pcm:
    return np.concatenate([piece async for piece in normalized_live(in_pieces(pcm), RATE_HZ)])


@pytest.mark.parametrize("rate_hz", [16000, 24000, 48000])
def test_it_measures_what_ffmpeg_measures(ffmpeg: Path, rate_hz: int) -> None:
    noise = np.random.default_rng(3).standard_normal(2 * rate_hz) * 0.05
    speech = voice_like(3.0, rate_hz) * 0.4
    pcm = np.concatenate([speech, np.zeros(rate_hz), noise, 0.01 * speech]).astype(np.float32)
    loudness, peak = heard_by_ffmpeg(ffmpeg, pcm, rate_hz)
    assert lufs_of([pcm], rate_hz) == pytest.approx(loudness, abs=0.15)
    assert 20 * np.log10(true_peak([pcm], rate_hz)) == pytest.approx(peak, abs=0.3)


def test_a_peak_between_the_samples_is_found() -> None:
    time = np.arange(RATE_HZ) / RATE_HZ
    hidden = np.sin(2 * np.pi * 6000 * time + np.pi / 4).astype(np.float32)
    assert np.abs(hidden).max() == pytest.approx(np.sqrt(0.5), rel=1e-3)
    pieces = np.array_split(hidden * np.float32(0.5), 13)
    # The tone starts and ends at once, and its edges ring a little.
    assert 0.49 < true_peak(pieces, RATE_HZ) < 0.6


@pytest.mark.parametrize("level", [0.02, 1.0, 3.0])
def test_a_clip_with_room_for_it_gets_one_gain_to_the_target(ffmpeg: Path, level: float) -> None:
    pieces = np.array_split(SPEECH * np.float32(level), 50)
    whole = leveled(pieces, -20)
    assert len(whole) == len(SPEECH)
    assert heard_by_ffmpeg(ffmpeg, whole)[0] == pytest.approx(-20, abs=0.2)
    gain = whole @ SPEECH / (SPEECH @ SPEECH)
    assert np.allclose(whole, gain * SPEECH, atol=1e-5)


def peaky() -> Pcm:
    """Speech like the preview voice's: 17 dB between its loudness and its highest peaks."""
    speech = np.tile(SPEECH, 2)
    for start in range(RATE_HZ // 12 - 100, len(speech), RATE_HZ):
        speech[start : start + 200] *= np.float32(3)
    return speech * np.float32(0.5)


@pytest.mark.parametrize("seconds", [3, 6, 12])
@pytest.mark.parametrize("kind", ["clip", "live"])
async def test_high_peaks_are_limited_and_do_not_keep_speech_soft(
    ffmpeg: Path, seconds: int, kind: str
) -> None:
    source = peaky()[: seconds * RATE_HZ]
    # One gain alone would leave it over a decibel too soft.
    softer = lufs_of([source], RATE_HZ)
    assert softer is not None
    assert 20 * np.log10(np.abs(source).max()) + TARGET_LUFS - softer > 1.0
    made = await live(source) if kind == "live" else clip(source)
    assert len(made) == len(source)
    loudness, peak = heard_by_ffmpeg(ffmpeg, made)
    assert loudness == pytest.approx(TARGET_LUFS, abs=0.5)
    assert peak <= CEILING_DBTP + 0.05


def test_a_click_is_limited_and_the_speech_around_it_is_not(ffmpeg: Path) -> None:
    source = SPEECH * np.float32(0.1)
    source[RATE_HZ] = 1.0
    made = clip(source)
    assert heard_by_ffmpeg(ffmpeg, made)[1] <= CEILING_DBTP + 0.05
    gain = made[2 * RATE_HZ :] / np.where(source == 0, 1, source)[2 * RATE_HZ :]
    loud = np.abs(source[2 * RATE_HZ :]) > 1e-3
    assert np.ptp(gain[loud]) < 1e-3


@given(st.lists(st.integers(0, 5000), max_size=10), st.floats(0.1, 8))
@settings(max_examples=25, deadline=None)
def test_the_limiter_keeps_every_peak_however_the_stream_is_cut(
    sizes: list[int], level: float
) -> None:
    source = SPEECH[:30000] * np.float32(level)
    made = []
    for pieces in ([source], np.split(source, np.minimum(np.cumsum(sizes, dtype=int), 30000))):
        limiter = TruePeakLimiter(RATE_HZ)
        made.append(np.concatenate([*map(limiter.feed, pieces), limiter.finish()]))
        assert len(made[-1]) == len(source)
        assert true_peak([made[-1]], RATE_HZ) <= 10 ** (CEILING_DBTP / 20)
    assert np.allclose(made[0], made[1], atol=1e-6)


def test_speech_without_high_peaks_passes_the_limiter_as_it_is() -> None:
    limiter = TruePeakLimiter(RATE_HZ)
    assert np.array_equal(np.concatenate([limiter.feed(SPEECH), limiter.finish()]), SPEECH)


def test_another_target_can_be_asked_for() -> None:
    made = leveled([SPEECH], -23)
    assert lufs_of([made], RATE_HZ) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("pieces", [[], [SILENCE], [SILENCE[:0]]])
def test_silence_stays_silence(pieces: list[Pcm]) -> None:
    made = leveled(pieces)
    assert len(made) == sum(map(len, pieces))
    assert not made.any()


def test_a_word_shorter_than_a_block_is_measured_too() -> None:
    made = leveled([SPEECH[:4800]])
    assert lufs_of([made], RATE_HZ) == pytest.approx(TARGET_LUFS, abs=0.5)


@pytest.mark.parametrize("level", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("lead", [0, RATE_HZ])
async def test_a_stream_reaches_the_target_and_no_peak_passes(
    ffmpeg: Path, level: float, lead: int
) -> None:
    source = np.concatenate([SILENCE[:lead], SPEECH * np.float32(level)])
    made = await live(source)
    assert len(made) == len(source)
    loudness, peak = heard_by_ffmpeg(ffmpeg, made)
    assert loudness == pytest.approx(TARGET_LUFS, abs=0.5)
    assert peak <= CEILING_DBTP + 0.05


async def test_a_shout_after_a_whisper_is_caught() -> None:
    source = np.concatenate([SPEECH * np.float32(0.05), np.clip(SPEECH * np.float32(4), -1, 1)])
    made = await live(source)
    assert true_peak([made], RATE_HZ) <= 10 ** (CEILING_DBTP / 20)


async def test_the_gain_of_a_steady_stream_moves_slowly() -> None:
    made = await live(SPEECH)
    audible = np.abs(SPEECH) > 0.02
    gain_db = 20 * np.log10(np.abs(made[audible] / SPEECH[audible]))
    later = gain_db[len(gain_db) // 3 :]
    assert later.max() - later.min() < 1.0


def test_a_stream_is_held_back_for_less_than_half_a_second() -> None:
    loudness = LiveLoudness(RATE_HZ)
    given = [len(loudness.feed(piece)) for piece in np.array_split(SPEECH[:24000], 12)]
    assert sum(given[:4]) == 0
    assert given[5] > 0
    assert 24000 - sum(given) < RATE_HZ // 2


@given(st.lists(st.integers(0, 5000), max_size=10), st.integers(0, 30000))
@settings(max_examples=25, deadline=None)
def test_a_stream_keeps_its_length_however_it_is_cut(sizes: list[int], samples: int) -> None:
    source = SPEECH[:samples]
    loudness = LiveLoudness(RATE_HZ)
    pieces = np.split(source, np.minimum(np.cumsum(sizes, dtype=int), len(source)))
    made = np.concatenate([*map(loudness.feed, pieces), loudness.finish()])
    assert len(made) == samples
    assert made.dtype == np.float32
