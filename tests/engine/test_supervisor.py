"""The supervisor keeps an engine running."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from app.engine import supervisor as supervisors
from app.engine.supervisor import EngineSupervisor
from app.errors import ModelUnavailable
from app.speech import Sampling
from app.speech_engine import SpeechJob, SpokenChunk
from tests.fakes import FakeEngine, FakeVoice


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisors, "FIRST_RETRY_SECONDS", 0.05)


class Engines(list[FakeEngine]):
    """All that were built."""

    def build(self) -> FakeEngine:
        self.append(FakeEngine())
        return self[-1]


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
    engines = Engines()
    supervisor = EngineSupervisor(engines.build)
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


def fails(times: int) -> Callable[[], FakeEngine]:
    """Builds an engine after so many failures for the same reason."""
    attempts = itertools.count()

    def build() -> FakeEngine:
        if next(attempts) < times:
            raise ModelUnavailable("no network")
        return FakeEngine()

    return build


async def test_a_model_that_stays_away_is_logged_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server works, with the preview or other models: a warning, at growing pauses."""
    monkeypatch.setattr(supervisors, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(supervisors, "LONGEST_RETRY_SECONDS", 0.01)
    supervisor = EngineSupervisor(fails(20))
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "ready")
    told = [record for record in caplog.records if "no network" in record.getMessage()]
    assert len(told) == 5  # the 1st, 2nd, 4th, 8th and 16th time
    assert {record.levelname for record in told} == {"WARNING"}
    await supervisor.stop(0)


async def test_another_reason_is_logged_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisors, "FIRST_RETRY_SECONDS", 0.01)
    reasons = ["no network", "no network", "no network", "disk full"]

    def build() -> FakeEngine:
        if reasons:
            raise ModelUnavailable(reasons.pop(0))
        return FakeEngine()

    supervisor = EngineSupervisor(build)
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "ready")
    assert [each.getMessage().count("disk full") for each in caplog.records] == [0, 0, 1]
    await supervisor.stop(0)


async def test_an_unforeseen_failure_is_traced_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisors, "FIRST_RETRY_SECONDS", 0.01)
    attempts = itertools.count()

    def build() -> FakeEngine:
        if next(attempts) < 3:
            raise ZeroDivisionError
        return FakeEngine()

    supervisor = EngineSupervisor(build)
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "ready")
    assert [record.exc_info is not None for record in caplog.records].count(True) == 1
    await supervisor.stop(0)


@pytest.fixture
def _quick_handover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisors, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(supervisors, "HANDOVER_SECONDS", 0.1)


@pytest.mark.usefixtures("_quick_handover")
async def test_a_better_engine_takes_over() -> None:
    """The present one speaks until it is there, and ends what it has begun."""
    engines: list[FakeEngine] = []
    better, told = threading.Event(), threading.Semaphore(0)

    def build() -> FakeEngine:
        if engines:
            assert supervisor.engine is engines[0]
        engines.append(FakeEngine())
        return engines[-1]

    supervisor = EngineSupervisor(build, lambda: better.wait(0.01) and len(engines) == 1)
    supervisor.start(told.release)
    assert told.acquire(timeout=5)
    assert supervisor.engine is engines[0]
    better.set()
    assert told.acquire(timeout=5)
    assert supervisor.engine is engines[1]
    assert not engines[0].drained.is_set()
    assert engines[0].drained.wait(5)
    assert len(engines) == 2
    await supervisor.stop(0)


@pytest.mark.usefixtures("_quick_handover")
async def test_better_weights_that_do_not_load(caplog: pytest.LogCaptureFixture) -> None:
    """The present engine goes on, and is watched as before."""
    engines: list[FakeEngine] = []
    tried = threading.Event()

    def build() -> FakeEngine:
        if len(engines) == 1 and engines[0].alive:
            tried.set()
            raise ModelUnavailable("the weights are damaged")
        engines.append(FakeEngine())
        return engines[-1]

    supervisor = EngineSupervisor(build, lambda: not tried.is_set())
    supervisor.start()
    assert tried.wait(5)
    wait_until(lambda: "the better weights are not used: the weights are damaged" in caplog.text)
    assert state_of(supervisor) == "ready"
    assert supervisor.engine is engines[0]
    engines[0].alive = False
    wait_until(lambda: len(engines) == 2)
    await supervisor.stop(0)


@pytest.mark.usefixtures("_quick_handover")
async def test_looks_grow_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first comes soon after the start; a failure of one changes nothing."""
    looks: list[float] = []

    def look() -> bool:
        looks.append(time.monotonic())
        if len(looks) == 2:
            raise ZeroDivisionError
        return False

    supervisor = EngineSupervisor(FakeEngine, look)
    supervisor.start()
    wait_until(lambda: len(looks) == 4)
    pauses = [later - earlier for earlier, later in itertools.pairwise(looks)]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.2
    assert pauses[2] >= 0.4
    assert state_of(supervisor) == "ready"
    await supervisor.stop(0)


@pytest.mark.usefixtures("_quick_handover")
async def test_a_download_does_not_hold_up_the_watch() -> None:
    """An engine that dies during a long look is replaced at once, and stopping does not wait."""
    engines = Engines()
    looking, going_on = threading.Event(), threading.Event()

    def look() -> bool:
        looking.set()
        return going_on.wait(30)

    supervisor = EngineSupervisor(engines.build, look)
    supervisor.start()
    assert looking.wait(5)
    engines[0].alive = False
    wait_until(lambda: len(engines) == 2)
    await supervisor.stop(0)
    going_on.set()


@pytest.mark.usefixtures("_quick_handover")
async def test_stop_during_a_handover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines are stopped."""
    monkeypatch.setattr(supervisors, "HANDOVER_SECONDS", 30)
    engines = Engines()
    supervisor = EngineSupervisor(engines.build, lambda: len(engines) == 1)
    supervisor.start()
    wait_until(lambda: len(engines) == 2 and supervisor.engine is engines[1])
    await supervisor.stop(0)
    assert all(engine.drained.is_set() for engine in engines)


