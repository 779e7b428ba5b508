"""Jobs of several servers: leases outlast what hangs, and files go with their job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.bounds import POOLS
from app.jobs.leases import Leases
from app.jobs.leasing import LeaseLost, Leasing
from app.jobs.store import JobStore
from app.jobs.takes import ORPHAN_SECONDS
from app.stores.bucket import Bucket
from tests.documents.files import epub, picture
from tests.fakes import FakeEngine
from tests.jobs.postgres import Postgres
from tests.serving import Served, error_of, fake_in_process
from tests.stores.s3 import S3

SCRIPT = "\n\n".join(f"This is paragraph {n}. " + "It goes on and on. " * 12 for n in range(9))
PATIENCE_SECONDS = 60.0


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@dataclass
class Shared:
    """Is what the servers of a test have in common."""

    s3: S3
    bucket: str
    database: str
    folder: Path

    @contextmanager
    def server(self, name: str, engine: FakeEngine | None = None) -> Iterator[Served]:
        urls = {"jobs_url": self.bucket, "database_url": self.database}
        with fake_in_process(self.folder / name, engine, **urls) as served:
            yield served

    def keys(self, part: str) -> set[str]:
        return {key for key in self.s3.keys(self.bucket) if part in key}

    def ask(self, sql: str) -> Any:
        with psycopg.connect(self.database, autocommit=True) as connection:
            found = connection.execute(sql.encode())
            return found.fetchone() if found.description else None


@pytest.fixture
def shared(s3: S3, postgres: Postgres, tmp_path: Path) -> Shared:
    return Shared(s3, s3.bucket(), postgres.database(), tmp_path)


def added(client: httpx.Client, **fields: Any) -> str:
    asked = {"script": SCRIPT, "format": "wav", "max_chars_per_chunk": 60, **fields}
    answer = client.post("/jobs", json=asked)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def is_done(client: httpx.Client, job_id: str) -> bool:
    return bool(client.get(f"/jobs/{job_id}").json()["state"] == "done")


@dataclass
class HangingPuts:
    """Lets takes hang on their way into the store."""

    begun: threading.Semaphore
    go_on: threading.Event

    @classmethod
    def patched(cls, monkeypatch: pytest.MonkeyPatch) -> HangingPuts:
        hanging, put = cls(threading.Semaphore(0), threading.Event()), Bucket.put

        def slow(self: Bucket, key: str, data: bytes | Path) -> None:
            if "/takes/" in key:
                hanging.begun.release()
                assert hanging.go_on.wait(PATIENCE_SECONDS)
            put(self, key, data)

        monkeypatch.setattr(Bucket, "put", slow)
        return hanging

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.begun.acquire(timeout=PATIENCE_SECONDS)


def test_a_store_that_hangs(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are renewed all the same, though every thread of the jobs waits for the store."""
    monkeypatch.setattr("app.jobs.leasing.RENEW_SECONDS", 0.05)
    hanging = HangingPuts.patched(monkeypatch)
    with shared.server("one") as served:
        job_id = added(served.client)
        hanging.wait_for(POOLS["jobs"].threads)
        leased = "SELECT until_seconds FROM leases"
        (before,) = shared.ask(leased)
        until(lambda: shared.ask(leased)[0] > before, "the lease is not renewed")
        hanging.go_on.set()
        until(lambda: is_done(served.client, job_id), "the job is not done")


def refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the jobs of which takes are not kept."""
    refused, require = [], Leasing.require

    def looked(self: Leasing, job_id: str) -> None:
        try:
            require(self, job_id)
        except LeaseLost:
            refused.append(job_id)
            raise

    monkeypatch.setattr(Leasing, "require", looked)
    # Only the end of a segment wakes the server, so that it does not see earlier what happened.
    monkeypatch.setattr("app.jobs.runner.LOOK_SECONDS", PATIENCE_SECONDS)
    return refused


def test_a_job_that_another_has_taken(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spoken by then is not written; once the job is free this server takes it again."""
    refused = refusals(monkeypatch)
    engine = FakeEngine(hold_after=2)
    with shared.server("one", engine) as served:
        job_id = added(served.client)
        until(lambda: len(engine.streams) > 2, "nothing is spoken")
        shared.ask("UPDATE leases SET worker = 'other', until_seconds = until_seconds + 1000")
        engine.let_go.set()
        until(lambda: job_id in refused, "the takes are kept")
        assert shared.keys("/takes/") == set()
        assert served.client.get(f"/jobs/{job_id}").json()["segments_done"] == 0
        monkeypatch.setattr("app.jobs.runner.LOOK_SECONDS", 0.1)
        shared.ask("DELETE FROM leases")
        added(served.client)  # which wakes it
        until(lambda: is_done(served.client, job_id), "the job does not go on")


