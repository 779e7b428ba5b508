"""ElevenLabs' WebSocket of several contexts, frame by frame; the plug-ins are in tests/agents."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.bounds import MAX_CONTEXTS
from tests.api.elevenlabs.test_live import say, spoken
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, serve_fake

FRAME_SECONDS = 0.08
PAUSE_SECONDS = 0.25
PATIENCE_SECONDS = 30.0


@contextlib.contextmanager
def opened(served: Served, query: str = "", *, key: str | None = KEY) -> Iterator[ClientConnection]:
    path = f"/v1/text-to-speech/alba/multi-stream-input?output_format=pcm_24000&{query}"
    headers = {"xi-api-key": key} if key else {}
    url = served.url.replace("http", "ws") + path
    with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


def receive(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
    return frame


def until_final(socket: ClientConnection, *names: str) -> dict[str, list[dict[str, Any]]]:
    """The frames of each context until all of these are final."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    while not all(found[name] and found[name][-1].get("isFinal") for name in names):
        frame = receive(socket)
        found[frame["contextId"]].append(frame)
    return found


def seconds_in(frames: list[dict[str, Any]]) -> float:
    return sum(len(base64.b64decode(each.get("audio") or "")) for each in frames) / 48000


def test_real_model(server: Served) -> None:
    """The tiny model speaks two contexts that are open at once, each as a sound of its own."""
    with opened(server) as socket:
        for name in ("a", "b"):
            say(socket, text=" ", context_id=name, voice_settings={})
            say(socket, text=f"Hello from {name}. ", context_id=name)
        for name in ("b", "a"):
            say(socket, context_id=name, close_context=True)
        found = until_final(socket, "a", "b")
    for frames in found.values():
        audio = b"".join(base64.b64decode(each.get("audio") or "") for each in frames)
        assert (np.frombuffer(audio, "<i2").astype(float) ** 2).mean() > 1000


def test_a_reply_after_the_other(fake_server: ServeFake) -> None:
    """As LiveKit: a context for each reply, closed right after its text, on one socket."""
    engine = FakeEngine()
    with opened(fake_server(engine), "inactivity_timeout=180&sync_alignment=true") as socket:
        for name, text in (("one", "Hello there. "), ("two", "It is $5. ")):
            say(socket, text=" ", voice_settings={}, context_id=name)
            say(socket, text=text, context_id=name, flush=True)
            say(socket, text="", context_id=name, flush=True)
            say(socket, context_id=name, close_context=True)
            frames = until_final(socket, name)[name]
            # If the end comes after the flushed text was begun, that is followed by a pause.
            seconds = seconds_in(frames)
            without_pause = pytest.approx(5 * FRAME_SECONDS)
            assert seconds == without_pause or seconds - PAUSE_SECONDS == without_pause
            assert frames[-1] == {"isFinal": True, "contextId": name}
            heard = [each for each in frames if each.get("normalizedAlignment")]
            chars = "".join("".join(each["normalizedAlignment"]["chars"]) for each in heard)
            assert chars == ("Hello there." if name == "one" else "It is five dollars.")
        say(socket, close_socket=True)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE_SECONDS)
    assert socket.close_code == 1000
    assert spoken(engine) == "Hello there. It is five dollars."


@pytest.mark.parametrize("absolute", [True, False])
def test_times(fake_server: ServeFake, absolute: bool) -> None:
    """With sync_alignment times count from the context's beginning, else frame by frame."""
    with opened(fake_server(), f"sync_alignment={str(absolute).lower()}") as socket:
        say(socket, text="One is here. Two is here. ", context_id="a", flush=True)
        say(socket, context_id="a", close_context=True)
        frames = until_final(socket, "a")["a"]
    given = [each["alignment"] for each in frames if each.get("alignment")]
    assert "".join("".join(each["chars"]) for each in given) == " One is here. Two is here. "[1:]
    begun_ms = 0
    for each in given:
        assert each["charStartTimesMs"][0] == (begun_ms if absolute else 0)
        begun_ms += sum(each["charDurationsMs"])
    assert begun_ms == pytest.approx(1000 * seconds_in(frames), abs=30)


def test_sentences_without_a_space_between(fake_server: ServeFake) -> None:
    """As Pipecat: each frame is a sentence, spoken at once; a flush has no text."""
    engine = FakeEngine()
    with opened(fake_server(engine), "auto_mode=true") as socket:
        say(socket, text=" ", context_id="a")
        say(socket, text="This is one.", context_id="a")
        assert receive(socket)["audio"]
        say(socket, text="And 3.", context_id="a")
        say(socket, text="5 is two.", context_id="a")
        say(socket, context_id="a", flush=True)
        say(socket, context_id="a", close_context=True)
        frames = until_final(socket, "a")["a"]
    written = "".join(
        "".join(each["alignment"]["chars"]) for each in frames if each.get("alignment")
    )
    assert written.endswith("And 3. 5 is two.")
    assert spoken(engine) == "This is one. And three. five is two."


def test_tokens_are_joined_as_they_are(fake_server: ServeFake) -> None:
    """Without auto_mode a frame is no border, whatever it ends with."""
    engine = FakeEngine()
    with opened(fake_server(engine)) as socket:
        for token in ("It ", "costs 3", ".", "5", "0 euros."):
            say(socket, text=token, context_id="a")
        say(socket, context_id="a", close_context=True)
        until_final(socket, "a")
    assert spoken(engine) == "It costs three point five zero euros."


