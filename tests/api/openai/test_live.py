"""The socket of vLLM-Omni's clients, as its source describes it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.audio.probe import probe
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served


@contextlib.contextmanager
def opened(served: Served, key: str = KEY) -> Iterator[ClientConnection]:
    url = f"{served.url.replace('http', 'ws')}/v1/audio/speech/stream"
    with connect(url, additional_headers={"Authorization": f"Bearer {key}"}, proxy=None) as socket:
        yield socket


def say(socket: ClientConnection, kind: str, **fields: Any) -> None:
    socket.send(json.dumps({"type": kind, **fields}))


def heard(socket: ClientConnection) -> tuple[list[dict[str, Any]], bytes]:
    """All messages up to the end of an utterance, and the sound between them."""
    messages: list[dict[str, Any]] = []
    sound = b""
    while not messages or messages[-1]["type"] != "session.done":
        frame = socket.recv(timeout=30)
        if isinstance(frame, bytes):
            sound += frame
        else:
            messages.append(json.loads(frame))
    return messages, sound


def test_utterances(fake_server: ServeFake, ffmpeg: Path, tmp_path: Path) -> None:
    """One utterance follows the other, even if both were sent at once; each is one file."""
    engine = FakeEngine(frames_per_chunk=12)
    with opened(fake_server(engine)) as socket:
        say(socket, "session.config", voice="alba", response_format="wav", language="Auto")
        for text in ("One is here.", "Two is here."):
            for piece in (text[:5], text[5:]):
                say(socket, "input.text", text=piece)
            say(socket, "input.done")
        for index in range(2):
            messages, sound = heard(socket)
            assert [each["type"] for each in messages] == [
                *("audio.start", "audio.done", "session.done")
            ]
            assert {each["utterance_index"] for each in messages} == {index}
            assert messages[0]["sentence_text"] == ("One is here.", "Two is here.")[index]
            assert messages[1]["total_bytes"] == len(sound)
            assert not messages[1]["error"]
            (tmp_path / "heard.wav").write_bytes(sound)
            found = probe(ffmpeg, tmp_path / "heard.wav")
            assert len(found.pcm) / found.sample_rate_hz == pytest.approx(0.96, abs=0.01)
        say(socket, "session.close")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=30)
    assert socket.close_code == 1000


def test_what_is_refused(fake_server: ServeFake) -> None:
    """What is wrong is told, and the session goes on with its last config."""
    with opened(fake_server()) as socket:
        say(socket, "input.text", text="Hello.")
        for config in ({"voice": "nobody"}, {"response_format": "mp4"}, {"speed": 9}):
            say(socket, "session.config", **config)
        for words in ("session.config has to come", "'nobody'", "response_format", "speed"):
            message = json.loads(socket.recv(timeout=30))
            assert message["type"] == "error"
            assert words in message["message"]
        say(socket, "session.config", voice="alba", response_format="pcm")
        say(socket, "input.text", text="Hello.")
        say(socket, "session.config", voice="alba")
        assert "inside an utterance" in json.loads(socket.recv(timeout=30))["message"]
        say(socket, "input.done")
        assert len(heard(socket)[1]) == 2 * 5 * 1920
        say(socket, "input.text", text="你好世界。")
        say(socket, "input.done")
        messages, sound = heard(socket)
        assert "letters that the model cannot read" in messages[0]["message"]
        assert sound == b""


def test_key(server: Served) -> None:
    """A wrong key is told of."""
    with opened(server, "wrong") as socket:
        assert json.loads(socket.recv(timeout=30))["code"] == "unauthorized"
