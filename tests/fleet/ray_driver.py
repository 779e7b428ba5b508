"""Runs a fleet with Ray on this machine; `make test-fleet` has it in an environment of its own.

    python -m tests.fleet.ray_driver PORT FOLDER

It says "ready" once all replicas take requests. For each line that it reads it brings up new
replicas in the place of the old ones, one after the other, and says "ready" again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ray
from ray import serve

from app.fleet import app


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    ray.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=100_000_000,
        _temp_dir=str(folder),
    )
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    serve.run(app, name="pocket-speech", route_prefix="/")
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin, start=1):
        # Replicas whose environment is another one are new, as with new code.
        options = {"num_cpus": 1, "runtime_env": {"env_vars": {"RELEASE": str(number)}}}
        again = app._bound_deployment.options(ray_actor_options=options).bind()
        serve.run(again, name="pocket-speech", route_prefix="/")
        print("ready", flush=True)
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
