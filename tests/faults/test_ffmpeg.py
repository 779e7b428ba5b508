"""An FFmpeg that is killed costs the request it works for, which is told, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.scripts import script_of
from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.faults.processes import ServerProcess, server_process
from tests.serving import error_of

LIVE, COMPLETE = script_of(6000), script_of(1500)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("ffmpeg"), tiny_model) as server:
        yield server


def assert_told(server: ServerProcess, before: int, *words: str) -> None:
    """One line says what happened, at most one more what came of it, and none is a trace."""
    told = server.complaints[before:]
    assert sum(all(word in line for word in words) for line in told) == 1, told
    assert len(told) <= 2, told
    assert not any(line.startswith("Traceback") for line in told)


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_a_live_stream(server: ServerProcess, name: str) -> None:
    """It breaks off, so that nobody takes it for the whole, and the next one comes to its end."""
    before = len(server.complaints)
    body = {"script": LIVE, "format": name, "stream": True}
    with server.client.stream("POST", "/tts", json=body) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        assert next(pieces)
        server.kill_child()
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    short = server.client.post("/tts", json={**body, "script": "Hello."})
    assert short.status_code == 200
    assert_told(server, before, "the encoder ended with status -9")


def test_a_complete_clip(server: ServerProcess) -> None:
    """It is a 500 that says so, and the same request works when it is sent again."""
    before = len(server.complaints)
    body = {"script": COMPLETE, "format": "opus"}
    killing = threading.Thread(target=server.kill_child)
    killing.start()
    answer = server.client.post("/tts", json=body)
    killing.join()
    assert answer.status_code == 500
    assert error_of(answer, 500)["message"] == "the speech could not be made"
    assert server.client.post("/tts", json={**body, "script": "Hello."}).status_code == 200
    assert_told(server, before, "encoding opus failed")


def test_a_recording(server: ServerProcess) -> None:
    """It is not read, and the sender is told; sent again, it is."""
    before = len(server.complaints)
    long = wav_bytes(voice_like(10.0))

    def post() -> httpx.Response:
        form = {"script": "Hello.", "format": "wav"}
        return server.client.post("/tts/clone", data=form, files={"voice_file": ("a", long)})

    killing = threading.Thread(target=server.kill_child)
    killing.start()
    answer = post()
    killing.join()
    assert error_of(answer, 500)["message"] == "the speech could not be made"
    assert post().status_code == 200
    assert_told(server, before, "the decoder ended with status -9")
