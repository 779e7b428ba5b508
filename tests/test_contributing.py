"""The dialect that CONTRIBUTING.md shows really works: one file and one line."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from app.api import dialects
from tests.conftest import ServeFake

ROOT = Path(__file__).parent.parent


def example() -> types.ModuleType:
    """The file, as it stands in the document."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    module = types.ModuleType("app.api.acme")
    sys.modules[module.__name__] = module
    exec(compile(source, "acme.py", "exec"), module.__dict__)
    return module


def test_the_example(fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks at both paths, refuses in its own shape, and is listed."""
    monkeypatch.setattr(dialects, "DIALECTS", (*dialects.DIALECTS, example()))
    client = fake_app().client
    for path in ("/speech", "/acme/speech"):
        answer = client.post(path, json={"say": "Hello there.", "who": "marius"})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "audio/mpeg"
        assert answer.headers["x-tts-voice"] == "marius"
        refusal = client.post(path, json={"say": "Hello there.", "who": "nobody"})
        assert refusal.status_code == 404
        assert "available voices: alba, marius" in refusal.json()["fault"]
        assert client.post(path, json={}).json() == {"fault": "say is required", "where": "say"}
    assert client.post("/acme/speech", headers={"X-API-Key": "wrong"}, json={}).status_code == 401
    listed = client.get("/compatibility").json()["dialects"]
    (acme,) = (each for each in listed if each["name"] == "acme")
    assert acme["calls"][0]["fields"][2] == {"field": "mood", "how": "without effect"}


def test_it_can_be_switched_off(fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """DIALECTS without it leaves it out."""
    monkeypatch.setattr(dialects, "DIALECTS", (*dialects.DIALECTS, example()))
    client = fake_app(dialects="openai").client
    assert client.post("/speech", json={"say": "Hello."}).status_code == 404
    assert client.post("/acme/speech", json={"say": "Hello."}).status_code == 404
