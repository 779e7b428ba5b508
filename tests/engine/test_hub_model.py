"""A model of the hub, from the first start on: whatever is complete on this machine speaks."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from app.engine.engine import BatchedEngine
from app.engine.loader import EngineLoader
from app.errors import ModelUnavailable, VoiceNotFound
from app.speech_engine import EngineOptions
from tests.audio.probe import voice_like
from tests.engine.speaking import job
from tests.full_disk import full_disk
from tests.hub import PIECE_BYTES, Hub
from tests.hub_model import (
    GATED,
    OPEN,
    TOKEN,
    TOKENIZER,
    VOICES,
    WEIGHTS,
    Parts,
    hub_config,
)

pytestmark = pytest.mark.long

Start = Callable[[], tuple[EngineLoader, BatchedEngine]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the server's part that concerns the model; a second time is a restart."""
    engines: list[BatchedEngine] = []

    def start() -> tuple[EngineLoader, BatchedEngine]:
        loader = EngineLoader(options_of(None, tmp_path))
        engines.append(loader())
        return loader, engines[-1]

    yield start
    for engine in engines:
        engine.close()


def options_of(config: str | None, folder: Path) -> EngineOptions:
    """The cheapest engine there is."""
    return EngineOptions(
        "english",
        config,
        folder / "models",
        precision="float32",
        worker_threads=1,
        max_running_rows=1,
    )


def speaks(engine: BatchedEngine, voice: str = "alba") -> bool:
    async def first_frames() -> int:
        stream = engine.submit(job(["Hello."], engine.predefined_voice(voice)))
        length = len((await anext(aiter(stream))).pcm)
        stream.abort()
        return length

    return asyncio.run(first_frames()) > 0


def clones(engine: BatchedEngine) -> bool:
    return engine.encode_voice(voice_like(1.0)).nbytes > 0


def accept_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def no_cloning(engine: BatchedEngine) -> str:
    with pytest.raises(ModelUnavailable, match="cannot clone voices: ") as caught:
        clones(engine)
    return caught.value.message


def cached(tmp_path: Path, repository: str, name: str) -> Path:
    folder = tmp_path / "cache" / f"models--{repository.replace('/', '--')}" / "snapshots"
    (path,) = folder.glob(f"*/{name}")
    return path


def damage(path: Path, data: bytes | None = None) -> None:
    """As a crash of the system leaves a file: the right name, and half of the contents."""
    blob = path.resolve()
    blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2] if data is None else data)


