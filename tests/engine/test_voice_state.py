"""A voice state equals upstream's, survives a file, and another model's is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from pocket_tts import export_model_state
from torch import Tensor

from app.engine.engine import BatchedEngine
from app.engine.hub import NotThere
from app.engine.voice_state import KvPrefix
from app.errors import InvalidClip, InvalidRequest, ModelUnavailable, VoiceNotFound
from app.work import CancelToken, WorkCancelled
from tests.engine.conftest import MakeEngine
from tests.engine.speaking import Upstream, voice_clip

Tensors = dict[str, Tensor]


@pytest.fixture
def exported(tiny: Upstream, tmp_path: Path) -> Path:
    path = tmp_path / "voice.safetensors"
    export_model_state(tiny.voice, path)
    return path


def test_an_encoded_voice_is_upstreams(voice: KvPrefix, tiny: Upstream) -> None:
    for layer, state in enumerate(tiny.voice.values()):
        theirs = state["cache"][:, 0].transpose(1, 2)
        torch.testing.assert_close(voice.cache[layer], theirs)
    assert voice.nbytes == voice.cache.numel() * 4


def test_a_saved_voice_is_the_same_when_loaded(
    engine: BatchedEngine, voice: KvPrefix, exported: Path
) -> None:
    torch.testing.assert_close(engine.load_voice(exported).cache, voice.cache)


def test_a_voice_is_saved_into_the_file_that_is_there(
    engine: BatchedEngine, voice: KvPrefix, tmp_path: Path
) -> None:
    """Whoever holds a lock on that file, or let others read it, finds both unchanged."""
    path = tmp_path / "state.safetensors"
    path.touch()
    path.chmod(0o640)
    before = path.stat()
    engine.save_voice(voice, path)
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)
    torch.testing.assert_close(engine.load_voice(path).cache, voice.cache)


def rewrite(path: Path, change: Callable[[Tensors], Tensors]) -> None:
    safetensors.torch.save_file(change(safetensors.torch.load_file(path)), path)


def test_room_after_the_end_of_a_voice_is_ignored(
    engine: BatchedEngine, voice: KvPrefix, exported: Path
) -> None:
    def roomier(tensors: Tensors) -> Tensors:
        for name in [name for name in tensors if name.endswith("/cache")]:
            room = torch.full_like(tensors[name], float("nan"))
            tensors[name] = torch.cat([tensors[name], room], dim=2)
        return tensors

    rewrite(exported, roomier)
    torch.testing.assert_close(engine.load_voice(exported).cache, voice.cache)


def test_the_older_current_end_is_understood(
    engine: BatchedEngine, voice: KvPrefix, exported: Path
) -> None:
    def older(tensors: Tensors) -> Tensors:
        result = {}
        for name, tensor in tensors.items():
            if name.endswith("/offset"):
                end = torch.zeros(int(tensor[0]))
                result[name.replace("/offset", "/current_end")] = end
            elif name.endswith("/cache"):
                result[name] = tensor
        return result

    rewrite(exported, older)
    torch.testing.assert_close(engine.load_voice(exported).cache, voice.cache)


BROKEN: dict[str, Callable[[Tensors], Tensors]] = {
    "layers": lambda tensors: {n: t for n, t in tensors.items() if ".layers.0." in n},
    "shape": lambda tensors: {
        n: t[..., :8].contiguous() if n.endswith("/cache") else t for n, t in tensors.items()
    },
    "int": lambda tensors: {n: t.int() if n.endswith("/cache") else t for n, t in tensors.items()},
    "ends at": lambda tensors: {
        n: t + 1000 if n.endswith("/offset") else t for n, t in tensors.items()
    },
    "no cache": lambda tensors: {n: t for n, t in tensors.items() if not n.endswith("/offset")},
    "holds nan": lambda tensors: {
        n: t * float("nan") if n.endswith("/cache") else t for n, t in tensors.items()
    },
    r"holds 1e\+38": lambda tensors: {
        n: torch.full_like(t, 1e38) if n.endswith("/cache") else t for n, t in tensors.items()
    },
    "differ": lambda tensors: {
        n: t - 1 if n.endswith("layers.0.self_attn/offset") else t for n, t in tensors.items()
    },
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_state_of_another_model_is_refused_with_the_reason(
    engine: BatchedEngine, exported: Path, reason: str
) -> None:
    rewrite(exported, BROKEN[reason])
    with pytest.raises(InvalidRequest, match=reason):
        engine.load_voice(exported)


@pytest.mark.parametrize("content", [b"", b"not a voice", b"\x08" + bytes(7) + b'{"a": 1}'])
def test_a_file_that_is_no_state_is_refused(
    engine: BatchedEngine, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "voice.safetensors"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest):
        engine.load_voice(path)


def test_tensors_of_something_else_are_refused(engine: BatchedEngine, tmp_path: Path) -> None:
    path = tmp_path / "voice.safetensors"
    safetensors.torch.save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(InvalidRequest):
        engine.load_voice(path)


@pytest.mark.parametrize("samples", [np.zeros(0), np.full(24000, np.nan)])
def test_a_clip_without_audio_is_refused(engine: BatchedEngine, samples: Any) -> None:
    with pytest.raises(InvalidClip):
        engine.encode_voice(samples.astype(np.float32))


def test_weights_without_a_voice_encoder_say_so(make_engine: MakeEngine) -> None:
    engine = make_engine(cloning_refused="the gate is closed")
    with pytest.raises(ModelUnavailable, match="cannot clone voices: the gate is closed"):
        engine.encode_voice(voice_clip(engine.sample_rate_hz))
    engine.explain_no_cloning("the disk is full")
    with pytest.raises(ModelUnavailable, match="cannot clone voices: the disk is full"):
        engine.encode_voice(voice_clip(engine.sample_rate_hz))


def test_a_model_of_its_own_has_no_predefined_voices(engine: BatchedEngine) -> None:
    assert engine.predefined_voices == ()
    with pytest.raises(VoiceNotFound):
        engine.predefined_voice("alba")


def test_shipped_models_know_upstreams_voices(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, exported: Path
) -> None:
    engine = make_engine(voices_of="english")
    assert engine.predefined_voices[:2] == ("alba", "marius")
    assert len(set(engine.predefined_voices)) == len(engine.predefined_voices) > 8
    asked: list[str] = []

    def fetch(url: str) -> Path:
        asked.append(url)
        return exported

    monkeypatch.setattr("app.engine.voice_state.fetch_file", fetch)
    assert engine.predefined_voice("jean").positions > 0
    assert "english" in asked[0]
    assert "jean" in asked[0]


def test_a_voice_that_is_not_there_where_nothing_can_be_listed(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That voice is left out, the others stay, and the log says why no more is known."""

    def missing(url: str) -> Path:
        raise NotThere(f"no file {url}")

    def unlisted(url: str) -> tuple[str, ...]:
        raise ModelUnavailable("the hub is gone")

    monkeypatch.setattr("app.engine.voice_state.fetch_file", missing)
    monkeypatch.setattr("app.engine.voice_state.names_beside", unlisted)
    engine = make_engine(voices_of="english")
    before = engine.predefined_voices
    with pytest.raises(VoiceNotFound) as caught:
        engine.predefined_voice("jean")
    assert caught.value.available == tuple(name for name in before if name != "jean")
    assert "the voices of english cannot be listed: the hub is gone" in caplog.text


def test_encoding_ends_when_nobody_waits(engine: BatchedEngine) -> None:
    """It is looked at before each layer whether somebody still does, and no trace is left."""
    token = CancelToken()
    clip = voice_clip(engine.sample_rate_hz)
    whole = engine.encode_voice(clip)
    token.cancel()
    with pytest.raises(WorkCancelled):
        engine.encode_voice(clip, token)
    assert torch.equal(engine.encode_voice(clip).cache, whole.cache)
    model = engine._model
    assert not any(layer._forward_pre_hooks for layer in model.modules())
