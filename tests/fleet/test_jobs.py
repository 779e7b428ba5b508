"""A job of a fleet is finished, though the server dies that works on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fleet.servers import Server, servers
from tests.jobs.postgres import Postgres
from tests.serving import KEY
from tests.stores.s3 import S3

pytestmark = pytest.mark.fleet

SENTENCES = 60
PATIENCE_SECONDS = 150.0


@pytest.fixture
def two(tmp_path: Path, s3: S3, postgres: Postgres) -> Iterator[list[Server]]:
    """Two servers with one database and one store of takes, and disks of their own."""
    shared = {
        **s3.environment,
        "DATABASE_URL": postgres.database(),
        "JOBS_URL": f"{s3.bucket()}/jobs",
        "MAX_RUNNING_ROWS": "4",
    }
    with servers(tmp_path, shared, 2) as started:
        yield started


def job_of(server: Server, job_id: str) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/jobs/{job_id}", headers={"X-API-Key": KEY}, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_the_server_that_works_on_it_dies(two: list[Server]) -> None:
    """Another goes on with what was spoken, and has the finished file."""
    script = " ".join(f"This is sentence number {number}." for number in range(SENTENCES))
    headers = {"X-API-Key": KEY}
    made = httpx.post(
        f"{two[0].url}/jobs",
        json={"script": script, "format": "wav"},
        headers=headers,
        trust_env=False,
    )
    assert made.status_code in (200, 201, 202), made.text
    job_id = made.json()["id"]
    wait(lambda: job_of(two[1], job_id)["segments_done"] >= 2, "nobody begins")
    health = [httpx.get(f"{each.url}/health", trust_env=False).json() for each in two]
    busy = max(range(2), key=lambda number: int(health[number]["engine"]["running_rows"]))
    worker, other = two[busy], two[1 - busy]
    worker.kill()
    done_by_then = job_of(other, job_id)["segments_done"]
    assert job_of(other, job_id)["state"] != "done"
    wait(lambda: job_of(other, job_id)["state"] == "done", "nobody goes on")
    print(f"\n{done_by_then} segments were spoken when the server died")
    output = httpx.get(
        f"{other.url}/jobs/{job_id}/output", headers=headers, trust_env=False, timeout=30
    )
    assert output.status_code == 200
    assert output.content.startswith(b"RIFF")
    assert len(output.content) > SENTENCES * 20_000
