"""The pace follows the work that was done and does not count idle time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.pace import MAX_LATENTS_PER_DECODE, BatchTimes, Pace
from app.speech_engine import EngineStatus


def test_the_pace_is_audio_per_busy_second_of_all_workers() -> None:
    pace = Pace(workers=2, frame_seconds=0.08)
    for _ in range(500):
        pace.sampled(4, 0.02)
        pace.decoded(4, 0.04)
    assert pace.audio_seconds_per_second == pytest.approx(2 * 4 * 0.08 / 0.06, rel=0.02)


def test_the_pace_follows_a_machine_that_slows_down() -> None:
    pace = Pace(workers=1, frame_seconds=0.08)
    for seconds in [0.01] * 500 + [0.1] * 100:
        pace.decoded(1, seconds)
    assert pace.audio_seconds_per_second == pytest.approx(0.8, rel=0.1)


def test_a_few_small_batches_tell_what_large_ones_give() -> None:
    """Weights are read once for each batch, so that a crowd is served faster than two or three."""
    pace = Pace(workers=2, frame_seconds=0.08)
    for rows in (1, 2, 3) * 200:
        pace.sampled(rows, 0.008 + 0.002 * rows)
        pace.decoded(rows, 0.004 + 0.004 * rows)
    per_latent = (0.008 / 16 + 0.002) + (0.004 / 8 + 0.004)
    crowd = pace.audio_seconds_per_second_with(rows=16, latents=8)
    assert crowd == pytest.approx(2 * 0.08 / per_latent, rel=0.1)
    assert crowd > 1.4 * pace.audio_seconds_per_second


def test_while_all_batches_are_alike_larger_ones_are_not_taken_to_give_more() -> None:
    pace = Pace(workers=1, frame_seconds=0.08)
    for _ in range(5000):
        pace.sampled(1, 0.01)
        pace.decoded(1, 0.01)
    crowd = pace.audio_seconds_per_second_with(rows=16, latents=8)
    assert crowd == pytest.approx(0.08 / 0.02, rel=0.05)


def test_texts_that_are_read_take_time_but_do_not_make_the_batch_look_slow() -> None:
    pace, other = (Pace(workers=1, frame_seconds=0.08) for _ in range(2))
    for each in (pace, other) * 100:
        each.sampled(4, 0.02)
        each.decoded(4, 0.02)
        if each is pace:
            each.read(0.03)
    assert pace.audio_seconds_per_second < 0.7 * other.audio_seconds_per_second
    both = [each.audio_seconds_per_second_with(rows=8, latents=8) for each in (pace, other)]
    assert both[0] == pytest.approx(both[1], rel=0.01)


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(1e-4, 10.0)), max_size=30))
def test_no_batch_takes_less_than_no_time(batches: list[tuple[int, float]]) -> None:
    times = BatchTimes(4.0, 0.03)
    for rows, seconds in batches:
        times.add(rows, seconds)
        times.fade()
    own, each = times.line
    assert own >= -1e-9
    assert each >= 0
    assert own + each > 0


@pytest.mark.parametrize(("seconds_per_latent", "latents"), [(0.01, 4), (0.1, 2), (0.0001, None)])
def test_a_decode_fits_into_the_time_allowed_but_is_never_tiny(
    seconds_per_latent: float, latents: int | None
) -> None:
    pace = Pace(workers=1, frame_seconds=0.08)
    for _ in range(1000):
        pace.decoded(2, 2 * seconds_per_latent)
    assert pace.latents_in(0.0405) == (MAX_LATENTS_PER_DECODE if latents is None else latents)


@pytest.mark.parametrize(("seconds_per_latent", "latents"), [(0.0004, 100), (0.0001, 300)])
def test_a_device_for_which_large_batches_pay_gets_them(
    seconds_per_latent: float, latents: int
) -> None:
    """A GPU decodes many latents in the time of one."""
    pace = Pace(workers=1, frame_seconds=0.08, max_latents_per_decode=300)
    for _ in range(20_000):
        pace.decoded(2, 2 * seconds_per_latent)
    assert pace.latents_in(0.0405) == pytest.approx(latents, abs=2)


def test_a_machine_that_stood_still_has_a_rate_all_the_same() -> None:
    """Whoever divides by it is told a long time, and no fault."""
    pace = Pace(workers=1, frame_seconds=0.08)
    pace.decoded(1, 600.0)
    status = EngineStatus(
        running_rows=1,
        queued_jobs=1,
        max_running_rows=1,
        max_queued_jobs=1,
        precision="float32",
        device="cpu",
        alive=True,
        queued_seconds=10.0,
        audio_rate=pace.audio_seconds_per_second,
    )
    assert status.clears_seconds > 1000
    assert pace.audio_seconds_per_second_with(rows=8, latents=8) > 0
