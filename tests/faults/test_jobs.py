"""A job survives whatever happens to the server, the disk, its voice and its model."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.errors import ModelUnavailable
from app.jobs.job import JobState
from app.jobs.store import JobStore
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.faults.processes import server_process
from tests.full_disk import full_disk
from tests.serving import fake_in_process, make_settings, serve_fake

SCRIPT = "\n\n".join(f"This is paragraph {n}. " + "It goes on and on. " * 11 for n in range(6))
PATIENCE_SECONDS = 60.0


def until(client: httpx.Client, job_id: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := client.get(f"/jobs/{job_id}").json())["state"] != state:
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return dict(job)


def takes(folder: Path, job_id: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "jobs" / job_id / "takes").iterdir()}


@pytest.mark.soak
def test_killed_thrice(tmp_path: Path, tiny_model: Path) -> None:
    """What was finished is kept, and the whole is what an undisturbed run makes of the seed."""
    asked = {"script": SCRIPT, "format": "wav", "seed": 11, "max_chars_per_chunk": 60}
    with server_process(tmp_path, tiny_model, model_precision="float32") as server:
        job_id = server.client.post("/jobs", json=asked).json()["id"]
        calm = server.client.post("/jobs", json=asked).json()["id"]
        server.client.post(f"/jobs/{calm}/pause")
        server.kill()
    kept: dict[str, bytes] = {}
    for _ in range(2):
        with server_process(tmp_path, tiny_model, model_precision="float32") as server:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while server.client.get(f"/jobs/{job_id}").json()["segments_done"] <= len(kept):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            done = server.client.get(f"/jobs/{job_id}/segments").json()["segments"]
            server.kill()
        found = takes(tmp_path, job_id)
        for segment in done:
            if segment["done"]:
                name = f"{segment['number']:06}.1.wav"
                assert found[name] == kept.setdefault(name, found[name])
    with server_process(tmp_path, tiny_model, model_precision="float32") as server:
        until(server.client, job_id, "done")
        server.client.post(f"/jobs/{calm}/resume")
        until(server.client, calm, "done")
    disturbed, undisturbed = takes(tmp_path, job_id), takes(tmp_path, calm)
    assert disturbed.keys() == undisturbed.keys()
    assert kept
    assert all(disturbed[name] == data for name, data in kept.items())
    for name, data in disturbed.items():
        one, other = (np.frombuffer(each[44:], "<i2") for each in (data, undisturbed[name]))
        assert len(one) == len(other)
        assert np.abs(one.astype(int) - other).max() <= 2, name


def test_a_full_disk(tmp_path: Path) -> None:
    """The job says that it waits for room, and goes on when there is some."""
    # Each take has about half a megabyte, the database less.
    engine = FakeEngine(frames_per_chunk=60)
    with fake_in_process(tmp_path, engine) as served:
        with full_disk(300_000):
            asked = {"script": SCRIPT, "format": "wav"}
            job_id = served.client.post("/jobs", json=asked).json()["id"]
            job = until(served.client, job_id, "waiting")
        assert "cannot be kept" in job["reason"]
        until(served.client, job_id, "done")


def test_a_deleted_voice(fake_app: ServeFake, recording: bytes) -> None:
    """The job says which voice is missing, and goes on when it is back."""
    engine = FakeEngine(hold_after=2)
    client = fake_app(engine).client

    def add_voice() -> None:
        files = {"files": ("a.wav", recording)}
        assert client.post("/voices", data={"name": "tess"}, files=files).status_code == 201

    add_voice()
    job_id = client.post("/jobs", json={"script": SCRIPT, "voice": "tess"}).json()["id"]
    until(client, job_id, "speaking")
    client.post(f"/jobs/{job_id}/pause")
    assert client.delete("/voices/tess").status_code == 200
    engine.let_go.set()
    client.post(f"/jobs/{job_id}/resume")
    job = until(client, job_id, "waiting")
    assert "'tess' does not exist" in job["reason"]
    add_voice()
    until(client, job_id, "done")


def test_a_changed_setting(tmp_path: Path) -> None:
    """A language that is gone is waited for; another default voice does not go on with a book."""
    engine = FakeEngine(hold_after=2)
    both = {"model_language": "english,french"}
    with serve_fake(tmp_path, engine, **both) as served:
        ids = [
            served.client.post("/jobs", json={"script": SCRIPT, **fields}).json()["id"]
            for fields in ({}, {"language": "fr"})
        ]
        until(served.client, ids[0], "speaking")
    changed = FakeEngine()
    with serve_fake(tmp_path, changed, default_voice="marius") as served:
        until(served.client, ids[0], "done")
        assert {stream.voice.name for stream in changed.streams} == {"alba"}  # type: ignore[attr-defined]
        job = until(served.client, ids[1], "waiting")
        assert "language must be one of en on this server; it is 'fr'" in job["reason"]
        assert "goes on by itself once the server has a model for that" in job["reason"]
    with serve_fake(tmp_path, FakeEngine(), **both) as served:
        until(served.client, ids[1], "done")


def test_another_model(tmp_path: Path) -> None:
    """A job is not gone on with by another model, unless its caller says so."""
    engine = FakeEngine(hold_after=40)
    with serve_fake(tmp_path, engine) as served:
        asked = {"script": SCRIPT, "max_chars_per_chunk": 100}
        job_id = served.client.post("/jobs", json=asked).json()["id"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        engine.hold_after = 10
        while not served.client.get(f"/jobs/{job_id}").json()["segments_done"]:
            assert time.monotonic() < deadline
            if engine.streams:
                engine.streams[0].hold_after = None
            time.sleep(0.01)
        served.client.post(f"/jobs/{job_id}/pause")
    with serve_fake(tmp_path, FakeEngine(model_fingerprint="other")) as served:
        served.client.post(f"/jobs/{job_id}/resume")
        job = until(served.client, job_id, "waiting")
        assert "sounds unlike it" in job["reason"]
        served.client.post(f"/jobs/{job_id}/resume")
        until(served.client, job_id, "done")


def test_one_segment_finds_out_before_another_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that waits is not said to speak again, or going on with it would change nothing."""
    outcomes: list[tuple[str, bool]] = []
    waits = threading.Event()
    change_state = JobStore.change_state

    def late(store: JobStore, job_id: str, state: JobState, **how: Any) -> bool:
        if state == "speaking" and ("speaking", True) in outcomes:
            assert waits.wait(PATIENCE_SECONDS)
        changed = change_state(store, job_id, state, **how)
        outcomes.append((state, changed))
        if state == "waiting":
            waits.set()
        return changed

    engine = FakeEngine(fail_after=0, failure=ModelUnavailable("it is loading"))
    monkeypatch.setattr(JobStore, "change_state", late)
    with serve_fake(tmp_path, engine) as served:
        asked = {"script": SCRIPT, "max_chars_per_chunk": 100}
        job_id = served.client.post("/jobs", json=asked).json()["id"]
        until(served.client, job_id, "waiting")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while ("speaking", False) not in outcomes:
            assert time.monotonic() < deadline, outcomes
            time.sleep(0.01)
        engine.fail_after = None
        until(served.client, job_id, "done")


def test_a_server_that_ends_parks_its_jobs(tmp_path: Path) -> None:
    """It ends at once, and the next one goes on."""
    engine = FakeEngine(hold_after=3)
    with serve_fake(tmp_path, engine, shutdown_grace_seconds=30) as served:
        job_id = served.client.post("/jobs", json={"script": SCRIPT}).json()["id"]
        until(served.client, job_id, "speaking")
        began_seconds = time.monotonic()
    assert time.monotonic() - began_seconds < 10
    with serve_fake(tmp_path, FakeEngine()) as served:
        until(served.client, job_id, "done")


def test_two_servers_share_a_folder(tmp_path: Path) -> None:
    """One works on the jobs; the other takes them, shows them, and goes on when that ends."""
    held = FakeEngine(hold_after=3)
    with serve_fake(tmp_path, FakeEngine()) as second:
        pass
    with serve_fake(tmp_path, held) as first, serve_fake(tmp_path, FakeEngine()) as second:
        job_id = second.client.post("/jobs", json={"script": SCRIPT}).json()["id"]
        until(second.client, job_id, "speaking")
        assert first.client.get(f"/jobs/{job_id}").json()["state"] == "speaking"
        assert held.streams
    assert make_settings(tmp_path).jobs_dir.is_dir()
