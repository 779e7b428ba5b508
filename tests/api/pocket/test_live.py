"""The socket of LiveKit's plug-in for Pocket TTS; the plug-in itself is in tests/agents."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.conftest import ServeFake
from tests.fakes import FRAME_SAMPLES, FakeEngine
from tests.serving import KEY, Served

CONFIG = {"sample_rate": 24000, "normalize": True, "pauses": False, "format": "pcm", "binary": True}


@contextlib.contextmanager
def opened(served: Served, key: str = KEY) -> Iterator[ClientConnection]:
    url = f"{served.url.replace('http', 'ws')}/tts/ws"
    headers = {"Authorization": f"Bearer {key}"}
    with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


def say(socket: ClientConnection, kind: str, **data: Any) -> None:
    socket.send(json.dumps({"type": kind, "data": data} if data else {"type": kind}))


def heard(socket: ClientConnection) -> tuple[bytes, dict[str, Any]]:
    """The sound up to the next message, and that."""
    sound = b""
    while isinstance(frame := socket.recv(timeout=30), bytes):
        sound += frame
    return sound, json.loads(frame)


def test_replies(fake_server: ServeFake) -> None:
    """Each reply is a config, sentences and a flush; then comes its sound, and that it is final."""
    engine = FakeEngine()
    with opened(fake_server(engine)) as socket:
        for rate_hz in (24000, 16000):
            say(socket, "config", **CONFIG | {"voice": "alba", "sample_rate": rate_hz})
            _, accepted = heard(socket)
            assert accepted["data"]["event_type"] == "config_accepted"
            for text in ("One is here.", "Two is here."):
                say(socket, "text", text=text)
            say(socket, "flush")
            sound, final = heard(socket)
            assert final["data"] == {**accepted["data"], "event_type": "final"}
            chunks = sum(len(stream.job.chunks) for stream in engine.streams)
            shortest = 2 * chunks * 5 * FRAME_SAMPLES * rate_hz // 24000
            assert shortest <= len(sound) <= shortest + rate_hz
            engine.streams.clear()


def test_cancel(fake_server: ServeFake) -> None:
    """What is cancelled comes to an end, the socket stays, and the next reply is whole."""
    engine = FakeEngine(frames_per_chunk=500, frame_seconds=0.01)
    with opened(fake_server(engine)) as socket:
        say(socket, "config", **CONFIG)
        say(socket, "text", text="One is here. Two is here.")
        say(socket, "flush")
        assert heard(socket)[1]["data"]["event_type"] == "config_accepted"
        socket.recv(timeout=30)
        say(socket, "cancel")
        assert heard(socket)[1]["data"]["event_type"] == "cancelled"
        assert engine.streams[0].aborted.wait(5)
        engine.frames_per_chunk = 5
        say(socket, "config", **CONFIG | {"binary": False})
        say(socket, "text", text="Three is here.")
        say(socket, "flush")
        assert heard(socket)[1]["data"]["event_type"] == "config_accepted"
        sound = b""
        while (message := heard(socket)[1])["type"] == "audio":
            sound += base64.b64decode(message["data"]["audio"])
        assert message["data"]["event_type"] == "final"
        assert len(sound) == 2 * 5 * FRAME_SAMPLES
        say(socket, "ping")
        assert heard(socket)[1]["type"] == "pong"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"voice": "nobody"}, "voice 'nobody' does not exist"),
        ({"language": "nl"}, "language must be one of en"),
        ({"sample_rate": 7}, "sample_rate must be"),
        ({"format": "mp3"}, "format: "),
    ],
)
def test_refusals(fake_server: ServeFake, config: dict[str, Any], words: str) -> None:
    """What is wrong is told, and the socket stays for a better config."""
    with opened(fake_server()) as socket:
        say(socket, "text", text="Hello.")
        assert "text came without a config" in heard(socket)[1]["data"]["message"]
        say(socket, "config", **CONFIG | config)
        error = heard(socket)[1]
        assert error["type"] == "error"
        assert words in error["data"]["message"]
        say(socket, "config", **CONFIG)
        assert heard(socket)[1]["data"]["event_type"] == "config_accepted"


def test_who_is_turned_away(server: Served) -> None:
    """A wrong key is told of, and ends the socket, as does a frame without sense."""
    with opened(server, "wrong") as socket:
        assert json.loads(socket.recv(timeout=30))["data"]["code"] == "unauthorized"
    with opened(server) as socket:
        say(socket, "sing", song="a")
        assert "type must be one of config, text" in heard(socket)[1]["data"]["message"]
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=30)
    assert socket.close_code == 1008
