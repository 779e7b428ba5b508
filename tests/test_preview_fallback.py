"""While the wanted weights are missing, the preview speaks, and nobody can mistake it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.engine.preview import preview_voices, stand_ins
from app.errors import ModelUnavailable
from app.speech_engine import SpeechEngine
from tests.fakes import FakeEngine
from tests.serving import LogRecords, Served, error_of, make_settings, serve

SCRIPT = {"script": "Hello there, this is a test."}


class Weights:
    """Builds the wanted engine: says they cannot be had until they come."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.engine = FakeEngine()

    def __call__(self) -> SpeechEngine:
        if not self.came.is_set():
            raise ModelUnavailable("the model hub cannot be reached")
        return self.engine


@contextmanager
def served_without_weights(
    folder: Path, weights: Weights, preview: FakeEngine, **fields: object
) -> Iterator[Served]:
    settings = make_settings(folder, **{"model_fallback": "preview", **fields})
    with serve(settings, weights, lambda: preview) as served:
        served.wait_until(lambda health: health["model"]["state"] != "loading")
        yield served


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.supervisor.FIRST_RETRY_SECONDS", 0.2)
    monkeypatch.setattr("app.speaking.stand_in._HANDOVER_SECONDS", 0.5)


def test_preview_speaks(tmp_path: Path, log_records: LogRecords) -> None:
    """It answers, says that it is the preview and why, and warns in the log."""
    voices = ("alba", "marius", *preview_voices())
    preview = FakeEngine(predefined_voices=voices)
    with served_without_weights(tmp_path, Weights(), preview) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        answer = served.client.post("/tts", json={**SCRIPT, "voice": "marius"})
        assert answer.status_code == 200
        assert answer.headers["x-tts-model"] == "preview"
        assert answer.headers["x-tts-voice"] == stand_ins()["marius"]
        assert len(preview.streams) == 1
        shown = {each["name"]: each for each in served.client.get("/voices").json()["voices"]}
        assert shown["marius"]["spoken_by"] == stand_ins()["marius"]
        assert stand_ins()["marius"] in shown["marius"]["description"]
        own = next(iter(preview_voices()))
        assert (shown[own]["spoken_by"], shown[own]["description"]) == (own, None)
        wanted = {
            "name": "english",
            "state": "failed",
            "reason": "the model is not available: the model hub cannot be reached",
        }
        health = served.client.get("/health").json()
        assert health["model"]["name"] == "preview"
        assert health["model"]["wanted"] == wanted
        models = served.client.get("/v1/models").json()["data"]
        assert {each["speaks_with"] for each in models} == {"preview"}
        ready = served.client.get("/ready")
        assert ready.status_code == 200
        assert ready.json() == {"ready": True, "model": "preview", "wanted": wanted}
    warning = log_records.wait_for(lambda record: "in the place of english" in record.getMessage())
    assert warning.levelname == "WARNING"


def test_none_refuses(tmp_path: Path) -> None:
    """With MODEL_FALLBACK=none a missing model is a 503, as it is said."""
    settings = {"model_fallback": "none"}
    with served_without_weights(tmp_path, Weights(), FakeEngine(), **settings) as served:
        error = error_of(served.client.post("/tts", json=SCRIPT), 503)
        assert "hub cannot be reached" in error["message"]
        assert served.client.get("/ready").status_code == 503
        health = served.client.get("/health").json()
        assert (health["status"], health["speaking"]) == ("healthy", False)


def test_other_languages_have_no_stand_in(tmp_path: Path) -> None:
    """The preview speaks English; it does not fill in for a French model."""
    settings = {"model_language": "french"}
    with served_without_weights(tmp_path, Weights(), FakeEngine(), **settings) as served:
        assert served.client.post("/tts", json=SCRIPT).status_code == 503


def test_take_over(tmp_path: Path) -> None:
    """Once the weights are there new requests are theirs; a stream that has begun goes on."""
    weights = Weights()
    preview = FakeEngine(frames_per_chunk=40, hold_after=10)
    with served_without_weights(tmp_path, weights, preview) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        body = {**SCRIPT, "stream": True, "format": "wav"}
        with served.client.stream("POST", "/tts", json=body) as answer:
            assert answer.headers["x-tts-model"] == "preview"
            received = answer.iter_bytes(1000)
            length = len(next(received))
            weights.came.set()
            served.wait_until(lambda health: health["model"]["name"] == "english")
            later = served.client.post("/tts", json=SCRIPT)
            assert later.headers["x-tts-model"] == "english"
            assert later.headers["x-tts-voice"] == "alba"
            assert len(weights.engine.streams) == 1
            time.sleep(1)  # past the handover: the preview has been told to finish
            preview.let_go.set()
            length += sum(map(len, received))
        assert length == 44 + 2 * 40 * 1920
        assert preview.drained.wait(5)
        assert "wanted" not in served.client.get("/health").json()["model"]


def test_a_model_that_is_there_needs_no_stand_in(tmp_path: Path) -> None:
    """A model that only has to be loaded is waited for."""
    weights, preview = Weights(), FakeEngine()
    weights.came.set()
    with served_without_weights(tmp_path, weights, preview) as served:
        answer = served.client.post("/tts", json=SCRIPT)
        assert answer.headers["x-tts-model"] == "english"
        assert not preview.loaded


def test_an_idle_model_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that was put out of memory speaks the next request itself, which takes longer."""
    monkeypatch.setattr("app.engine.supervisor.WATCH_SECONDS", 0.01)
    weights = Weights()
    weights.came.set()
    settings = {"idle_unload_minutes": 0.002}
    with served_without_weights(tmp_path, weights, FakeEngine(), **settings) as served:
        for _ in range(2):
            served.wait_until(lambda health: health["model"]["state"] == "idle")
            health = served.client.get("/health").json()
            assert (health["model_loaded"], health["engine"]) == (False, None)
            assert health["speaking"] is True
            assert served.client.get("/ready").json() == {"ready": True, "model": "english"}
            assert served.client.get("/voices").is_success
            weights.engine = FakeEngine()
            answer = served.client.post("/tts", json={**SCRIPT, "voice": "Marius"})
            assert answer.status_code == 200
            assert answer.headers["x-tts-model"] == "english"
            assert answer.headers["x-tts-voice"] == "marius"
