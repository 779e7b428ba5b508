"""Finding and fetching a model's files: each way to fail has its own words."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import requests
import yaml
from huggingface_hub import get_hf_file_metadata
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from app.engine import weights
from app.engine.languages import shipped_languages
from app.engine.weights import fetch_model
from app.errors import ModelUnavailable

ADDRESS = "hf://owner/model/deep/weights.safetensors@main"
Download = Callable[..., str]


def http_error(kind: type[HfHubHTTPError], status: int) -> HfHubHTTPError:
    request = httpx.Request("GET", "https://hub.example")
    return kind("the hub's own words", response=httpx.Response(status, request=request))


def failing(error: Exception) -> Download:
    def download(*_args: Any, **_kwargs: Any) -> str:
        raise error

    return download


@pytest.fixture(autouse=True)
def _hub_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is there; what it has is up to each test."""
    monkeypatch.setattr(weights, "get_hf_file_metadata", lambda _url: None)


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., str]:
    """Writes a YAML config with the given top-level entries and returns its path."""

    def write(**entries: Any) -> str:
        path = tmp_path / "model.yaml"
        path.write_text(yaml.safe_dump(entries), "utf-8")
        return str(path)

    return write


def fetch(config: str | None, folder: Path, language: str = "english") -> weights.ModelFiles:
    return fetch_model(language=language, config=config, resolved_dir=folder / "resolved")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LocalEntryNotFoundError("offline"), "hub cannot be reached .* set MODEL_CONFIG"),
        (OfflineModeIsEnabled("offline"), "hub cannot be reached .* check the network"),
        (http_error(GatedRepoError, 403), "licence gate: accept the terms .* HF_TOKEN"),
        (http_error(RepositoryNotFoundError, 404), "does not exist on the model hub"),
        (http_error(RevisionNotFoundError, 404), "does not exist on the model hub"),
        (EntryNotFoundError("no"), "owner/model on the model hub has no file deep/weights"),
        (http_error(HfHubHTTPError, 500), "answered with an error: the hub's own words"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full: .* free some space"),
        (OSError(errno.EACCES, "Permission denied"), "could not be fetched: .*Permission denied"),
    ],
)
def test_hub_failures(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: Callable[..., str],
    error: Exception,
    words: str,
) -> None:
    """Each failure of the hub says what is wrong and what the operator can do."""
    monkeypatch.setattr(weights, "hf_hub_download", failing(error))
    with pytest.raises(ModelUnavailable, match=words):
        fetch(config(weights_path=ADDRESS), tmp_path)


@pytest.mark.parametrize("listens", [True, False])
def test_nothing_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str], listens: bool
) -> None:
    """It is told at once, not after the hub library's own tries, which take half a minute."""
    monkeypatch.setattr(weights, "get_hf_file_metadata", get_hf_file_metadata)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    calls = 0

    def hang_up(listener: socket.socket) -> None:
        nonlocal calls
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()
                calls += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
        if listens:
            threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        else:
            listener.close()
        started = time.monotonic()
        with pytest.raises(ModelUnavailable, match="hub cannot be reached"):
            fetch(config(weights_path=ADDRESS), tmp_path)
    assert time.monotonic() - started < 10
    assert calls == (1 if listens else 0)


def test_hub_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """An hf:// address is split into repository, file and revision."""
    asked: list[tuple[Any, ...]] = []

    def download(repository: str, file_name: str, *, revision: str | None, **_rest: Any) -> str:
        asked.append((repository, file_name, revision))
        return str(tmp_path / "file")

    monkeypatch.setattr(weights, "hf_hub_download", download)
    found = fetch(config(weights_path=ADDRESS, mimi={"weights_path": "hf://a/b/c"}), tmp_path)
    assert asked == [("a/b", "c", None), ("owner/model", "deep/weights.safetensors", "main")]
    assert found.cloning_refused is None


def test_bad_hub_address(tmp_path: Path, config: Callable[..., str]) -> None:
    """An hf:// address without a file is told apart from a missing file."""
    with pytest.raises(ModelUnavailable, match="not of the form hf://owner/name/file"):
        fetch(config(weights_path="hf://owner/model"), tmp_path)


def _gate_on_cloning(repository: str, *_args: Any, **_kwargs: Any) -> str:
    if repository == "gated/model":
        raise http_error(GatedRepoError, 403)
    return "some/file"


