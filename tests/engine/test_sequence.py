"""A chunk ends by upstream's rule, and a job knows when its listener needs what."""

from __future__ import annotations

import pytest

from app.engine.sequence import Sequence
from tests.engine.policy import job, read_nothing


def sequence(*, frames_after_eos: int, max_frames: int = 100) -> Sequence[None]:
    chunk = job().sequences[0]
    chunk.frames_after_eos, chunk.max_frames = frames_after_eos, max_frames
    return chunk


def emitted_until_finished(chunk: Sequence[None], eos_from: int) -> int:
    while not chunk.finished:
        chunk.advance(is_eos=chunk.sampled >= eos_from)
    return chunk.emitted


@pytest.mark.parametrize("eos_from", [0, 5, 6])
def test_eos_is_ignored_for_the_first_six_frames(eos_from: int) -> None:
    assert emitted_until_finished(sequence(frames_after_eos=3), eos_from) == 9


@pytest.mark.parametrize(("after", "emitted"), [(0, 10), (1, 11), (4, 14)])
def test_the_frames_after_eos_include_the_one_that_fired(after: int, emitted: int) -> None:
    chunk = sequence(frames_after_eos=after)
    assert emitted_until_finished(chunk, eos_from=10) == emitted
    assert not chunk.reached_maximum


def test_a_chunk_without_eos_ends_at_its_maximum() -> None:
    chunk = sequence(frames_after_eos=3, max_frames=20)
    assert emitted_until_finished(chunk, eos_from=1000) == 20
    assert chunk.reached_maximum


def test_the_maximum_cuts_the_frames_after_eos_short() -> None:
    assert emitted_until_finished(sequence(frames_after_eos=9, max_frames=12), eos_from=8) == 12


def test_a_sequence_retires_when_both_halves_are_through() -> None:
    chunk = sequence(frames_after_eos=1)
    emitted_until_finished(chunk, eos_from=6)
    assert not chunk.retired
    chunk.decoded = chunk.emitted
    chunk.being_decoded = True
    assert not chunk.retired
    chunk.being_decoded = False
    assert chunk.retired


def test_a_cancelled_sequence_retires_once_nobody_computes_it() -> None:
    chunk = sequence(frames_after_eos=1)
    chunk.job.cancelled = chunk.being_sampled = True
    assert not chunk.retired
    chunk.being_sampled = False
    assert chunk.retired


def test_deadlines_move_when_a_chunk_turns_out_longer() -> None:
    book = job(2, at=100.0, progress=read_nothing(), text="x" * 30)
    assert book.due_at_seconds(1, 0.5) == pytest.approx(102.5)
    book.playing_since_seconds = 101.0
    book.sequences[0].expected_seconds = 3.0
    book.lengths_changed()
    assert book.due_at_seconds(1, 0.5) == pytest.approx(104.5)
