"""GET /, /health, /ready and the docs page."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import __version__
from app.errors import ModelUnavailable
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeVoice
from tests.serving import LogRecords, error_of, make_settings, serve

SCRIPT = "This is a sentence that the tiny model speaks for a while, and then another. " * 40


def test_information(client: httpx.Client) -> None:
    """GET / says what this is and where its endpoints are."""
    said = client.get("/").json()
    assert said["version"] == __version__
    assert said["documentation"] == "/docs"
    assert "POST /tts" in said["endpoints"]
    assert said["default_voice"] == "alba"
    assert set(said["formats"]) >= {"mp3", "wav", "ogg", "opus", "flac", "aac", "pcm"}


def test_health(client: httpx.Client) -> None:
    """/health tells version, uptime, the state of the model and the load."""
    said = client.get("/health").json()
    assert said["status"] == "healthy"
    assert said["version"] == __version__
    assert said["uptime_seconds"] > 0
    assert said["model"]["state"] == "ready"
    assert said["engine"]["alive"] is True
    assert client.get("/ready").json() == {"ready": True, "model": "model.yaml"}


def test_health_names_the_layers_that_fell_back(fake_app: ServeFake) -> None:
    """/health says what is computed in float32 because faster kernels are wrong here."""
    engine = FakeEngine()
    served = fake_app(engine)
    assert served.client.get("/health").json()["engine"]["float32_layers"] == []
    engine.float32_layers = ("flow_lm.layers.0.linear1",)
    said = served.client.get("/health").json()["engine"]
    assert said["float32_layers"] == ["flow_lm.layers.0.linear1"]


def test_health_while_speaking(client: httpx.Client) -> None:
    """/health answers at once while the real model speaks."""
    body = {"script": SCRIPT, "stream": True, "format": "wav"}
    with client.stream("POST", "/tts", json=body) as answer:
        pieces = answer.iter_raw()
        assert next(pieces)
        for _ in range(10):
            started = time.monotonic()
            said = client.get("/health").json()
            assert time.monotonic() - started < 0.5
            assert said["engine"]["running_rows"] > 0
            time.sleep(0.03)


def test_while_loading(tmp_path: Path) -> None:
    """While the model loads /health answers, and all that needs it is a 503 that says so."""
    loaded = threading.Event()

    def build() -> FakeEngine:
        assert loaded.wait(20)
        return FakeEngine()

    with serve(make_settings(tmp_path), build) as served:
        try:
            assert served.client.get("/health").json()["model"]["state"] == "loading"
            ready = served.client.get("/ready")
            assert ready.status_code == 503
            assert ready.json() == {"ready": False, "reason": "the model is being loaded"}
            assert served.client.get("/health").json()["speaking"] is False
            assert int(ready.headers["retry-after"]) > 0
            refused = served.client.post("/tts", json={"script": "Hello."})
            assert error_of(refused, 503)["type"] == "model_unavailable"
            assert int(refused.headers["retry-after"]) > 0
            assert served.client.get("/v1/audio/voices").status_code == 503
        finally:
            loaded.set()
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        assert served.client.get("/ready").status_code == 200
        assert served.client.get("/health").json()["speaking"] is True
        assert served.client.post("/tts", json={"script": "Hello."}).is_success


def test_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    """When loading failed the answers carry the reason and the remedy."""

    def build() -> FakeEngine:
        raise ModelUnavailable("the disk is full; free some space")

    with serve(make_settings(tmp_path), build) as served:
        served.wait_until(lambda health: health["model"]["state"] == "failed")
        assert "disk is full" in served.client.get("/health").json()["model"]["detail"]
        refused = served.client.post("/tts", json={"script": "Hello."})
        assert "the disk is full; free some space" in error_of(refused, 503)["message"]
        assert int(refused.headers["retry-after"]) >= 1
        ready = served.client.get("/ready")
        assert "free some space" in ready.json()["reason"]
        assert int(ready.headers["retry-after"]) >= 1


def test_unforeseen_failure_to_load(tmp_path: Path) -> None:
    """A bug while loading is reported as one, without its words."""

    def build() -> FakeEngine:
        raise ZeroDivisionError("inner words")

    with serve(make_settings(tmp_path), build) as served:
        served.wait_until(lambda health: health["model"]["state"] == "failed")
        ready = served.client.get("/ready")
        assert "ZeroDivisionError; see the log" in ready.json()["reason"]
        assert "inner words" not in ready.text
        assert "retry-after" in ready.headers


def test_missing_default_voice(fake_app: ServeFake, log_records: LogRecords) -> None:
    """A default voice that does not exist stops nothing but the requests that need it.

    The operator reads in the log which voices there are.
    """
    served = fake_app(default_voice="nobody")
    words = (
        "DEFAULT_VOICE is not usable: voice 'nobody' does not exist; available voices: alba, marius"
    )
    log_records.wait_for(lambda each: each.getMessage() == words and each.levelname == "WARNING")
    error_of(served.client.post("/tts", json={"script": "Hello."}), 404)
    assert served.client.post("/tts", json={"script": "Hello.", "voice": "alba"}).is_success


def test_default_voice_of_openais(fake_app: ServeFake) -> None:
    """A name of OPENAI_VOICES may be the default voice."""
    engine = FakeEngine()
    served = fake_app(engine, default_voice="Echo")
    assert served.client.post("/tts", json={"script": "Hello."}).headers["x-tts-voice"] == "marius"
    assert [chunk.voice for chunk in engine.streams[0].job.chunks] == [FakeVoice("marius")]


def test_missing_voices_of_openais_names(fake_app: ServeFake, log_records: LogRecords) -> None:
    """So does it with the voices that OpenAI's names mean, of which the others are usable."""
    voices = {"alloy": "Alba", "ash": "marius", "nova": "nobody", "echo": "nobody", "onyx": "no1"}
    served = fake_app(openai_voices=voices)
    words = (
        "OPENAI_VOICES names voices that do not exist: nobody (for nova, echo), no1 (for onyx); "
        "available voices: alba, marius"
    )
    log_records.wait_for(lambda each: each.getMessage() == words and each.levelname == "WARNING")
    for voice, status in (("alloy", 200), ("nova", 404)):
        body = {"input": "Hello.", "voice": voice}
        assert served.client.post("/v1/audio/speech", json=body).status_code == status