def test_keeping_alive(fake_server: ServeFake) -> None:
    """An empty text keeps a context; a still one ends alone, the socket with the last."""
    with opened(fake_server(), "inactivity_timeout=1") as socket:
        for name in ("kept", "still", "lost"):
            say(socket, text=" ", context_id=name)
        say(socket, text="Half a sentence", context_id="lost")
        found: dict[str, dict[str, Any]] = {}
        began = time.monotonic()
        while time.monotonic() < began + 1.6:
            say(socket, text="", context_id="kept")
            with contextlib.suppress(TimeoutError):
                frame = json.loads(socket.recv(timeout=0.2))
                found.setdefault(frame["contextId"], frame)
        assert set(found) == {"still", "lost"}
        assert seconds_in([found["still"]]) == pytest.approx(0.2)
        assert "nothing came for 1 s" in found["lost"]["message"]
        assert until_final(socket, "kept")
        say(socket, text="")  # keeps the socket itself, and opens nothing
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE_SECONDS)
    assert (socket.close_code, socket.close_reason) == (1000, "nothing came for 1 s")


def test_errors_belong_to_a_context(fake_server: ServeFake) -> None:
    """What is wrong with a context ends that one only; frames for one that is over are none."""
    with opened(fake_server()) as socket:
        say(socket, text="Good. ", context_id="good", voice_settings={"speed": 1.0})
        say(socket, text="你好世界。 ", context_id="letters", flush=True)
        say(socket, text="a", context_id="changed", voice_settings={"style": 0})
        say(socket, text="b", context_id="changed", voice_settings={"style": 1})
        locators = [{"pronunciation_dictionary_id": "a", "version_id": "b"}]
        say(socket, text=" ", context_id="words", pronunciation_dictionary_locators=locators)
        found = until_final(socket, "letters", "changed", "words")
        for name, words in (
            ("letters", "letters that the model cannot read"),
            ("changed", "voice_settings must be in the first frame"),
            ("words", "there is no dictionary 'a'"),
        ):
            assert words in found[name][0]["message"]
            assert set(found[name][0]) == {"message", "error", "code", "contextId"}
            say(socket, context_id=name, flush=True)
            say(socket, context_id=name, close_context=True)
        say(socket, context_id="good", close_context=True)
        assert seconds_in(until_final(socket, "good")["good"]) > 0


def test_unknown_voice(fake_server: ServeFake) -> None:
    """A voice that is not there is told of in the context."""
    served = fake_server()
    url = (
        f"{served.url.replace('http', 'ws')}/elevenlabs/v1/text-to-speech/nobody/multi-stream-input"
    )
    with connect(url, additional_headers={"xi-api-key": KEY}, proxy=None) as socket:
        say(socket, text=" ", context_id="a")
        assert "voice_id 'nobody' does not exist" in receive(socket)["message"]


def test_too_many_contexts(fake_server: ServeFake) -> None:
    """The one too many is refused, the others go on."""
    with opened(fake_server()) as socket:
        for number in range(MAX_CONTEXTS + 1):
            say(socket, text=" ", context_id=str(number))
        refused = receive(socket)
        assert refused["contextId"] == str(MAX_CONTEXTS)
        assert f"{MAX_CONTEXTS} contexts are open" in refused["message"]
        say(socket, text="Hello.", context_id="0", close_context=True)
        assert seconds_in(until_final(socket, "0")["0"]) == pytest.approx(5 * FRAME_SECONDS)


@pytest.mark.parametrize(
    ("frame", "words"), [("{", "JSON"), ('{"text": 5}', "text: "), ('{"flush": "x"}', "flush: ")]
)
def test_bad_frames(server: Served, frame: str, words: str) -> None:
    """A frame that makes no sense belongs to no context, and ends the socket."""
    with opened(server) as socket:
        socket.send(frame)
        assert words in receive(socket)["message"]
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE_SECONDS)
    assert socket.close_code == 1008
    assert words in (socket.close_reason or "")


def test_key(server: Served) -> None:
    """The key may be in the first frame; without one nothing is spoken."""
    for key, code in ((KEY, 1000), ("wrong", 1008)):
        with opened(server, key=None) as socket:
            say(socket, text=" ", context_id="a", xi_api_key=key)
            say(socket, close_socket=True)
            with contextlib.suppress(ConnectionClosed):
                while True:
                    socket.recv(timeout=PATIENCE_SECONDS)
        assert socket.close_code == code


def test_leaving(fake_server: ServeFake) -> None:
    """Who leaves in the middle leaves no work behind."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=10)
    with opened(fake_server(engine)) as socket:
        for name in ("a", "b"):
            say(socket, text="Hello there. ", context_id=name, flush=True)
        assert {receive(socket)["contextId"] for _ in range(12)} == {"a", "b"}
    for stream in engine.streams:
        assert stream.aborted.wait(5)


def test_server_that_ends(tmp_path: Path) -> None:
    """Who waits is told when the server ends, as on other sockets."""
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(contextlib.ExitStack())
        served = running.enter_context(serve_fake(tmp_path, FakeEngine()))
        socket = stack.enter_context(opened(served))
        say(socket, text="Half a sentence", context_id="a")
        time.sleep(0.2)
        running.close()
        frames = [receive(socket) for _ in range(3)]
        assert "shutting down" in frames[0]["message"]
        assert frames[1] == {"isFinal": True, "contextId": "a"}
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE_SECONDS)
    assert socket.close_code == 1012