@pytest.mark.usefixtures("_quick_handover")
async def test_a_reload_leaves_time_to_who_has_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that was given the engine before can begin; those that come later have another."""
    monkeypatch.setattr(supervisors, "HANDOVER_SECONDS", 0.4)
    engines = Engines()
    supervisor = EngineSupervisor(engines.build)
    supervisor.start()
    wait_until(lambda: state_of(supervisor) == "ready")
    given = supervisor.engine
    supervisor.reload()
    await supervisor.awake()
    assert supervisor.engine is engines[1]
    assert not engines[0].drained.is_set()
    given.submit(SpeechJob((SpokenChunk("Hello.", FakeVoice("anna")),), Sampling()))
    (begun,) = engines[0].streams
    await asyncio.sleep(0.2)
    assert not begun.aborted.is_set()
    begun.abort()
    await asyncio.to_thread(wait_until, engines[0].drained.is_set)
    await supervisor.stop(0)


IDLE_SECONDS = 0.05


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_an_engine_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once nobody has wanted it for a while it gives memory back, and so each time after that."""
    monkeypatch.setattr(supervisors, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(supervisors, "REST_SECONDS", 0.2)
    engine = FakeEngine()
    supervisor = EngineSupervisor(lambda: engine)
    supervisor.start()
    wait_until(lambda: engine.rests == 1)
    begun = time.monotonic()
    assert supervisor.engine is engine
    wait_until(lambda: engine.rests == 2)
    assert time.monotonic() - begun >= 0.2
    await asyncio.sleep(0.4)
    assert engine.rests == 2
    await supervisor.stop(0)


async def test_an_idle_engine_is_put_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody wants for long is let go of; whoever wants it next waits until it is back."""
    monkeypatch.setattr(supervisors, "WATCH_SECONDS", 0.01)
    engines: list[weakref.ref[FakeEngine]] = []

    def build() -> FakeEngine:
        engine = FakeEngine()
        engines.append(weakref.ref(engine))
        return engine

    supervisor = EngineSupervisor(build, idle_seconds=IDLE_SECONDS)
    supervisor.start()
    await until(lambda: state_of(supervisor) == "idle")
    await until(lambda: engines[0]() is None)
    assert supervisor.is_available
    assert not supervisor.is_ready
    assert supervisor.predefined_voices == ("alba", "marius")
    assert len(engines) == 1
    await supervisor.awake()
    assert supervisor.engine is engines[1]()
    await supervisor.stop(0)


async def test_an_engine_at_work_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it speaks, or has been asked for, it stays."""
    monkeypatch.setattr(supervisors, "WATCH_SECONDS", 0.01)
    engine = FakeEngine(hold_after=0)
    supervisor = EngineSupervisor(lambda: engine, idle_seconds=IDLE_SECONDS)
    supervisor.start()
    await until(lambda: supervisor.is_ready)
    stream = supervisor.engine.submit(SpeechJob((SpokenChunk("Hi.", FakeVoice("x")),), Sampling()))
    await asyncio.sleep(4 * IDLE_SECONDS)
    assert supervisor.is_ready
    stream.abort()
    await until(lambda: state_of(supervisor) == "idle")
    await supervisor.stop(0)


async def test_whoever_does_not_wait_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for an idle engine brings it back, too, and is refused meanwhile."""
    monkeypatch.setattr(supervisors, "WATCH_SECONDS", 0.01)
    supervisor = EngineSupervisor(FakeEngine, idle_seconds=IDLE_SECONDS)
    supervisor.start()
    await until(lambda: state_of(supervisor) == "idle")
    with pytest.raises(ModelUnavailable, match="out of memory until it is wanted"):
        _ = supervisor.engine
    await until(lambda: supervisor.is_ready)
    await supervisor.stop(0)


async def test_an_idle_engine_that_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it is told why it cannot be loaded, at once."""
    monkeypatch.setattr(supervisors, "WATCH_SECONDS", 0.01)
    missing: list[str] = []
    engines = iter([FakeEngine()])

    def build() -> FakeEngine:
        try:
            return next(engines)
        except StopIteration:
            raise ModelUnavailable("the file has gone") from None

    supervisor = EngineSupervisor(build, idle_seconds=IDLE_SECONDS)
    supervisor.start(None, lambda: missing.append("told"))
    await until(lambda: state_of(supervisor) == "idle")
    await supervisor.awake()
    with pytest.raises(ModelUnavailable, match="the file has gone"):
        _ = supervisor.engine
    assert not supervisor.is_available
    await until(lambda: missing == ["told"])
    await supervisor.stop(0)


async def test_stop_while_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle engine is not loaded in order to be stopped."""
    monkeypatch.setattr(supervisors, "WATCH_SECONDS", 0.01)
    engines = iter([FakeEngine()])
    supervisor = EngineSupervisor(lambda: next(engines), idle_seconds=IDLE_SECONDS)
    supervisor.start()
    await until(lambda: state_of(supervisor) == "idle")
    await supervisor.stop(0)
    supervisor._thread.join(5)
    assert not supervisor._thread.is_alive()
    assert state_of(supervisor) == "stopped"
