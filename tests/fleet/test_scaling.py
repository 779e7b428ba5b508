"""Ray Serve's own autoscaling does what the policy says, at once, wherever it is configured."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from app.scaling import QUIET_SECONDS
from tests.fleet.servers import ROOT
from tests.fleet.with_ray import ray_python
from tests.serving import KEY

pytestmark = pytest.mark.fleet


def test_as_the_policy_says(tmp_path: Path) -> None:
    """It grows when people wait, waits for those that start, and shrinks after the quiet time."""
    files = ["app.fleet", str(ROOT / "deploy" / "serve.yaml")]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "API_KEY": KEY,
        "FLEET_REPLICAS": "2",
        "FLEET_MAX_REPLICAS": "20",
    }
    played = subprocess.run(
        [ray_python(), "-m", "tests.fleet.ray_scaling", *files],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    by_config = json.loads(played.stdout.splitlines()[-1])
    assert [*by_config] == files
    for changes in by_config.values():
        # People wait from the fifth second on, which is more than a second on average at the
        # eighth: so the fleet grows at once, to double its size. New replicas take twenty seconds,
        # and show in how long people wait after ten more.
        grown = [(second, size) for second, size in changes if second < 60]
        assert grown == [(0, 2), (8, 3), (11, 4), (40, 6)]
        shrunk = [(second, size) for second, size in changes if second >= 60]
        assert [size for _, size in shrunk] == [5, 4]
        (first, _), (second, _) = shrunk
        assert QUIET_SECONDS < first - 40 < QUIET_SECONDS + 10 > second - first > QUIET_SECONDS
