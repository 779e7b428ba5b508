"""Words are timed by looks and silences, in order, and alike however the frames arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.engine.alignment.follow import FRAMES_AT_ONCE, AttentionAligner
from app.speech import Pcm, WordTime
from app.speech_engine import Alignment
from tests.engine.alignment.made_up import (
    FRAME_SAMPLES,
    FRAME_SECONDS,
    SURE,
    look_at,
    mass_at,
    sound,
    words_of,
)


def timed(
    mass: NDArray[np.float32],
    pcm: Pcm,
    *,
    pauses: tuple[int, ...] = (),
    alignment: Alignment = SURE,
    frames_at_once: int = 1,
) -> list[WordTime]:
    """Time words that are one token each, and note nothing of when that is known."""
    words = mass.shape[1]
    shares = np.eye(words, dtype=np.float32)
    aligner = AttentionAligner(
        words_of(words, pauses=pauses),
        shares,
        look_at(mass[None]),
        alignment,
        frame_samples=FRAME_SAMPLES,
    )
    told: list[WordTime] = []
    for begin in range(0, len(pcm), frames_at_once * FRAME_SAMPLES):
        told += aligner.advance(pcm[begin : begin + frames_at_once * FRAME_SAMPLES])
    return told + list(aligner.finish())


def test_words_begin_where_the_look_passes_to_them() -> None:
    """Without silences a word ends where the next one begins."""
    first, second, third = timed(mass_at([5.0, 9.5], 15), sound(15, silent=[(0, 0.05)]))
    assert first.start_seconds == pytest.approx(0.05, abs=0.011)
    assert first.end_seconds == second.start_seconds == pytest.approx(0.40, abs=0.01)
    assert second.end_seconds == third.start_seconds == pytest.approx(0.76, abs=0.01)
    assert third.end_seconds == pytest.approx(15 * FRAME_SECONDS, abs=0.01)


def test_the_offset_moves_borders() -> None:
    late = Alignment("attention", gain=0.9, offset_seconds=0.03)
    first, _ = timed(mass_at([6.0], 12), sound(12), alignment=late)
    assert first.end_seconds == pytest.approx(0.51, abs=0.01)


@pytest.mark.parametrize(
    ("length", "pauses", "parts"),
    [(0.3, (), True), (0.07, (), False), (0.07, (0,), True), (0.03, (0,), False)],
)
def test_a_silence_parts_two_words(length: float, pauses: tuple[int, ...], parts: bool) -> None:
    """One of a tenth of a second does, and a shorter one at a mark; a stop consonant does not."""
    pcm = sound(14, silent=[(0.44, 0.44 + length)])
    first, second = timed(mass_at([6.0], 14), pcm, pauses=pauses)
    if parts:
        assert first.end_seconds == pytest.approx(0.44, abs=0.011)
        assert second.start_seconds == pytest.approx(0.44 + length, abs=0.011)
    else:
        assert first.end_seconds == second.start_seconds == pytest.approx(0.48, abs=0.01)


def test_the_silence_after_the_last_word_is_not_the_words() -> None:
    *_, last = timed(mass_at([5.0], 15), sound(15, silent=[(0.9, 1.2)]))
    assert last.end_seconds == pytest.approx(0.9, abs=0.011)


def test_a_word_is_told_soon_after_it_has_sounded() -> None:
    """Two frames after the first frame of the next word, or when the next few are followed."""
    mass, pcm = mass_at([6.0, 20.0], 30), sound(30)
    shares = np.eye(3, dtype=np.float32)
    aligner = AttentionAligner(
        words_of(3), shares, look_at(mass[None]), SURE, frame_samples=FRAME_SAMPLES
    )
    heard = [
        len(aligner.advance(pcm[begin : begin + FRAME_SAMPLES]))
        for begin in range(0, len(pcm), FRAME_SAMPLES)
    ]
    told_at = [frame for frame, words in enumerate(heard, 1) for _ in range(words)]
    for told, border in zip(told_at, (6, 20), strict=True):
        assert border + 2 < told <= border + 2 + FRAMES_AT_ONCE


def test_heads_of_little_gain_are_given_more_time() -> None:
    """A look that strays for two frames misleads sure heads, and not unsure ones."""
    mass = mass_at([8.0], 16)
    mass[3:6] = [0.1, 0.9]
    pcm = sound(16)
    unsure = Alignment("attention", gain=0.3)
    assert timed(mass, pcm)[0].end_seconds < 0.35
    assert timed(mass, pcm, alignment=unsure)[0].end_seconds == pytest.approx(0.64, abs=0.1)


def test_no_audio_at_all() -> None:
    """Words of a chunk that is silent have no time, but they are all there."""
    times = timed(np.zeros((0, 3), np.float32), sound(0))
    assert [(word.start_seconds, word.end_seconds) for word in times] == [(0, 0)] * 3


@st.composite
def chunks(draw: st.DrawFn) -> tuple[NDArray[np.float32], Pcm, tuple[int, ...]]:
    """Any looks at any number of words, over audio with any silences."""
    words, frames = draw(st.integers(1, 8)), draw(st.integers(1, 24))
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    mass = generator.random((frames, words)) ** draw(st.sampled_from([1, 8, 40])) + 1e-4
    mass /= mass.sum(1, keepdims=True)
    end = frames * FRAME_SECONDS
    silent = draw(st.lists(st.tuples(st.floats(0, end), st.floats(0, 0.6)), max_size=4))
    pcm = sound(frames, silent=[(start, start + length) for start, length in silent])
    pauses = tuple(draw(st.sets(st.integers(0, words - 1))))
    return mass.astype(np.float32), pcm, pauses


@settings(max_examples=200)
@given(chunks(), st.floats(-0.1, 0.1), st.integers(2, 9))
def test_all_words_come_in_order(
    chunk: tuple[NDArray[np.float32], Pcm, tuple[int, ...]], offset: float, at_once: int
) -> None:
    """Whatever the model looks at: each word once, one after the other, inside the audio.

    And all the same however many frames arrive together.
    """
    mass, pcm, pauses = chunk
    alignment = Alignment("attention", gain=0.9, offset_seconds=offset)
    times = timed(mass, pcm, pauses=pauses, alignment=alignment)
    assert [word.start for word in times] == [2 * i for i in range(mass.shape[1])]
    moments = [moment for word in times for moment in (word.start_seconds, word.end_seconds)]
    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments[-1] <= len(pcm) / 24_000 + 1e-9
    assert times == timed(mass, pcm, pauses=pauses, alignment=alignment, frames_at_once=at_once)
