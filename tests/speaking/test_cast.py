"""Models side by side, over a real server with one fake engine for each model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from app.settings import SettingsError
from app.speech_engine import SpeechEngine
from tests.fakes import FakeEngine
from tests.serving import Served, error_of, make_settings, serve

LOADING_SECONDS = 5.0


@contextmanager
def served_models(
    folder: Path, languages: str, engines: list[FakeEngine], **fields: int
) -> Iterator[Served]:
    """A server for `languages`, which takes its engines from `engines` in turn."""
    waiting = iter(engines)

    def build() -> SpeechEngine:
        return next(waiting)

    settings = make_settings(folder, model_language=languages, **fields)
    with serve(settings, build) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        yield served


def spoken(served: Served, **body: str) -> httpx.Response:
    """The answer once the model is there; while it loads the server says so."""
    deadline = time.monotonic() + LOADING_SECONDS
    while True:
        answer = served.client.post("/tts", json={"script": "Il y a 3 mots.", **body})
        if answer.status_code != 503 or time.monotonic() > deadline:
            return answer
        assert "Retry-After" in answer.headers
        time.sleep(0.05)


def test_a_language_is_loaded_when_it_is_asked_for(tmp_path: Path) -> None:
    """The default model serves what names no language, the other one what asks for it."""
    english, french = FakeEngine(), FakeEngine()
    with served_models(tmp_path, "english,french", [english, french]) as served:
        languages = served.client.get("/health").json()["languages"]
        assert languages == {"available": ["en", "fr"], "loaded": ["en"]}
        assert spoken(served).is_success
        assert len(english.streams) == 1
        assert spoken(served, language="fr").is_success
        assert served.client.get("/health").json()["languages"]["loaded"] == ["en", "fr"]
    assert [chunk.text for chunk in english.streams[0].job.chunks] == ["Il y a three mots."]
    assert [chunk.text for chunk in french.streams[0].job.chunks] == ["Il y a trois mots."]


def test_a_voice_brings_its_language(tmp_path: Path) -> None:
    """A voice that is at home in another language is spoken by that language's model."""
    voices = ("alba", "estelle")
    english, french = FakeEngine(predefined_voices=voices), FakeEngine(predefined_voices=voices)
    with served_models(tmp_path, "english,french", [english, french]) as served:
        assert spoken(served, voice="estelle").is_success
        assert spoken(served, voice="estelle", language="en").is_success
    assert len(french.streams) == len(english.streams) == 1


def test_models_of_one_language(tmp_path: Path) -> None:
    """The first of a language speaks it, and a request may name another by `model`."""
    models = "english,english_18m_2026-10,fr=hf://Someone/voices/model.yaml"
    small, french = "english_18m_2026-10", "hf://Someone/voices/model.yaml"
    engines = [FakeEngine(), FakeEngine(), FakeEngine()]
    with served_models(tmp_path, models, engines, max_loaded_models=3) as served:
        assert served.client.get("/health").json()["models"] == {
            "available": ["english", small, french],
            "loaded": ["english"],
        }
        heard = [
            unquote(spoken(served, **body).headers["x-tts-model"])
            for body in (
                {"language": "en"},
                {"model": small.upper(), "voice": "alba"},
                {"language": "fr"},
                {"model": french, "language": "fr"},
                {"model": "alba"},
            )
        ]
        assert heard == ["english", small, french, french, "english"]
        wrong = served.client.post("/tts", json={"script": "Oui.", "model": french, "voice": "a"})
        assert error_of(wrong, 404)["field"] == "voice"
        for body, field, allowed in (
            ({"model": "huge", "voice": "alba"}, "model", f"english, {small}, {french}"),
            ({"model": small, "language": "fr"}, "language", f"en with the model {small}"),
        ):
            answer = served.client.post("/tts", json={"script": "Hello.", **body})
            error = error_of(answer, 400)
            assert error["field"] == field
            assert allowed in error["message"]
        listed = served.client.get("/v1/models").json()["data"]
        assert [each["id"] for each in listed][-3:] == ["english", small, french]
        openai = {"input": "Hello.", "model": small, "voice": "alba"}
        answer = served.client.post("/v1/audio/speech", json=openai)
        assert answer.headers["x-tts-model"] == small
    assert [len(engine.streams) for engine in engines] == [2, 2, 2]


def test_a_language_that_is_not_served(tmp_path: Path) -> None:
    """A language no model here speaks is a 400 that lists those that are spoken."""
    with served_models(tmp_path, "english,french", [FakeEngine()]) as served:
        answer = served.client.post("/tts", json={"script": "Hallo.", "language": "de"})
        error = error_of(answer, 400)
    assert error["field"] == "language"
    assert "en, fr" in error["message"]


def test_an_idle_model_makes_room(tmp_path: Path) -> None:
    """Beyond MAX_LOADED_MODELS, the idle model that was asked for longest ago leaves."""
    engines = [FakeEngine() for _ in range(3)]
    with served_models(tmp_path, "english,french,german", engines, max_loaded_models=2) as served:
        assert spoken(served, language="fr").is_success
        assert spoken(served, language="de").is_success
        assert served.client.get("/health").json()["languages"]["loaded"] == ["en", "de"]
        assert engines[1].drained.wait(LOADING_SECONDS)
        assert spoken(served, language="en").is_success


def test_no_room_for_another_model(tmp_path: Path) -> None:
    """If nothing may leave, the request is refused as overload, and nothing is loaded."""
    with served_models(tmp_path, "english,french", [FakeEngine()], max_loaded_models=1) as served:
        answer = served.client.post("/tts", json={"script": "Bonjour.", "language": "fr"})
        assert "MAX_LOADED_MODELS" in error_of(answer, 429)["message"]
        assert served.client.get("/health").json()["languages"]["loaded"] == ["en"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model_language": "english,klingon"}, "klingon"),
        ({"model_language": "english,german,english"}, "english stands there twice"),
        ({"model_language": "english,hf://someone/voices/model.yaml"}, "fr=hf://"),
        ({"model_language": "english,xx=hf://someone/voices/model.yaml"}, "en, fr, de"),
        ({"model_language": "english,fr=http://models/model.yaml"}, "hf:// or https://"),
    ],
)
def test_models_that_cannot_be_served(tmp_path: Path, fields: dict[str, str], words: str) -> None:
    """An unknown model, one twice, or an address without a language stop the start in one line."""
    with pytest.raises(SettingsError, match=words), serve(make_settings(tmp_path, **fields)):
        pass
