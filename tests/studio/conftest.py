"""Shares among the studio's tests a server with the preview voice, and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import open_browser
from tests.serving import Served, make_settings, serve
from tests.studio.visit import Visit, visiting

SPOKEN = "We will meet at the station in the morning. Thank you very much for your help."

Visiting = Callable[..., Visit]


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that speaks with the preview voice."""
    folder = tmp_path_factory.mktemp("studio")
    with serve(make_settings(folder, model_language="preview", default_voice="sarah")) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield served


@pytest.fixture(scope="session")
def recording(studio: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's voice, as a WAV file."""
    answer = studio.client.post("/tts", json={"script": SPOKEN, "format": "wav", "seed": 3})
    assert answer.status_code == 200, answer.text
    path = tmp_path_factory.mktemp("recording") / "somebody.wav"
    path.write_bytes(answer.content)
    return path


@pytest.fixture(scope="session")
def browser(recording: Path) -> Iterator[Browser]:
    """A browser whose microphone hears the recording."""
    microphone = f"--use-file-for-fake-audio-capture={recording}"
    with open_browser("--use-fake-device-for-media-stream", microphone) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, studio: Served) -> Iterator[Visiting]:
    """Visits the studio, once or several times; at the end there must be no complaints."""
    with ExitStack() as stack:

        def begin(url: str | None = None, **options: Any) -> Visit:
            visited: AbstractContextManager[Visit] = visiting(browser, url or studio.url, **options)
            return stack.enter_context(visited)

        yield begin
