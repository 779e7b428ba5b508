"""Joined chunks have no clicks, natural pauses, and never lose or gain a sample otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.effects import CHUNK_FADE_SECONDS, PAUSE_SECONDS, ChunkJoiner
from app.errors import SynthesisFailed
from app.speech import Boundary, Frames, Pcm
from tests.audio.probe import voice_like

RATE_HZ = 24000
FADE_SAMPLES = round(CHUNK_FADE_SECONDS * RATE_HZ)
SOURCE = voice_like(1.0)

chunk_plans = st.lists(
    st.tuples(st.integers(0, 600), st.sampled_from(Boundary), st.lists(st.integers(0, 200))),
    min_size=1,
    max_size=5,
)
"""(samples, what follows, sizes of the frames it comes in) per chunk"""


def chunk_pcm(index: int, samples: int) -> Pcm:
    """A stretch of speech that starts at a steady level, as the engine fades chunks in."""
    pcm = SOURCE[index * 1000 : index * 1000 + samples].copy()
    ramp = np.linspace(0, 1, FADE_SAMPLES, dtype=np.float32)[:samples]
    pcm[: len(ramp)] *= ramp
    return pcm


def join(chunks: list[Pcm], boundaries: list[Boundary], cuts: list[list[int]]) -> Pcm:
    joiner = ChunkJoiner(boundaries, RATE_HZ)
    out = []
    for index, (pcm, sizes) in enumerate(zip(chunks, cuts, strict=True)):
        pieces = np.split(pcm, np.minimum(np.cumsum(sizes, dtype=int), len(pcm)))
        for number, piece in enumerate(pieces, start=1):
            assert not joiner.finished
            out.append(joiner.feed(Frames(index, piece, chunk_last=number == len(pieces))))
    assert joiner.finished
    return np.concatenate(out)


@given(chunk_plans)
@settings(max_examples=60, deadline=None)
def test_how_chunks_are_cut_into_frames_makes_no_difference(
    plan: list[tuple[int, Boundary, list[int]]],
) -> None:
    chunks = [chunk_pcm(index, samples) for index, (samples, _, _) in enumerate(plan)]
    boundaries = [boundary for _, boundary, _ in plan]
    whole = join(chunks, boundaries, [[] for _ in plan])
    assert np.array_equal(join(chunks, boundaries, [sizes for _, _, sizes in plan]), whole)
    pauses = sum(round(PAUSE_SECONDS[boundary] * RATE_HZ) for boundary in boundaries)
    assert len(whole) == sum(map(len, chunks)) + pauses
    assert whole.dtype == np.float32


@given(chunk_plans)
@settings(max_examples=60, deadline=None)
def test_no_join_jumps_more_than_the_speech_itself(
    plan: list[tuple[int, Boundary, list[int]]],
) -> None:
    chunks = [chunk_pcm(index, samples) for index, (samples, _, _) in enumerate(plan)]
    joined = join(chunks, [boundary for _, boundary, _ in plan], [sizes for _, _, sizes in plan])
    steepest = np.abs(np.diff(SOURCE)).max() + np.abs(SOURCE).max() / FADE_SAMPLES
    long_enough = all(len(pcm) >= 2 * FADE_SAMPLES for pcm in chunks)
    if long_enough:
        assert np.abs(np.diff(joined, prepend=0, append=0)).max(initial=0) <= steepest


def test_only_the_last_five_milliseconds_of_a_chunk_change() -> None:
    pcm = chunk_pcm(0, 5000)
    joined = join([pcm], [Boundary.SENTENCE], [[1920, 1920]])
    assert np.array_equal(joined[: 5000 - FADE_SAMPLES], pcm[: 5000 - FADE_SAMPLES])
    assert joined[4999] == 0
    assert not joined[5000:].any()


def test_pauses_grow_with_what_stood_in_between() -> None:
    order = [Boundary.WORD, Boundary.CLAUSE, Boundary.SENTENCE, Boundary.PARAGRAPH]
    pauses = [PAUSE_SECONDS[boundary] for boundary in order]
    assert pauses == sorted(set(pauses))
    assert PAUSE_SECONDS[Boundary.END] == 0


def test_audio_is_passed_on_at_once_but_for_the_last_five_milliseconds() -> None:
    joiner = ChunkJoiner([Boundary.END], RATE_HZ)
    first = joiner.feed(Frames(0, chunk_pcm(0, 1920), chunk_last=False))
    assert len(first) == 1920 - FADE_SAMPLES


@pytest.mark.parametrize("index", [1, 2])
def test_frames_out_of_order_are_an_error(index: int) -> None:
    joiner = ChunkJoiner([Boundary.SENTENCE, Boundary.END], RATE_HZ)
    with pytest.raises(SynthesisFailed, match="in the place of 0"):
        joiner.feed(Frames(index, SOURCE, chunk_last=True))


def test_frames_after_the_last_chunk_are_an_error() -> None:
    joiner = ChunkJoiner([Boundary.END], RATE_HZ)
    joiner.feed(Frames(0, SOURCE, chunk_last=True))
    with pytest.raises(SynthesisFailed):
        joiner.feed(Frames(1, SOURCE, chunk_last=True))
