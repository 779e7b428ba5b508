"""The model's own pauses become longer or shorter, and no word changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.heard import MovedMoments
from app.audio.silences import PauseScales, SilenceScaler
from app.speech import Pcm
from tests.audio.probe import RATE_HZ, voice_like

WORD = voice_like(0.4)
HOP_SAMPLES = RATE_HZ // 100


def noise(seconds: float, level_db: float = -70) -> Pcm:
    samples = np.random.default_rng(5).standard_normal(round(seconds * RATE_HZ))
    return (10 ** (level_db / 20) * samples).astype(np.float32)


def scaled(chunks: list[Pcm], scales: list[PauseScales], sizes: list[int] | None = None) -> Pcm:
    scaler = SilenceScaler(RATE_HZ)
    made = []
    for chunk, wanted in zip(chunks, scales, strict=True):
        pieces = np.split(chunk, np.minimum(np.cumsum(sizes or [], dtype=int), len(chunk)))
        for number, piece in enumerate(pieces, start=1):
            made.append(scaler.feed(piece, wanted, MovedMoments(), last=number == len(pieces)))
    return np.concatenate(made)


def silences_seconds(pcm: Pcm) -> list[float]:
    """How long each is in which nothing but noise is heard, from the start to the end."""
    hops = np.abs(pcm[: len(pcm) // HOP_SAMPLES * HOP_SAMPLES].reshape(-1, HOP_SAMPLES)).max(axis=1)
    edges = np.flatnonzero(np.diff(hops < 0.01, prepend=0, append=0))
    return [(end - start) / 100 for start, end in edges.reshape(-1, 2)]


@pytest.mark.parametrize(
    ("scale", "seconds"), [(0.0, 0.04), (0.5, 0.15), (1.0, 0.3), (2.0, 0.6), (10.0, 3.0)]
)
def test_a_pause_inside_a_chunk_is_scaled(scale: float, seconds: float) -> None:
    chunk = np.concatenate([WORD, noise(0.3), WORD])
    made = scaled([chunk], [PauseScales(inside=scale)])
    assert silences_seconds(made) == [pytest.approx(seconds, abs=0.021)]
    assert np.array_equal(made[: len(WORD)], WORD)
    assert np.array_equal(made[-len(WORD) :], WORD)


@pytest.mark.parametrize(("scale", "seconds"), [(0.0, 0.04), (0.5, 0.15), (3.0, 0.9)])
def test_the_silence_between_two_chunks_is_scaled(scale: float, seconds: float) -> None:
    chunks = [np.concatenate([WORD, noise(0.2)]), np.concatenate([noise(0.1), WORD])]
    made = scaled(chunks, [PauseScales(after=scale), PauseScales(before=scale)])
    assert silences_seconds(made) == [pytest.approx(seconds, abs=0.021)]


@pytest.mark.parametrize("scale", [0.0, 5.0])
def test_a_silence_too_short_for_a_pause_belongs_to_its_word(scale: float) -> None:
    chunk = np.concatenate([WORD, noise(0.08), WORD])
    assert np.array_equal(scaled([chunk], [PauseScales(inside=scale)]), chunk)


def test_the_start_and_the_end_of_the_speech_stay() -> None:
    chunk = np.concatenate([noise(0.3), WORD, noise(0.3)])
    assert np.array_equal(scaled([chunk], [PauseScales(inside=0)]), chunk)


def test_a_softer_voice_is_no_silence() -> None:
    chunks = [WORD, WORD * np.float32(0.05)]
    assert np.array_equal(scaled(chunks, [PauseScales(0, 0, 0)] * 2), np.concatenate(chunks))


@pytest.mark.parametrize("chunk", [noise(0.5), noise(0.5)[:0]])
def test_a_chunk_without_a_word_is_one_silence(chunk: Pcm) -> None:
    assert len(scaled([chunk], [PauseScales(after=0)])) <= 0.021 * RATE_HZ


@given(st.lists(st.integers(0, 6000), max_size=8), st.floats(0, 5))
@settings(max_examples=25, deadline=None)
def test_how_a_chunk_is_cut_makes_no_difference(sizes: list[int], scale: float) -> None:
    chunk = np.concatenate([noise(0.1), WORD, noise(0.25), WORD, noise(0.15), WORD[:1000]])
    scales = [PauseScales(scale, scale, scale)]
    assert np.array_equal(scaled([chunk], scales, sizes), scaled([chunk], scales))


@given(st.floats(0, 5))
@settings(max_examples=15, deadline=None)
def test_no_cut_clicks(scale: float) -> None:
    chunk = np.concatenate([WORD, noise(0.3, -50), WORD])
    made = scaled([chunk], [PauseScales(inside=scale)])
    quiet = made[len(WORD) + 10 : -len(WORD) - 10]
    assert np.abs(np.diff(quiet)).max(initial=0) <= np.abs(np.diff(noise(0.3, -50))).max()
