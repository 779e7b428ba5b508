"""Which files a model is loaded from, and the words for each way to fail."""

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

from app.engine import hub, weights
from app.engine.hub import fetch_file
from app.engine.languages import shipped_languages
from app.engine.weights import cached_model, fetch_model
from app.errors import ModelUnavailable
from tests.full_disk import full_disk
from tests.voices.web import Answer, ok, raw, site

ADDRESS = "hf://owner/model/deep/weights.safetensors@main"
COMMIT = "c" * 40
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
    found = SimpleNamespace(commit_hash=COMMIT, etag="e")
    monkeypatch.setattr(hub, "get_hf_file_metadata", lambda _url: found)


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., str]:
    """Writes a YAML config with the given top-level entries and returns its path."""

    def write(**entries: Any) -> str:
        path = tmp_path / "model.yaml"
        path.write_text(yaml.safe_dump(entries), "utf-8")
        return str(path)

    return write


def fetch(config: str | None, language: str = "english") -> weights.ModelFiles:
    return fetch_model(language=language, config=config)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LocalEntryNotFoundError("offline"), "hub cannot be reached .* set MODEL_CONFIG"),
        (OfflineModeIsEnabled("offline"), "not cached, and HF_HUB_OFFLINE forbids to fetch it"),
        (http_error(GatedRepoError, 403), "licence gate: accept the terms .* HF_TOKEN"),
        (http_error(RepositoryNotFoundError, 404), "does not exist on the model hub"),
        (http_error(RevisionNotFoundError, 404), "does not exist on the model hub"),
        (EntryNotFoundError("no"), "owner/model on the model hub has no file deep/weights"),
        (http_error(HfHubHTTPError, 401), "refuses deep/weights.* to this machine's token"),
        (RuntimeError("of hf_xet"), "the download of deep/weights.* broke off: of hf_xet"),
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
    monkeypatch.setattr(hub, "hf_hub_download", failing(error))
    with pytest.raises(ModelUnavailable, match=words):
        fetch(config(weights_path=ADDRESS))


@pytest.mark.parametrize("listens", [True, False])
def test_nothing_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str], listens: bool
) -> None:
    """It is told at once, not after the hub library's own tries, which take half a minute."""
    monkeypatch.setattr(hub, "get_hf_file_metadata", get_hf_file_metadata)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    calls = 0

    def hang_up(listener: socket.socket) -> None:
        nonlocal calls
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                calls += 1
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
        template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        if listens:
            threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        else:
            listener.close()
        started = time.monotonic()
        with pytest.raises(ModelUnavailable, match="hub cannot be reached"):
            fetch(config(weights_path=ADDRESS))
    assert time.monotonic() - started < 10
    assert (calls > 0) is listens


def test_hub_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """An hf:// address is split; what has no commit is used once the newest of all is there."""
    asked: list[tuple[Any, ...]] = []

    def download(repository: str, file_name: str, *, revision: str | None, **_rest: Any) -> str:
        asked.append((repository, file_name, revision))
        return str(tmp_path / "file")

    monkeypatch.setattr(hub, "hf_hub_download", download)
    found = fetch(config(weights_path=ADDRESS, mimi={"weights_path": "hf://a/b/c"}))
    assert asked == [
        ("a/b", "c", COMMIT),
        ("owner/model", "deep/weights.safetensors", COMMIT),
        ("a/b", "c", None),
        ("owner/model", "deep/weights.safetensors", "main"),
    ]
    assert found.cloning_refused is None


def test_bad_hub_address(tmp_path: Path, config: Callable[..., str]) -> None:
    """An hf:// address without a file is told apart from a missing file."""
    with pytest.raises(ModelUnavailable, match="not of the form hf://owner/name/file"):
        fetch(config(weights_path="hf://owner/model"))


def _gate_on_cloning(repository: str, *_args: Any, **_kwargs: Any) -> str:
    if repository == "gated/model":
        raise http_error(GatedRepoError, 403)
    return "some/file"


