"""The supervisor keeps an engine running."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable

import pytest

from app.engine import supervisor as supervisors
from app.engine.supervisor import EngineSupervisor
from app.errors import ModelUnavailable
from tests.fakes import FakeEngine


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisors, "FIRST_RETRY_SECONDS", 0.05)


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def state_of(supervisor: EngineSupervisor) -> str:
    return supervisor.status().state


async def test_loads_in_the_background() -> None:
    """Starting returns at once; the engine is there when it is loaded, and somebody is told."""
    loaded, told = threading.Event(), threading.Event()
    engine = FakeEngine()

    def build() -> FakeEngine:
        assert loaded.wait(5)
        return engine

    supervisor = EngineSupervisor(build)
    supervisor.start(told.set)
    assert state_of(supervisor) == "loading"
    with pytest.raises(ModelUnavailable, match="being loaded") as caught:
        _ = supervisor.engine
    assert caught.value.retry_after_seconds == 5
    loaded.set()
    assert told.wait(5)
    assert supervisor.engine is engine
    assert state_of(supervisor) == "ready"
    await supervisor.stop(0)


async def test_tries_again() -> None:
    """Loading is tried again after growing pauses, and each time the reason can be read."""
    attempts: list[float] = []

    def build() -> FakeEngine:
        attempts.append(time.monotonic())
        if len(attempts) < 4:
            raise ModelUnavailable(f"reason {len(attempts)}")
        return FakeEngine()

    supervisor = EngineSupervisor(build)
    supervisor.start()
    wait_until(lambda: "reason 1" in supervisor.status().detail)
    with pytest.raises(ModelUnavailable, match="reason") as caught:
        _ = supervisor.engine
    assert caught.value.retry_after_seconds == 1
    wait_until(lambda: state_of(supervisor) == "ready")
    pauses = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert pauses[0] >= 0.05
    assert pauses[1] >= 0.1
    assert pauses[2] >= 0.2
    await supervisor.stop(0)


async def test_an_unforeseen_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no known reason is reported by its name only, and loading goes on trying."""
    monkeypatch.setattr(supervisors, "FIRST_RETRY_SECONDS", 0.3)
    tries: list[int] = []

    def build() -> FakeEngine:
        tries.append(1)
        if len(tries) == 1:
            raise ZeroDivisionError("inner words")
        return FakeEngine()

    supervisor = EngineSupervisor(build)
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "failed")
    with pytest.raises(ModelUnavailable, match="ZeroDivisionError; see the log") as caught:
        _ = supervisor.engine
    assert "inner words" not in caught.value.message
    wait_until(lambda: state_of(supervisor) == "ready")
    await supervisor.stop(0)


async def test_a_dead_engine_is_replaced() -> None:
    """An engine that died is never handed out, and another one takes its place."""
    engines: list[FakeEngine] = []

    def build() -> FakeEngine:
        engines.append(FakeEngine())
        return engines[-1]

    supervisor = EngineSupervisor(build)
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "ready")
    engines[0].alive = False
    assert supervisor.status().detail == "the engine stopped and is being restarted"
    with pytest.raises(ModelUnavailable):
        _ = supervisor.engine
    wait_until(lambda: state_of(supervisor) == "ready")
    assert supervisor.engine is engines[1]
    await supervisor.stop(0)


async def test_stop() -> None:
    """Stopping drains the engine and refuses new work."""
    engine = FakeEngine()
    supervisor = EngineSupervisor(lambda: engine)
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "ready")
    await supervisor.stop(0)
    assert engine.drained.is_set()
    with pytest.raises(ModelUnavailable, match="shutting down"):
        _ = supervisor.engine


async def test_stop_while_loading() -> None:
    """An engine that is ready only after the stop is stopped at once and never handed out."""
    loaded = threading.Event()
    engine = FakeEngine()

    def build() -> FakeEngine:
        assert loaded.wait(5)
        return engine

    supervisor = EngineSupervisor(build)
    supervisor.start()
    await supervisor.stop(0)
    loaded.set()
    assert engine.drained.wait(5)
    assert state_of(supervisor) == "stopped"


async def test_stop_while_waiting_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping does not wait for the next attempt, and there is none."""
    monkeypatch.setattr(supervisors, "FIRST_RETRY_SECONDS", 0.1)
    attempts: list[int] = []

    def build() -> FakeEngine:
        attempts.append(1)
        raise ModelUnavailable("no network")

    supervisor = EngineSupervisor(build)
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "failed")
    await supervisor.stop(0)
    await asyncio.sleep(0.3)
    assert len(attempts) == 1
    assert state_of(supervisor) == "stopped"


async def test_a_download_is_told() -> None:
    """What is being downloaded can be read, also after an attempt that failed, and is told once."""
    told: list[str] = []
    going_on = threading.Event()

    def build() -> FakeEngine:
        supervisor.downloading("weights.safetensors")
        assert going_on.wait(5)
        raise ModelUnavailable("the hub is gone")

    supervisor = EngineSupervisor(build)
    supervisor.start(on_missing=lambda: told.append(supervisor.status().detail))
    for _ in range(2):
        wait_until(lambda: supervisor.status().detail == "weights.safetensors is being downloaded")
        assert state_of(supervisor) == "loading"
        going_on.set()
        wait_until(lambda: state_of(supervisor) == "failed")
        going_on.clear()
    assert told[0] == "weights.safetensors is being downloaded"
    assert told[1].endswith("the hub is gone")
    going_on.set()
    await supervisor.stop(0)
