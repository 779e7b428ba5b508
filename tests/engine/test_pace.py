"""The pace follows the work that was done and does not count idle time."""

from __future__ import annotations

import pytest

from app.engine.pace import MAX_LATENTS_PER_DECODE, Pace
from app.speech_engine import EngineStatus


def test_the_pace_is_audio_per_busy_second_of_all_workers() -> None:
    pace = Pace(workers=2, frame_seconds=0.08)
    for _ in range(500):
        pace.sampled(0.02)
        pace.decoded(4, 0.04)
    assert pace.audio_seconds_per_second == pytest.approx(2 * 4 * 0.08 / 0.06, rel=0.02)


def test_the_pace_follows_a_machine_that_slows_down() -> None:
    pace = Pace(workers=1, frame_seconds=0.08)
    for seconds in [0.01] * 500 + [0.1] * 100:
        pace.decoded(1, seconds)
    assert pace.audio_seconds_per_second == pytest.approx(0.8, rel=0.1)


def test_what_was_reached_with_company_is_remembered_for_a_while() -> None:
    """A full queue is worked off by large batches, whatever the batches before it were like."""
    pace = Pace(workers=1, frame_seconds=0.08)
    for _ in range(500):
        pace.decoded(10, 0.02)
    crowded = pace.audio_seconds_per_second
    for _ in range(200):
        pace.decoded(1, 0.02)
    assert pace.audio_seconds_per_second < 0.5 * crowded
    assert 0.6 * crowded < pace.crowded_audio_seconds_per_second <= crowded * 1.01
    for _ in range(3000):
        pace.decoded(1, 0.02)
    assert pace.crowded_audio_seconds_per_second < 0.3 * crowded


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
