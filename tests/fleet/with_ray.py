"""Starts a fleet under Ray Serve, and knows which processes its replicas are."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fleet.servers import ROOT, SETTINGS, free_port

PYTHON = ROOT / ".venv-fleet" / "bin" / "python"
READY_SECONDS = 180.0
_MARK = "FLEET_OF_TESTS"


@dataclass
class RayFleet:
    """Holds a running fleet."""

    port: int
    mark: str
    log: Path
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self, times: int = 1) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while self.log.read_text("utf-8", "replace").splitlines().count("ready") < times:
            told = self.log.read_text("utf-8", "replace")[-3000:]
            assert self.process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.1)

    def upgrade(self) -> None:
        """Bring up new replicas in the place of the old ones."""
        before = self.log.read_text("utf-8", "replace").splitlines().count("ready")
        assert self.process.stdin is not None
        self.process.stdin.write("upgrade\n")
        self.process.stdin.flush()
        self.wait_until_ready(before + 1)

    def replicas(self) -> list[int]:
        """List the processes of the replicas."""
        return [pid for pid, name in self._processes() if name.startswith(b"ray::ServeReplica")]

    def kill_a_replica(self) -> None:
        os.kill(self.replicas()[0], signal.SIGKILL)

    def end(self) -> None:
        """End all that this fleet has started, and nothing else."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        for pid, _ in self._processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _processes(self) -> Iterator[tuple[int, bytes]]:
        mark = f"{_MARK}={self.mark}".encode()
        for each in Path("/proc").iterdir():
            if each.name.isdigit():
                try:
                    environment = (each / "environ").read_bytes()
                    name = (each / "cmdline").read_bytes()
                except OSError:
                    continue
                if mark in environment.split(b"\0"):
                    yield int(each.name), name


def ray_python() -> Path:
    """Return a Python that has Ray; without one the test is skipped, though never in CI."""
    if not PYTHON.exists():
        reason = "Ray is not installed: `make test-fleet` does that"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return PYTHON


@contextmanager
def ray_fleet(folder: Path, shared: Mapping[str, str]) -> Iterator[RayFleet]:
    """Run two replicas."""
    python = ray_python()
    folder.mkdir(parents=True, exist_ok=True)
    port, mark, log = free_port(), secrets.token_hex(8), folder / "log"
    # Paths of Ray's sockets may not be long.
    temporary = Path("/tmp") / f"ray-{mark}"
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME")},
        **SETTINGS,
        "PYTHONPATH": str(ROOT),
        "FLEET_REPLICAS": "2",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_agent_register_timeout_ms": "300000",
        _MARK: mark,
        **{name.upper(): str(folder / name) for name in ("models_dir", "jobs_dir")},
        **{name.upper(): str(folder / name) for name in ("voices_dir", "voice_output_dir")},
        "DICTIONARIES_DIR": str(folder / "dictionaries"),
        "PRONUNCIATIONS_FILE": str(folder / "pronunciations.txt"),
        **shared,
    }
    with log.open("wb") as written:
        process = subprocess.Popen(
            [python, "-m", "tests.fleet.ray_driver", str(port), str(temporary)],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=written,
            text=True,
        )
    fleet = RayFleet(port, mark, log, process)
    try:
        fleet.wait_until_ready()
        yield fleet
    finally:
        fleet.end()
        subprocess.run(["rm", "-rf", str(temporary)], check=False)