def test_gate_with_a_way_around(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Behind the gate, weights that cannot clone serve, and it is known why there is no cloning."""
    monkeypatch.setattr(weights, "hf_hub_download", _gate_on_cloning)
    path = config(
        weights_path="hf://gated/model/w", weights_path_without_voice_cloning="hf://open/model/w"
    )
    with caplog.at_level(logging.WARNING):
        found = fetch(path, tmp_path)
    assert found.cloning_refused is not None
    assert "accept the terms" in found.cloning_refused
    assert "serving without voice cloning" in caplog.text


def test_gate_without_a_way_around(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """Where the gated file has no substitute there is no model."""
    monkeypatch.setattr(weights, "hf_hub_download", _gate_on_cloning)
    for entries in (
        {"weights_path": "hf://gated/model/w"},
        {
            "flow_lm": {"weights_path": "hf://gated/model/w"},
            "weights_path_without_voice_cloning": "hf://open/model/w",
        },
    ):
        with pytest.raises(ModelUnavailable, match="licence gate"):
            fetch(config(**entries), tmp_path)


def test_no_needless_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """The weights that cannot clone are not fetched where those that can are there."""
    asked: list[str] = []

    def download(repository: str, *_args: Any, **_kwargs: Any) -> str:
        asked.append(repository)
        return "some/file"

    monkeypatch.setattr(weights, "hf_hub_download", download)
    path = config(weights_path="hf://full/m/w", weights_path_without_voice_cloning="hf://open/m/w")
    fetch(path, tmp_path)
    assert asked == ["full/m"]


def test_language_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A language is one of the configs that pocket-tts ships, used as it is."""
    monkeypatch.setattr(weights, "hf_hub_download", lambda *_args, **_kwargs: "some/file")
    for language in shipped_languages():
        found = fetch(None, tmp_path, language)
        assert found.config_path.is_file()
        assert found.config_path.stem == language


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1", "is not valid YAML"),
        (b"\xff\xfe\x00", "is not valid YAML"),
        (b"just a text", "is not a Pocket TTS config"),
        (b"", "is not a Pocket TTS config"),
        (b"- a\n- b\n", "is not a Pocket TTS config"),
    ],
)
def test_bad_config(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no config is named."""
    path = tmp_path / "model.yaml"
    path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=f"MODEL_CONFIG {path} {words}"):
        fetch(str(path), tmp_path)


def test_no_config(tmp_path: Path) -> None:
    """A path where nothing is, or a folder, is named."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ModelUnavailable, match=f"MODEL_CONFIG {path} cannot be read"):
            fetch(str(path), tmp_path)


def test_missing_weights(tmp_path: Path, config: Callable[..., str]) -> None:
    """A local file that the config names and that is not there is named."""
    missing = tmp_path / "none.safetensors"
    with pytest.raises(ModelUnavailable, match=f"{missing} does not exist"):
        fetch(config(weights_path=str(missing)), tmp_path)


def test_relative_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """Relative paths start at the YAML's own folder, whatever the working directory is."""
    (tmp_path / "w.safetensors").write_bytes(b"")
    (tmp_path / "tok").mkdir()
    (tmp_path / "tok" / "t.json").write_bytes(b"")
    path = config(
        weights_path="w.safetensors", flow_lm={"lookup_table": {"tokenizer_path": "tok/t.json"}}
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for named in (path, "../model.yaml"):
        found = fetch(named, tmp_path)
        resolved = yaml.safe_load(found.config_path.read_text("utf-8"))
        assert resolved["weights_path"] == str(tmp_path / "w.safetensors")
        table = resolved["flow_lm"]["lookup_table"]
        assert table["tokenizer_path"] == str(tmp_path / "tok/t.json")


def test_absolute_paths(tmp_path: Path, config: Callable[..., str]) -> None:
    """A config whose paths are absolute is used where it is."""
    (tmp_path / "w").write_bytes(b"")
    path = config(weights_path=str(tmp_path / "w"))
    assert fetch(path, tmp_path).config_path == Path(path)


def test_config_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """A path may begin with ~."""
    config()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch("~/model.yaml", tmp_path).config_path == tmp_path / "model.yaml"


def test_models_dir_cannot_be_written(tmp_path: Path, config: Callable[..., str]) -> None:
    """A MODELS_DIR in which nothing can be kept is named."""
    (tmp_path / "resolved").write_text("a file where the folder is to be")
    with pytest.raises(ModelUnavailable, match=r"MODELS_DIR: .*resolved.* cannot be written: "):
        fetch(config(weights_path="weights.safetensors"), tmp_path)


def test_config_on_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The config itself may be on the hub."""
    path = tmp_path / "fetched.yaml"
    path.write_text("default_temperature: 1.0\n")
    monkeypatch.setattr(weights, "hf_hub_download", lambda *_args, **_kwargs: str(path))
    assert fetch("hf://owner/name/model.yaml", tmp_path).config_path == path


def test_config_on_the_web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An address that does not answer is named with the reason."""

    def refuse(_address: str) -> Path:
        raise requests.ConnectionError("connection refused")

    monkeypatch.setattr(weights, "download_if_necessary", refuse)
    with pytest.raises(ModelUnavailable, match=r"https://x\.example/m\.yaml .*connection refused"):
        fetch("https://x.example/m.yaml", tmp_path)


def test_progress(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A download is lines in the log: one every few seconds, and one at the end."""
    now = 0.0
    # That module's clock alone: the event loops of the test servers read the same function, and one
    # that saw it jump sleeps for hours.
    monkeypatch.setattr(weights, "time", SimpleNamespace(monotonic=lambda: now))
    with (
        caplog.at_level(logging.INFO),
        weights._LoggedProgress(
            total=300 * 10**6, desc="model.safetensors", mininterval=0, miniters=1
        ) as bar,
    ):
        for _ in range(3):
            now += 3
            bar.update(100 * 10**6)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "downloading model.safetensors: 200 of 300 MB",
        "downloading model.safetensors: 300 of 300 MB",
    ]