def test_gate_without_a_way_around(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """Where the gated file has no substitute there is no model."""
    monkeypatch.setattr(hub, "hf_hub_download", _gate_on_cloning)
    for entries in (
        {"weights_path": "hf://gated/model/w"},
        {
            "flow_lm": {"weights_path": "hf://gated/model/w"},
            "weights_path_without_voice_cloning": "hf://open/model/w",
        },
    ):
        with pytest.raises(ModelUnavailable, match="licence gate"):
            fetch(config(**entries))


def test_language_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language is one of the configs that pocket-tts ships; each has the released voices."""
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_args, **_kwargs: "some/file")
    for language in shipped_languages():
        found = fetch(None, language)
        assert found.language == language
        assert found.config["weights_path"] == str(Path("some/file").absolute())


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
        fetch(str(path))


def test_no_config(tmp_path: Path) -> None:
    """A path where nothing is, or a folder, is named."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ModelUnavailable, match=f"MODEL_CONFIG {path} cannot be read"):
            fetch(str(path))


def test_missing_weights(tmp_path: Path, config: Callable[..., str]) -> None:
    """A local file that the config names and that is not there is named."""
    missing = tmp_path / "none.safetensors"
    with pytest.raises(ModelUnavailable, match=f"{missing} does not exist"):
        fetch(config(weights_path=str(missing)))


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
        found = fetch(named)
        resolved = found.config
        assert resolved["weights_path"] == str(tmp_path / "w.safetensors")
        table = resolved["flow_lm"]["lookup_table"]
        assert table["tokenizer_path"] == str(tmp_path / "tok/t.json")


def test_config_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Callable[..., str]
) -> None:
    """A path may begin with ~."""
    config(default_temperature=0.5)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch("~/model.yaml").config == {"default_temperature": 0.5}


def test_a_model_of_ones_own_has_no_released_voices(config: Callable[..., str]) -> None:
    assert fetch(config()).language is None


CONFIG = b"default_temperature: 1.0\n"


@pytest.fixture
def _empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("_empty_home")
def test_config_on_the_web() -> None:
    """It is fetched once, and then used without a question."""
    with site(ok(CONFIG)) as web:
        address = f"http://127.0.0.1:{web.port}/model.yaml"
        assert cached_model(language="", config=address) is None
        found = fetch(address)
        assert found.config == {"default_temperature": 1.0}
        assert fetch(address) == found == cached_model(language="", config=address)
    assert len(web.requests) == 1


@pytest.mark.usefixtures("_empty_home")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ok(CONFIG, length=1000), "RemoteProtocolError: peer closed connection"),
        (raw(b""), "RemoteProtocolError: Server disconnected"),
        (raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "404 Not Found"),
    ],
)
def test_a_web_that_fails(answer: Answer, words: str) -> None:
    """What breaks off is said, and half a file is never taken for the whole."""
    with site(answer) as web, pytest.raises(ModelUnavailable, match=words) as caught:
        fetch(f"http://127.0.0.1:{web.port}/model.yaml")
    assert caught.value.message.startswith(f"http://127.0.0.1:{web.port}/model.yaml could not be")
    with pytest.raises(ModelUnavailable, match="could not be fetched: ConnectError"):
        fetch(f"http://127.0.0.1:{web.port}/model.yaml")


@pytest.mark.usefixtures("_empty_home")
def test_the_disk_is_full(tmp_path: Path) -> None:
    """A file of the web that does not fit leaves nothing that could be taken for it."""
    weights = b"0" * 100_000
    with site(ok(weights)) as web:
        address = f"http://127.0.0.1:{web.port}/model.safetensors"
        with (
            full_disk(),
            pytest.raises(ModelUnavailable, match=r"could not be fetched.* too large"),
        ):
            fetch_file(address)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        assert fetch_file(address).read_bytes() == weights


def test_progress(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A download is lines in the log: one every few seconds, and one at the end."""
    now = 0.0
    # That module's clock alone: the event loops of the test servers read the same function, and one
    # that saw it jump sleeps for hours.
    monkeypatch.setattr(hub, "time", SimpleNamespace(monotonic=lambda: now))
    with (
        caplog.at_level(logging.INFO),
        hub._LoggedProgress(
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