def test_leases_that_are_lost(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who could not renew writes nothing, and speaks nothing more, until it can."""
    lost = threading.Event()
    monkeypatch.setattr(Leases, "lost", property(lambda _: lost.is_set()))
    refused = refusals(monkeypatch)
    engine = FakeEngine(hold_after=2)
    with shared.server("one", engine) as served:
        job_id = added(served.client)
        until(lambda: len(engine.streams) > 2, "nothing is spoken")
        lost.set()
        engine.let_go.set()
        until(lambda: job_id in refused, "the takes are kept")
        time.sleep(0.5)  # what had begun by then may still come
        spoken = len(engine.streams)
        time.sleep(0.5)
        assert len(engine.streams) == spoken
        assert shared.keys("/takes/") == set()
        lost.clear()
        monkeypatch.setattr("app.jobs.runner.LOOK_SECONDS", 0.1)
        added(served.client)
        until(lambda: is_done(served.client, job_id), "the job does not go on")


def test_a_take_is_heard_on_any_server(shared: Shared) -> None:
    """It is fetched from the store where another server has spoken it, and so is the whole."""
    with shared.server("one") as one, shared.server("two") as two:
        job_id = added(one.client)
        until(lambda: is_done(one.client, job_id), "the job is not done")
        for what in ("segments/2/audio", "segments/2/audio?take=1", "audio", "output"):
            sounds = [each.client.get(f"/jobs/{job_id}/{what}") for each in (one, two)]
            assert [each.status_code for each in sounds] == [200, 200], what
            assert sounds[0].content == sounds[1].content
        error_of(two.client.get(f"/jobs/{job_id}/segments/2/audio?take=2"), 404)


def test_a_take_that_was_spoken_too_late(shared: Shared) -> None:
    """The one that counts is in the store, whatever this server has made of it."""
    with shared.server("one") as one:
        job_id = added(one.client)
        until(lambda: is_done(one.client, job_id), "the job is not done")
        whole = one.client.get(f"/jobs/{job_id}/audio").content
        take = shared.folder / "one" / "jobs" / job_id / "takes" / "000002.1.wav"
        take.write_bytes(take.read_bytes()[:-100])
        assert one.client.get(f"/jobs/{job_id}/audio").content == whole


def test_a_job_that_is_removed(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is left in the store, though another server still speaks it."""
    hanging = HangingPuts.patched(monkeypatch)
    with shared.server("one") as one, shared.server("two") as two:
        job_id = added(one.client)
        hanging.wait_for(1)
        assert two.client.delete(f"/jobs/{job_id}").status_code == 200
        hanging.go_on.set()
        folders = [shared.folder / name / "jobs" / job_id for name in ("one", "two")]
        until(lambda: not any(each.exists() for each in folders), "files are left on a disk")
        until(lambda: not shared.keys(job_id), "files are left in the store")


def test_a_store_that_is_away_when_a_job_is_removed(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is gone, and nobody is told anything else; its files are swept later."""
    monkeypatch.setattr("app.stores.bucket.RETRY_SECONDS", 0.1)
    with shared.server("one") as one:
        job_id = added(one.client)
        until(lambda: is_done(one.client, job_id), "the job is not done")
        shared.s3.go()
        try:
            assert one.client.delete(f"/jobs/{job_id}").status_code == 200
        finally:
            shared.s3.come()
        error_of(one.client.get(f"/jobs/{job_id}"), 404)
    left = shared.keys(job_id)
    assert left
    for key in left:
        shared.s3.age(shared.bucket, key, ORPHAN_SECONDS + 10)
    young = f"{'0' * 32}/cover.jpg"
    Bucket(shared.bucket).put(young, b"of a job that is being made")
    with shared.server("one"):
        until(lambda: not shared.keys(job_id), "the files are not swept")
    assert shared.keys("cover.jpg") == {young}


def test_a_cover(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the store before the job is there, and goes if the job was there already."""
    looked: list[bool] = []
    add = JobStore.add

    def with_cover(self: JobStore, *arguments: Any) -> tuple[str, bool]:
        looked.append(len(shared.keys("cover.jpg")) == len(looked) + 1)
        return add(self, *arguments)

    monkeypatch.setattr(JobStore, "add", with_cover)
    book = epub({"one": "<h1>One</h1><p>Hello there.</p>"}, others={"OPS/c.png": picture()})
    with shared.server("one") as one:
        files = {"document": ("tale.epub", book)}
        made = one.client.post("/jobs", files=files, headers={"Idempotency-Key": "mine"})
        assert made.status_code == 202, made.text
        assert looked == [True]
        # As if this request had looked for the key before the other one had made the job.
        monkeypatch.setattr(JobStore, "with_key", lambda *_: None)
        again = one.client.post("/jobs", files=files, headers={"Idempotency-Key": "mine"})
        assert again.json()["id"] == made.json()["id"]
        assert shared.keys("cover.jpg") == {f"{made.json()['id']}/cover.jpg"}


def test_no_cover_is_looked_for(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that has none does not ask the store for it, with each chapter, in vain."""
    fetched: list[str] = []
    fetch = Bucket.fetch

    def noted(self: Bucket, key: str, path: Path) -> None:
        fetched.append(key)
        fetch(self, key, path)

    monkeypatch.setattr(Bucket, "fetch", noted)
    with shared.server("one") as one:
        job_id = added(one.client, format="flac", files="chapters")
        until(lambda: is_done(one.client, job_id), "the job is not done")
    assert not [key for key in fetched if "cover" in key]
