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


def client_of(server: Server) -> httpx.Client:
    headers = {"X-API-Key": KEY}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False)


def job_of(server: Server, job_id: str) -> dict[str, Any]:
    with client_of(server) as client:
        answer = client.get(f"/jobs/{job_id}")
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
    with client_of(two[0]) as client:
        made = client.post("/jobs", json={"script": script, "format": "wav"})
    assert made.status_code in (200, 201, 202), made.text
    job_id = made.json()["id"]
    wait(lambda: job_of(two[1], job_id)["segments_done"] >= 2, "nobody begins")
    health = []
    for each in two:
        with client_of(each) as client:
            health.append(client.get("/health").json())
    busy = max(range(2), key=lambda number: int(health[number]["engine"]["running_rows"]))
    worker, other = two[busy], two[1 - busy]
    worker.kill()
    done_by_then = job_of(other, job_id)["segments_done"]
    assert job_of(other, job_id)["state"] != "done"
    wait(lambda: job_of(other, job_id)["state"] == "done", "nobody goes on")
    print(f"\n{done_by_then} segments were spoken when the server died")
    with client_of(other) as client:
        output = client.get(f"/jobs/{job_id}/output")
    assert output.status_code == 200
    assert output.content.startswith(b"RIFF")
    assert len(output.content) > SENTENCES * 20_000
