"""A fleet grows by how long people wait, at once, and shrinks slowly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.scaling import (
    BUSY,
    FIRST_AUDIO,
    FIRST_AUDIO_SECONDS,
    MOST_GROWTH,
    QUIET_SECONDS,
    WAIT,
    Waits,
    replicas_wanted,
)
from app.services import Services
from app.speech_engine import EngineStatus
from app.telemetry.meter import Meter

MINUTE = 60.0


@dataclass
class Seen:
    current_num_replicas: int = 4
    target_num_replicas: int = 4
    capacity_adjusted_min_replicas: int = 2
    capacity_adjusted_max_replicas: int = 10
    current_time: float | None = 1000.0
    aggregated_metrics: dict[str, dict[Any, float]] = field(default_factory=dict)
    policy_state: dict[str, Any] = field(default_factory=dict)


def seen(first: float, wait: float, busy: float, **other: Any) -> Seen:
    told = {FIRST_AUDIO: first, WAIT: wait, BUSY: busy}
    metrics = {name: dict.fromkeys("abcd", value) for name, value in told.items()}
    return Seen(aggregated_metrics=metrics, **other)


@pytest.mark.parametrize(
    ("first", "wait", "busy", "wanted"),
    [
        (0.2, 0.0, 1.0, 4),  # cores at their limit, and nobody waits
        (1.5, 0.0, 1.0, 6),
        (0.2, 1.3, 1.0, 6),
        (30.0, 0.0, 1.0, 8),
        (0.0, 0.0, 0.0, 4),
    ],
)
def test_waits_decide(first: float, wait: float, busy: float, wanted: int) -> None:
    """Not how busy a replica is, but how long people wait for sound or in the queue."""
    assert replicas_wanted(seen(first, wait, busy))[0] == wanted


def test_bounds() -> None:
    """There are never more replicas than allowed, nor fewer."""
    many = {"current_num_replicas": 8, "target_num_replicas": 8}
    assert replicas_wanted(seen(9.0, 9.0, 1.0, **many))[0] == 10
    few = {"current_num_replicas": 1, "target_num_replicas": 1}
    assert replicas_wanted(seen(0.0, 0.0, 0.0, **few))[0] == 2


def test_it_shrinks_slowly() -> None:
    """One goes once it has been quiet for long; work in between begins that anew."""
    state: dict[str, Any] = {}
    gone_at = []
    for minute in range(14):
        busy = 0.9 if minute == 3 else 0.1
        wanted, state = replicas_wanted(
            seen(0.1, 0.0, busy, current_time=minute * MINUTE, policy_state=state)
        )
        if wanted < 4:
            gone_at.append(minute)
    quiet_minutes = int(QUIET_SECONDS / MINUTE)
    assert gone_at == [3 + quiet_minutes + 1]


def test_those_that_start_are_waited_for() -> None:
    """The fleet does not grow beyond twice what was there, nor gives any up for a quiet moment."""
    state: dict[str, Any] = {}
    target, asked = 4, []
    # They take twenty seconds; then the averages are those of the smaller fleet for ten more.
    for second, there, slow in (
        (0, 4, 1.2),
        (1, 4, 3.0),
        (5, 4, 0.1),
        (19, 6, 3.0),
        (20, 8, 3.0),
        (25, 8, 1.5),
        (31, 8, 1.25),
    ):
        now = {"current_time": float(second), "policy_state": state}
        size = {"current_num_replicas": there, "target_num_replicas": target}
        target, state = replicas_wanted(seen(slow, 0.0, 1.0, **now, **size))
        asked.append(target)
    assert asked == [5, 8, 8, 8, 8, 8, 10]


def test_nothing_is_known_yet() -> None:
    """Before the first replica has told anything, there are as many as there are."""
    assert replicas_wanted(Seen(aggregated_metrics={}))[0] == 4


def test_what_a_replica_tells() -> None:
    """It tells how long those waited who came since it was last asked, and how full it is."""
    meter = Meter("0.0")
    status = EngineStatus(
        running_rows=8,
        queued_jobs=2,
        max_running_rows=32,
        max_queued_jobs=64,
        precision="float32",
        device="cpu",
        alive=True,
        queued_seconds=30.0,
        audio_rate=10.0,
    )
    supervisor = SimpleNamespace(status=lambda: SimpleNamespace(engine=status))
    speakers = SimpleNamespace(current=SimpleNamespace(supervisor=supervisor))
    waits = Waits(cast("Services", SimpleNamespace(meter=meter, cast=speakers)))
    assert waits.told() == {FIRST_AUDIO: 0.0, WAIT: 3.0, BUSY: 0.25}
    for seconds in (0.5, 1.5):
        meter.first_audio_seconds.labels("english").observe(seconds)
    assert waits.told()[FIRST_AUDIO] == 1.0
    assert waits.told()[FIRST_AUDIO] == 0.0
    # A queue that is short and full lets people go, as if they had to wait long.
    status = replace(status, queued_seconds=1.0)
    assert waits.told()[WAIT] == 0.1
    status = replace(status, queued_jobs=64)
    assert waits.told()[WAIT] == MOST_GROWTH * FIRST_AUDIO_SECONDS
