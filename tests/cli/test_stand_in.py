"""`--server` where the preview model speaks: a line says so, unless it was chosen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.command import Here
from tests.fakes import FakeEngine
from tests.serving import KEY, make_settings, serve
from tests.test_preview_fallback import Weights, served_without_weights

WARNING = (
    "warning: the model is not available: the model hub cannot be reached; the preview model "
    "speaks instead\n"
)


@pytest.fixture
def keyed(command: Here) -> Here:
    command.patch.setenv("API_KEY", KEY)
    return command


def test_missing_weights(keyed: Here, tmp_path: Path) -> None:
    """Whoever hears the preview in the place of another model is told why, once."""
    weights = Weights()
    with served_without_weights(tmp_path, weights, FakeEngine()) as served:
        at = ("--quiet", "--server", served.url)
        several = keyed("say", "One.", "Two.", "-o", "a.wav", *at)
        assert several == (0, "a_1.wav\na_2.wav\n", WARNING)
        assert keyed("say", "One.", "-o", "b.wav", "--stream", *at) == (0, "b.wav\n", WARNING)
        assert keyed("voices", "preview", "alba", "-o", "c.mp3", *at) == (0, "c.mp3\n", WARNING)
        assert keyed("voices", "list", *at).err == ""
        weights.came.set()
        served.wait_until(lambda health: health["model"]["name"] == "english", seconds=20)
        assert keyed("say", "One.", "-o", "d.wav", *at) == (0, "d.wav\n", "")


def test_chosen(keyed: Here, tmp_path: Path) -> None:
    """A server that is to speak with the preview model needs no warning."""
    settings = make_settings(tmp_path, model_language="preview")
    with serve(settings, FakeEngine) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        assert served.client.post("/tts", json={"script": "Hi."}).headers["x-tts-model"] == (
            "preview"
        )
        assert keyed("say", "One.", "-o", "a.wav", "--server", served.url).err == ""


class OnlySpeech(BaseHTTPRequestHandler):
    """A proxy that lets nothing through but speech, of the preview model."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "audio/mpeg")
        self.send_header("x-tts-model", "preview")
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"audio")

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def only_speech() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), OnlySpeech) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_nobody_knows_why(keyed: Here, only_speech: str) -> None:
    """Where the server does not say whether it was chosen, the line says what is known."""
    ended = keyed("say", "One.", "-o", "a.mp3", "--server", only_speech)
    assert ended == (0, "a.mp3\n", "warning: the preview model speaks\n")
    assert (keyed.folder / "a.mp3").read_bytes() == b"audio"