def test_the_gate_is_closed(hub: Hub, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The weights that cannot clone are fetched and speak; why there is no cloning can be read."""
    loader, engine = start()
    assert speaks(engine)
    assert "licence gate: accept the terms" in no_cloning(engine)
    loader.look()
    assert caplog.text.count("serving without voice cloning: the weights in kyutai") == 1
    assert hub.downloads == [TOKENIZER, WEIGHTS, "languages/english/embeddings/alba.safetensors"]


def test_the_gate_is_open(hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cloning weights are fetched, and no others."""
    accept_terms(monkeypatch)
    _, engine = start()
    assert speaks(engine)
    assert clones(engine)
    assert [each.repository for each in hub.asked if each.name == WEIGHTS] == [GATED] * 3


def test_the_gate_opens_later(hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look finds the gate open and fetches the cloning weights; the next engine clones."""
    loader, engine = start()
    assert not loader.look()
    accept_terms(monkeypatch)
    assert loader.look()
    no_cloning(engine)
    better = loader()
    assert clones(better)
    assert speaks(better)
    asked = len(hub.asked)
    assert not loader.look()
    assert len(hub.asked) == asked, "there is nothing left to look for"
    better.close()


def test_the_hub_is_gone_at_a_restart(hub: Hub, start: Start) -> None:
    """What was fetched before speaks at once, and what was not says why."""
    start()[1].predefined_voice("alba")
    hub.leave()
    began = time.monotonic()
    loader, engine = start()
    assert time.monotonic() - began < 20, "the library's own tries take half a minute"
    assert speaks(engine)
    with pytest.raises(ModelUnavailable, match=r"hub cannot be reached.*marius\.safetensors"):
        engine.predefined_voice("marius")
    assert "is not on this machine yet" in no_cloning(engine)
    assert not loader.look()
    assert f"the model hub cannot be reached at {hub.url}" in no_cloning(engine)
    hub.come()
    assert speaks(engine, "marius")
    assert not loader.look()
    assert "licence gate" in no_cloning(engine)


def test_nobody_is_asked_for_what_is_there(hub: Hub, start: Start) -> None:
    """A restart asks the hub nothing before it speaks."""
    speaks(start()[1])
    hub.asked.clear()
    assert speaks(start()[1])
    assert hub.asked == []


def test_a_command_looks_first(
    hub: Hub, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fetches cloning weights before it speaks, and without the hub it uses what is there."""

    def started() -> BatchedEngine:
        return EngineLoader(options_of(None, tmp_path), look_first=True)()

    speaks(start()[1])
    hub.leave()
    engine = started()
    assert speaks(engine)
    assert "the model hub cannot be reached" in no_cloning(engine)
    engine.close()
    hub.come()
    accept_terms(monkeypatch)
    engine = started()
    assert clones(engine)
    engine.close()


def test_cloning_weights_come_first(
    hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where both are cached, those that can clone are used, whatever the gate says by now."""
    loader, _ = start()
    accept_terms(monkeypatch)
    loader.look()
    monkeypatch.delenv("HF_TOKEN")
    assert clones(start()[1])
    hub.leave()
    assert clones(start()[1])


def test_offline(hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """With HF_HUB_OFFLINE what is cached speaks, and what is not names that variable."""
    start()[1].predefined_voice("alba")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    hub.asked.clear()
    loader, engine = start()
    assert speaks(engine)
    with pytest.raises(ModelUnavailable, match=r"marius.* HF_HUB_OFFLINE forbids"):
        engine.predefined_voice("marius")
    loader.look()
    assert "HF_HUB_OFFLINE" in no_cloning(engine)
    assert hub.asked == []


def test_offline_from_the_start(hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cached and nothing may be asked for: that is said, not that a network is down."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match="not cached, and HF_HUB_OFFLINE forbids"):
        start()
    assert hub.asked == []


def test_a_connection_breaks_once(hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The download goes on where it broke off."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", PIECE_BYTES)
    hub.breaks[WEIGHTS] = 1
    assert speaks(start()[1])
    ranges = [each.range for each in hub.asked if each.method == "GET" and each.name == WEIGHTS]
    assert ranges[0] is None
    assert ranges[1] == f"bytes={PIECE_BYTES}-"


def test_the_network_fails_in_the_middle(hub: Hub, start: Start, tmp_path: Path) -> None:
    """It is said, nothing half is left, and the next try works."""
    hub.breaks[WEIGHTS] = 1
    hub.reset = True
    words = f"the model hub cannot be reached .*ReadError.*{WEIGHTS}"
    with pytest.raises(ModelUnavailable, match=words):
        start()
    assert not list((tmp_path / "cache").rglob("*.incomplete"))
    assert speaks(start()[1])


def test_a_slow_download_tells_how_far_it_is(
    hub: Hub,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The log shows that it goes on, and nothing is written beside it."""
    monkeypatch.setattr("app.engine.hub.PROGRESS_EVERY_SECONDS", 0.1)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", PIECE_BYTES)
    hub.piece_seconds = 0.02
    with caplog.at_level(logging.INFO):
        assert speaks(start()[1])
    told = [each for each in caplog.messages if "downloading (…)" in each or WEIGHTS in each]
    assert len(told) >= 3
    assert capsys.readouterr().err == ""


def test_the_disk_is_full(hub: Hub, start: Start, tmp_path: Path) -> None:
    """A download that does not fit leaves nothing, is said, and is made up for later."""
    with full_disk(), pytest.raises(ModelUnavailable, match=r"could not be fetched.* too large"):
        start()
    assert not list((tmp_path / "cache").rglob("*.incomplete"))
    assert speaks(start()[1])


def test_the_disk_is_full_later(hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that speak go on if there is no room for better ones, and say why none came."""
    loader, engine = start()
    accept_terms(monkeypatch)
    with full_disk():
        assert not loader.look()
    assert "too large" in no_cloning(engine)
    assert speaks(engine)
    assert loader.look()


def test_a_killed_download_leaves_nothing_for_long(hub: Hub, start: Start, tmp_path: Path) -> None:
    """What a process that died left of a download goes with the next one; it is never resumed."""
    blobs = tmp_path / "cache" / f"models--{OPEN.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    for name in ("old", "new"):
        (blobs / f"{name}.incomplete").write_bytes(b"half")
    old = time.time() - 7200
    os.utime(blobs / "old.incomplete", (old, old))
    start()
    assert [path.name for path in blobs.glob("*.incomplete")] == ["new.incomplete"]


def test_a_voice_that_is_not_on_the_hub(hub: Hub, start: Start) -> None:
    """It does not exist, and the names of those that do are told; they are listed from then on."""
    _, engine = start()
    with pytest.raises(VoiceNotFound) as caught:
        engine.predefined_voice("jean")
    assert caught.value.available == VOICES == engine.predefined_voices
    asked = len(hub.asked)
    with pytest.raises(VoiceNotFound):
        engine.predefined_voice("jean")
    assert len(hub.asked) == asked


@pytest.mark.parametrize(
    ("repository", "name"), [(OPEN, WEIGHTS), (OPEN, TOKENIZER)], ids=["weights", "tokenizer"]
)
def test_a_damaged_file(hub: Hub, start: Start, tmp_path: Path, repository: str, name: str) -> None:
    """It is found out, removed, and fetched anew by the next try."""
    start()
    damage(cached(tmp_path, repository, name))
    hub.asked.clear()
    with pytest.raises(ModelUnavailable, match="was damaged in the cache; it is fetched anew"):
        start()
    assert speaks(start()[1])
    assert name in hub.downloads


def test_damaged_cloning_weights(
    hub: Hub, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the hub the weights that cannot clone speak in their place."""
    loader, _ = start()
    accept_terms(monkeypatch)
    loader.look()
    damage(cached(tmp_path, GATED, WEIGHTS))
    hub.leave()
    with pytest.raises(ModelUnavailable, match="was damaged"):
        start()
    loader, engine = start()
    no_cloning(engine)
    engine.close()
    hub.come()
    assert loader.look()
    assert clones(loader())


def test_a_damaged_voice(hub: Hub, start: Start, tmp_path: Path) -> None:
    """It is fetched anew at once; without the hub it says why it cannot speak."""
    voice = "languages/english/embeddings/alba.safetensors"
    _, engine = start()
    engine.predefined_voice("alba")
    damage(cached(tmp_path, OPEN, voice))
    assert speaks(engine)
    damage(cached(tmp_path, OPEN, voice))
    hub.leave()
    with pytest.raises(ModelUnavailable, match=r"hub cannot be reached.*alba\.safetensors"):
        engine.predefined_voice("alba")


def test_a_voice_of_another_model(hub: Hub, start: Start, parts: Parts) -> None:
    """A voice that is whole and does not fit is the server's fault, not the caller's."""
    for files in hub.files.values():
        for name in files:
            if "embeddings" in name:
                files[name] = parts.plain_weights
    with pytest.raises(ModelUnavailable, match=r"voice 'alba' cannot be used: .*not a voice state"):
        start()[1].predefined_voice("alba")


def test_a_token_without_the_right(hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal of another kind than the gate is no reason not to speak either."""
    hub.files.pop(GATED)
    _, engine = start()
    assert speaks(engine)
    assert "does not exist on the model hub, or this machine's token may not" in no_cloning(engine)


def test_something_else_answers(hub: Hub, start: Start) -> None:
    """A login page in the place of the hub is named."""
    hub.is_hub = False
    with pytest.raises(ModelUnavailable, match=f"what answers at {hub.url} is not a model hub"):
        start()


class TestConfigOfOnesOwn:
    """MODEL_CONFIG on the hub, without a commit, so that it can change there."""

    ADDRESS = "hf://own/model/model.yaml"

    @pytest.fixture
    def start(self, parts: Parts, hub: Hub, tmp_path: Path) -> Iterator[Start]:
        self.publish(hub, parts, temperature=0.3)
        engines: list[BatchedEngine] = []

        def start() -> tuple[EngineLoader, BatchedEngine]:
            loader = EngineLoader(options_of(self.ADDRESS, tmp_path))
            engines.append(loader())
            return loader, engines[-1]

        yield start
        for engine in engines:
            engine.close()

    def publish(self, hub: Hub, parts: Parts, *, temperature: float) -> None:
        config = hub_config(parts)
        config["weights_path"] = "hf://own/model/model.safetensors"
        del config["weights_path_without_voice_cloning"]
        config["default_temperature"] = temperature
        hub.put("hf://own/model/model.safetensors", parts.cloning_weights)
        hub.put(self.ADDRESS, yaml.safe_dump(config).encode())

    def test_the_hub_is_gone_at_a_restart(self, hub: Hub, start: Start) -> None:
        """What is cached speaks at once, without a question whether it is the newest."""
        start()
        asked = len(hub.asked)
        assert clones(start()[1])
        assert len(hub.asked) == asked
        hub.leave()
        assert clones(start()[1])

    def test_a_newer_one(
        self, hub: Hub, parts: Parts, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is fetched in the background and used from the next start on."""
        loader, engine = start()
        self.publish(hub, parts, temperature=0.7)
        with caplog.at_level(logging.INFO):
            assert not loader.look()
            assert not loader.look()
        told = [each for each in caplog.messages if "has changed on the hub" in each]
        assert len(told) == 1
        assert engine._model.temp == 0.3
        hub.leave()
        assert start()[1]._model.temp == 0.7

    def test_a_newer_one_that_is_not_complete(self, hub: Hub, parts: Parts, start: Start) -> None:
        """If its download breaks off, the one that is complete stays in use."""
        loader, _ = start()
        self.publish(hub, parts, temperature=0.7)
        weights = parts.cloning_weights + b"\0"
        hub.files["own/model"]["model.safetensors"] = weights
        hub.breaks["model.safetensors"], hub.reset = 99, True
        assert not loader.look()
        hub.leave()
        assert start()[1]._model.temp == 0.3
