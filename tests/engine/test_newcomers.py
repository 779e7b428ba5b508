"""Newcomers are heard soon and listeners hear no gap, on a simulated machine of measured speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.newcomers import (
    POISSON_LOAD,
    SHARE,
    Heard,
    closed_loop,
    least_rate,
    poisson,
    warm_engine,
    within_a_second,
)
from benchmarks.simulated import Steps

RATE = 17.0
"""The simulated machine makes about so many seconds of audio a second."""
FAST_SHARE = 1.3
"""As if it had more cores; it makes 23 then."""


@pytest.mark.parametrize("listeners", [8, 16])
def test_who_comes_within_a_second_is_heard_soon(listeners: int) -> None:
    runs = [within_a_second(warm_engine(Steps(), SHARE, seed), listeners) for seed in range(12)]
    heard = Heard.together(runs)
    assert heard.waited(0.95) < 0.3
    assert heard.with_gaps == 0
    assert heard.audio_rate > 0.85 * RATE


@pytest.mark.parametrize("seed", range(2))
def test_who_comes_at_random_is_heard_soon(seed: int) -> None:
    heard = poisson(warm_engine(Steps(), SHARE, seed), POISSON_LOAD * RATE)
    assert heard.waited(0.95) < 0.3
    assert heard.with_gaps == 0


def test_as_many_as_the_machine_can_serve_may_ask_again_and_again() -> None:
    heard = closed_loop(warm_engine(Steps(), SHARE, 0), 16)
    assert heard.waited(0.95) < 0.3
    assert heard.with_gaps == 0


def test_of_more_than_the_machine_can_serve_most_are_heard_soon_and_nobody_hears_a_gap() -> None:
    runs = [within_a_second(warm_engine(Steps(), SHARE, seed), 24) for seed in range(4)]
    heard = Heard.together(runs)
    assert heard.waited(0.6) < 0.3
    assert heard.with_gaps <= 0.02
    assert least_rate(24, 0.6) > RATE


def test_a_machine_that_can_serve_all_lets_all_in() -> None:
    """Also while chunks of long scripts run ahead: they leave rows."""
    runs = [within_a_second(warm_engine(Steps(), FAST_SHARE, seed), 24) for seed in range(4)]
    heard = Heard.together(runs)
    assert heard.waited(0.95) < 0.6
    assert heard.with_gaps == 0


def test_a_simulation_gives_the_same_twice() -> None:
    first, again = (within_a_second(warm_engine(Steps(), SHARE, 1), 8) for _ in range(2))
    assert first == again


def test_steps_are_read_from_what_engine_step_writes(tmp_path: Path) -> None:
    measured = [
        {"rows": 1.0, "flow_lm": 5.0, "prefill_one": 25.0, "codec_1_frame": 10.0},
        {"rows": 8.0, "flow_lm": 12.0, "prefill_one": 26.0, "codec_1_frame": 40.0},
    ]
    file = tmp_path / "engine_step.json"
    file.write_text(json.dumps({"model": "any", "steps": measured}), "utf-8")
    assert Steps.of_file(file) == Steps((1.0, 8.0), (5.0, 12.0), (10.0, 40.0), 0.5)
