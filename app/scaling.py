"""Says how many replicas a fleet should have, by what people wait for; knows nothing of Ray."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from app.services import Services
from app.speech_engine import EngineStatus

FIRST_AUDIO_SECONDS = 1.0
"""People should hear something within so long, on average, and the queue be no longer."""
QUIET_SHARE = 0.4
"""Below this share of its rows a replica has room for the work of another."""
QUIET_SECONDS = 300.0
"""A replica goes only once all have been quiet for so long: one that comes back loads a model."""
MOST_GROWTH = 2.0
"""At once the fleet grows to so many times its size at most."""
LOOK_BACK_SECONDS = 10.0
"""What replicas tell is averaged over so long, so that what it says of a fleet that has grown is
true only once that has passed."""

FIRST_AUDIO, WAIT, BUSY = "first_audio_seconds", "wait_seconds", "busy_share"


class Seen(Protocol):
    """Is what Ray Serve tells a policy; see ray.serve.config.AutoscalingContext."""

    current_num_replicas: int
    target_num_replicas: int
    capacity_adjusted_min_replicas: int
    capacity_adjusted_max_replicas: int
    policy_state: dict[str, Any]

    @property
    def current_time(self) -> float | None: ...

    @property
    def aggregated_metrics(self) -> Mapping[str, Mapping[Any, float]] | None: ...


class Waits:
    """Measures how long people wait at one replica, from one question to the next."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._count, self._total = services.meter.first_audio_so_far

    def told(self) -> dict[str, float]:
        """Return what `replicas_wanted` goes by."""
        count, total = self._services.meter.first_audio_so_far
        more, longer = count - self._count, total - self._total
        self._count, self._total = count, total
        engine = self._services.cast.current.supervisor.status().engine
        return {
            FIRST_AUDIO: longer / more if more else 0.0,
            WAIT: _wait_seconds(engine) if engine else 0.0,
            BUSY: engine.running_rows / engine.max_running_rows if engine else 0.0,
        }


def _wait_seconds(engine: EngineStatus) -> float:
    """Return how long the queue is; where it is full, somebody is refused, who waits longest."""
    is_full = 0 < engine.max_queued_jobs <= engine.queued_jobs
    least = MOST_GROWTH * FIRST_AUDIO_SECONDS if is_full else 0.0
    return max(least, engine.queued_seconds / engine.audio_rate)


def replicas_wanted(seen: Seen) -> tuple[int, dict[str, Any]]:
    """Return how many replicas there should be, and what to remember until the next time.

    The fleet grows at once where people wait too long, as much as they wait too long, and shrinks
    by one once it has been quiet for `QUIET_SECONDS`. While it grows, and until that can be seen in
    how long people wait, its size is that from which it began to.
    """
    metrics = seen.aggregated_metrics or {}
    slow = max(_mean(metrics.get(FIRST_AUDIO)), _mean(metrics.get(WAIT))) / FIRST_AUDIO_SECONDS
    there, target = seen.current_num_replicas, seen.target_num_replicas
    now_seconds = seen.current_time or 0.0
    quiet_since = seen.policy_state.get("quiet_since_seconds", now_seconds)
    grew_at = seen.policy_state.get("grew_at_seconds", -math.inf)
    if there < target:
        grew_at = now_seconds
    has_settled = now_seconds - grew_at >= LOOK_BACK_SECONDS
    size = there if has_settled else seen.policy_state.get("size", there)
    wanted = target
    if slow > 1.0:
        quiet_since = now_seconds
        wanted = max(target, math.ceil(size * min(slow, MOST_GROWTH)))
    elif _mean(metrics.get(BUSY)) > QUIET_SHARE:
        quiet_since = now_seconds
    elif now_seconds - quiet_since > QUIET_SECONDS:
        wanted = target - 1
        quiet_since = now_seconds
    low, high = seen.capacity_adjusted_min_replicas, seen.capacity_adjusted_max_replicas
    state = {"quiet_since_seconds": quiet_since, "grew_at_seconds": grew_at, "size": size}
    return max(low, min(high, wanted)), state


def _mean(by_replica: Mapping[Any, float] | None) -> float:
    values = list((by_replica or {}).values())
    return sum(values) / len(values) if values else 0.0
