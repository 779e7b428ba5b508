"""Lets Ray Serve's own autoscaling go by the policy of `app.fleet`, with a clock of its own.

    FLEET_REPLICAS=2 FLEET_MAX_REPLICAS=20 python -m tests.fleet.ray_scaling CONFIG…

It is run in the environment of `make test-fleet`. For each CONFIG, `app.fleet` or a file in the
shape of `deploy/serve.yaml`, it prints, as JSON, at which second how many replicas are wanted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml
from ray.serve import autoscaling_policy
from ray.serve._private import autoscaling_state
from ray.serve._private.common import (
    DeploymentID,
    ReplicaID,
    ReplicaMetricReport,
    TimeStampedValue,
)
from ray.serve.config import AutoscalingConfig

from app.scaling import BUSY, FIRST_AUDIO, WAIT

START_SECONDS = 20
"""A new replica takes so long to be ready."""
END_SECONDS = 800
NAME = DeploymentID("pocket-speech", "pocket-speech")


def config_of(where: str) -> AutoscalingConfig:
    if where == "app.fleet":
        from app.fleet import app  # noqa: PLC0415 - reads the settings

        deployed = cast("Any", app)._bound_deployment._deployment_config
        return cast("AutoscalingConfig", deployed.autoscaling_config)
    (application,) = yaml.safe_load(Path(where).read_text("utf-8"))["applications"]
    (deployment,) = application["deployments"]
    return AutoscalingConfig(**deployment["autoscaling_config"])


def waits(second: int) -> dict[str, float]:
    """What each replica tells: people wait long for half a minute, and then nobody is there."""
    if 5 <= second < 35:
        return {FIRST_AUDIO: 3.0, WAIT: 0.0, BUSY: 1.0}
    return {FIRST_AUDIO: 0.0, WAIT: 0.0, BUSY: 0.0}


def played(config: AutoscalingConfig) -> list[tuple[int, int]]:
    """Return each second at which another number of replicas is wanted, and that number."""
    second: int = 0
    clock = SimpleNamespace(time=lambda: 1e9 + second)
    for module in (autoscaling_policy, autoscaling_state):
        module.time = clock
    deployed = SimpleNamespace(autoscaling_config=config, gang_scheduling_config=None)
    info = SimpleNamespace(
        deployment_config=deployed, target_capacity=None, target_capacity_direction=None
    )
    state = autoscaling_state.DeploymentAutoscalingState(NAME)
    target = state.register(info, 2)
    changes = [(0, target)]
    running = [ReplicaID(str(number), NAME) for number in range(target)]
    ready_at: list[int] = []
    for second in range(1, END_SECONDS):
        while ready_at and ready_at[0] <= second:
            running.append(ReplicaID(str(ready_at.pop(0) * 1000 + len(running)), NAME))
        state.update_running_replica_ids(running)
        for each in running:
            # Those of the last ten seconds, as a replica tells them.
            told = [(back, waits(back)) for back in range(max(0, second - 10), second)]
            series = {
                name: [TimeStampedValue(1e9 + back, values[name]) for back, values in told]
                for name in (FIRST_AUDIO, WAIT, BUSY)
            }
            report = ReplicaMetricReport(each, series, clock.time())
            state.record_request_metrics_for_replica(report)
        wanted = state.get_decision_num_replicas(target)
        if wanted != target:
            changes.append((second, wanted))
            ready_at += [second + START_SECONDS] * max(0, wanted - target)
            running = running[: max(wanted, 0)] if wanted < target else running
            target = wanted
    return changes


if __name__ == "__main__":
    print(json.dumps({where: played(config_of(where)) for where in sys.argv[1:]}))
