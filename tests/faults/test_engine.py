"""What breaks inside the engine costs the speech it breaks in; the engine comes back by itself."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from torch import Tensor

from app.engine.flow_head import FlowHead
from app.engine.scheduler import Scheduler
from benchmarks.scripts import script_of
from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.faults.sound import USUAL, assert_same_sound
from tests.serving import LogRecords, Served, error_of, make_settings, serve

pytestmark = pytest.mark.long

HELLO = {"script": "Hello there.", "format": "wav"}


@pytest.fixture(scope="module", params=["float32", "int8"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("engine")
    (folder / "voices").mkdir()
    write_wav(folder / "voices" / "alba.wav", voice_like(1.2))
    settings = make_settings(folder, MODEL_CONFIG=str(tiny_model), model_precision=request.param)
    with serve(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield served


@pytest.fixture
def broken_off(served: Served) -> Iterator[Iterator[bytes]]:
    """A stream that somebody listens to, which is to break off."""
    body = {**HELLO, "script": script_of(6000), "stream": True}
    with served.client.stream("POST", "/tts", json=body) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        assert next(pieces)
        yield pieces


def assert_told(log_records: LogRecords, *words: str) -> None:
    """One line says what happened, others at most what came of it, and none has a trace."""
    told = [each for each in log_records.kept if each.levelno >= logging.WARNING]
    # What uvicorn says is left out of a server's log, by app/logs.py.
    told = [each for each in told if each.name.startswith("app.")]
    told = [each for each in told if USUAL not in each.getMessage()]
    lines = [each.getMessage() for each in told]
    assert sum(all(word in line for word in words) for line in lines) == 1, lines
    assert len(lines) <= 2, lines
    assert not any(each.exc_info for each in told)


def test_a_thread_that_raises(
    served: Served,
    broken_off: Iterator[bytes],
    log_records: LogRecords,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is being spoken breaks off; the next request waits for the new engine, and is spoken."""

    def broken(*_: Any) -> None:
        monkeypatch.undo()  # one thread alone dies of it
        raise ZeroDivisionError("injected")

    monkeypatch.setattr(Scheduler, "next_batch", broken)
    with pytest.raises(httpx.RemoteProtocolError):
        list(broken_off)
    assert served.client.post("/tts", json=HELLO).status_code == 200
    assert_told(log_records, "the engine broke down: ZeroDivisionError: injected (test_engine.py:")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_latents_that_are_no_numbers(
    served: Served, log_records: LogRecords, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """They end one speech; who speaks beside it sounds as if alone, and so does the next one."""
    long = {**HELLO, "script": script_of(300), "temperature": 0, "stream": True}
    alone = served.client.post("/tts", json=long).content
    decode = FlowHead.decode

    def poisoned(self: FlowHead, z: Tensor, noise: Tensor, decode_steps: list[int]) -> Tensor:
        latents = decode(self, z, noise, decode_steps)
        latents[[steps == 3 for steps in decode_steps]] = value
        return latents

    monkeypatch.setattr(FlowHead, "decode", poisoned)
    with served.client.stream("POST", "/tts", json=long) as beside:
        pieces = beside.iter_raw()
        first = next(pieces)
        answer = served.client.post("/tts", json={**HELLO, "sampler_decode_steps": 3})
        assert "samples that are not numbers" in error_of(answer, 502)["message"]
        assert_same_sound(first + b"".join(pieces), alone)
    monkeypatch.undo()
    assert served.client.post("/tts", json=HELLO).status_code == 200
    assert_told(log_records, "speech was refused after 6 takes: not finite")