@pytest.fixture(scope="module")
def description(server: Any) -> dict[str, Any]:
    described: dict[str, Any] = server.client.get("/openapi.json").json()
    return described


def test_docs(client: httpx.Client, description: dict[str, Any]) -> None:
    """The docs page is there, and every route in it has a summary and a description."""
    assert "swagger" in client.get("/docs").text.lower()
    for path, methods in description["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["description"], path


def test_docs_of_the_speech_routes(description: dict[str, Any]) -> None:
    """The speech routes say what each field means, give an example, and what can go wrong."""
    schemas = description["components"]["schemas"]
    for path, name, field in (
        ("/tts", "TtsBody", "script"),
        ("/tts/clone", "CloneForm", "script"),
        ("/v1/audio/speech", "SpeechBody", "input"),
    ):
        assert "post" in description["paths"][path]
        assert schemas[name]["properties"][field]["examples"]
    for name in ("TtsBody", "CloneForm"):
        assert all("description" in each for each in schemas[name]["properties"].values())
        assert "mp3" in schemas[name]["properties"]["format"]["enum"]
    for path in ("/tts", "/tts/clone"):
        answers = description["paths"][path]["post"]["responses"]
        assert {"200", "400", "401", "404", "413", "429", "503"} <= set(answers)
    form = description["paths"]["/tts/clone"]["post"]["requestBody"]["content"]
    assert list(form) == ["multipart/form-data"]


def test_no_422_in_the_docs(description: dict[str, Any]) -> None:
    """FastAPI's 422 never happens, so the docs do not promise it."""
    for path, methods in description["paths"].items():
        for operation in methods.values():
            assert "422" not in operation["responses"], path
