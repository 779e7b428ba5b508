"""The weights that only new voices need are let go, and read again for the next voice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pocket_tts import TTSModel

from app.engine.engine import BatchedEngine
from app.engine.loader import EngineLoader, load_model
from app.engine.resting import RestingModel
from app.engine.voice_state import KvPrefix
from app.engine.weights import fetch_model
from app.speech import Pcm, Sampling
from app.speech_engine import EngineOptions
from tests.audio.probe import voice_like
from tests.engine.speaking import assert_same, job

SOON_SECONDS = 0.05


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.resting.REST_AFTER_SECONDS", SOON_SECONDS)


async def spoken(engine: BatchedEngine, voice: KvPrefix, decode_steps: int = 1) -> Pcm:
    sampling = Sampling(seed=1, sampler_decode_steps=decode_steps)
    stream = engine.submit(job(("Hello.",), voice, sampling))
    return np.concatenate([frames.pcm async for frames in stream])


@pytest.fixture
def load(tiny_model: Path) -> Callable[[], TTSModel]:
    files = fetch_model(language="english", config=str(tiny_model))
    return lambda: load_model(files)


def test_it_rests_and_wakes(load: Callable[[], TTSModel]) -> None:
    """What is borrowed is whole, with the same weights, however often the model has rested."""
    resting = RestingModel(load(), load)
    with resting.borrowed() as model:
        weight = model.flow_lm.transformer.layers[0].linear1.weight.clone()
        time.sleep(3 * SOON_SECONDS)
        assert not resting.rests
        assert model.flow_lm.transformer.layers[0].linear1.weight.device.type == "cpu"
    wait_until(lambda: resting.rests)
    parts = (model.flow_lm.transformer, model.flow_lm.flow_net, model.mimi)
    assert {each.device.type for part in parts for each in part.parameters()} == {"meta"}
    with resting.borrowed() as again:
        assert torch.equal(again.flow_lm.transformer.layers[0].linear1.weight, weight)
    wait_until(lambda: resting.rests)


def test_borrowers_at_once(load: Callable[[], TTSModel]) -> None:
    """It is read once for all who borrow it at once, and stays until the last has given it back."""
    loads: list[TTSModel] = []

    def counted() -> TTSModel:
        loads.append(load())
        return loads[-1]

    resting = RestingModel(load(), counted)
    wait_until(lambda: resting.rests)
    everybody = threading.Barrier(4)

    def borrow() -> None:
        with resting.borrowed() as model:
            everybody.wait(5)
            assert model is loads[0]
            time.sleep(2 * SOON_SECONDS)
            assert not resting.rests

    threads = [threading.Thread(target=borrow) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(loads) == 1
    wait_until(lambda: resting.rests)


def test_it_stays(load: Callable[[], TTSModel]) -> None:
    """Without files to read again, and once it is closed, it does not rest."""
    kept, closed = RestingModel(load(), None), RestingModel(load(), load)
    closed.close()
    time.sleep(2 * SOON_SECONDS)
    assert (kept.rests, closed.rests) == (False, False)


@pytest.mark.parametrize(("precision", "rests"), [("bfloat16", True), ("float32", False)])
async def test_an_engine_over_a_model_that_rests(
    tiny_model: Path, tmp_path: Path, precision: str, rests: bool
) -> None:
    """It speaks without the weights, makes the same voice, and says the same of the model."""
    options = EngineOptions(
        language="english",
        config=str(tiny_model),
        models_dir=tmp_path,
        precision=precision,
        worker_threads=1,
    )
    loader = EngineLoader(options)
    engine = loader()
    before = engine.encode_voice(voice_like(1.0))
    said = await spoken(engine, before)
    assert loader._model is not None
    if not rests:
        await asyncio.sleep(3 * SOON_SECONDS)
        assert not loader._model.rests
    else:
        wait_until(lambda: loader._model is not None and loader._model.rests)
        if (maps := Path("/proc/self/maps")).exists():
            assert str(tiny_model.parent / "model.safetensors") not in maps.read_text()
    # Where tensors lie in memory may change how numbers are rounded.
    assert_same(await spoken(engine, before), said, tolerance=0.01)
    # What a model is asked for the first time, it must not look up in what rests.
    assert len(await spoken(engine, before, decode_steps=3))
    fingerprint = engine.model_fingerprint
    after = engine.encode_voice(voice_like(1.0))
    assert torch.equal(after.cache, before.cache)
    await engine.drain(0)
    second = loader()
    assert second.model_fingerprint == fingerprint
    assert torch.equal(second.encode_voice(voice_like(1.0)).cache, before.cache)
    await second.drain(0)
