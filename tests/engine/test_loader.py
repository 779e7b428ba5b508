"""From settings to a running engine, with a real tiny model."""

from __future__ import annotations

import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pocket_tts import TTSModel

from app.engine.loader import EngineLoader, load_model
from app.engine.memory import give_memory_back
from app.engine.weights import ModelFiles, fetch_model
from app.errors import ModelUnavailable
from app.speech import Sampling
from app.speech_engine import EngineOptions
from tests.audio.probe import voice_like
from tests.engine.speaking import job


def load(config: Path) -> TTSModel:
    return load_model(fetch_model(language="", config=str(config)))


def options(config: Path, folder: Path) -> EngineOptions:
    return EngineOptions(language="english", config=str(config), models_dir=folder)


@pytest.fixture
def broken(tiny_model: Path, tmp_path: Path) -> Any:
    """Writes a copy of the tiny model's config with the given entries changed."""

    def write(**changes: Any) -> Path:
        document = yaml.safe_load(tiny_model.read_text("utf-8"))
        path = tmp_path / "model.yaml"
        path.write_text(yaml.safe_dump(document | changes), "utf-8")
        return path

    return write


async def test_engine_that_speaks(tiny_model: Path, tmp_path: Path) -> None:
    """The engine of a real model speaks each chunk to its end, in order."""
    engine = EngineLoader(options(tiny_model, tmp_path))()
    assert engine.sample_rate_hz == 24000
    assert engine.predefined_voices == ()
    assert engine.count_tokens("Hello there.") > 1
    voice = engine.encode_voice(voice_like(1.0))
    assert voice.nbytes > 0
    stream = engine.submit(job(("Hello.", "And again."), voice, Sampling()))
    frames = [each async for each in stream]
    assert [each.chunk_index for each in frames if each.chunk_last] == [0, 1]
    assert sum(len(each.pcm) for each in frames) % 1920 == 0
    assert stream.timings.first_audio_seconds is not None
    await engine.drain(1)


async def test_the_model_is_loaded_once(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second engine, after the first one died, stands on the model that is there."""
    loader = EngineLoader(options(tiny_model, tmp_path))
    first = loader()
    await first.drain(0)
    monkeypatch.setattr("app.engine.loader.load_model", None)
    second = loader()
    assert second is not first
    assert second.status().alive
    await second.drain(0)


async def test_a_forgotten_model_is_gone(tiny_model: Path, tmp_path: Path) -> None:
    """Nothing of the model stays in memory, and the same voices are spoken after the next load."""
    loader = EngineLoader(options(tiny_model, tmp_path))
    engine = loader()
    fingerprint = engine.model_fingerprint
    await engine.drain(0)
    model, gone = weakref.ref(engine._model), weakref.ref(engine)
    del engine
    loader.forget()
    assert not loader.look()
    deadline = time.monotonic() + 10
    while (model(), gone()) != (None, None):  # threads that have just ended let go a moment later
        give_memory_back()
        assert time.monotonic() < deadline
    again = loader()
    assert again.model_fingerprint == fingerprint
    await again.drain(0)


def test_a_model_that_cannot_be_computed(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that loads, but is built as none that this engine computes, is told so by name."""
    load = load_model

    def stereo(files: ModelFiles, *, mapped: bool) -> TTSModel:
        model = load(files, mapped=mapped)
        model.mimi.channels = 2
        return model

    monkeypatch.setattr("app.engine.loader.load_model", stereo)
    with pytest.raises(ModelUnavailable, match=r"cannot be computed here: the codec must be mono"):
        EngineLoader(options(tiny_model, tmp_path))()


def test_not_a_config(broken: Any) -> None:
    """A YAML that lacks a part of a config says which."""
    with pytest.raises(ModelUnavailable, match="is not a Pocket TTS config: mimi"):
        load(broken(mimi=None))


def test_damaged_weights(broken: Any, tmp_path: Path) -> None:
    """Weights that are no safetensors file are told apart from a wrong config."""
    damaged = tmp_path / "w.safetensors"
    damaged.write_bytes(b"no weights")
    with pytest.raises(ModelUnavailable, match="damaged"):
        load(broken(weights_path=str(damaged)))


def test_weights_of_another_model(broken: Any, tiny_model: Path) -> None:
    """Weights that do not fit the config are a clear refusal."""
    document = yaml.safe_load(tiny_model.read_text("utf-8"))
    document["flow_lm"]["transformer"]["hidden_scale"] = 4
    with pytest.raises(ModelUnavailable, match="does not load"):
        load(broken(flow_lm=document["flow_lm"]))


def test_missing_model(tmp_path: Path) -> None:
    """A config that is not there is reported by the loader in the operator's words."""
    with pytest.raises(ModelUnavailable, match=r"MODEL_CONFIG .* cannot be read"):
        EngineLoader(options(tmp_path / "none.yaml", tmp_path))()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device here")
def test_a_device_that_is_not_there(tiny_model: Path, tmp_path: Path) -> None:
    """MODEL_DEVICE=cuda without CUDA says so in one line."""
    wanted = replace(options(tiny_model, tmp_path), device="cuda")
    with pytest.raises(ModelUnavailable, match="MODEL_DEVICE=cuda: torch finds no such device"):
        EngineLoader(wanted)()
