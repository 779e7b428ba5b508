"""This server's own WebSocket, over a real server; each message is held to docs/asyncapi.yaml."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from app.bounds import MAX_CONTEXTS
from app.callers.tokens import TOKEN_PREFIX
from scripts.asyncapi_page import page
from tests.api.native.live_client import PAGE, live_client
from tests.audio.probe import probe
from tests.conftest import ServeFake
from tests.fakes import FRAME_SAMPLES, RATE_HZ, FakeEngine
from tests.serving import Served

FRAME_SECONDS = FRAME_SAMPLES / RATE_HZ


def spoken(engine: FakeEngine) -> list[str]:
    return [" ".join(chunk.text for chunk in stream.job.chunks) for stream in engine.streams]


def test_page() -> None:
    """The page is the one that the messages make."""
    assert PAGE.read_text("utf-8") == page()


def test_real_model(server: Served) -> None:
    """The tiny model speaks two texts at once, each as a sound of its own, with its marks."""
    texts = {"a": "One is here. Two is here.", "b": "Three is here."}
    with live_client(server) as client:
        for name in texts:
            client.say("start", name, voice="alba")
        for name, text in texts.items():
            for letter in text:
                client.say("text", name, text=letter)
            client.say("end", name)
        for name, text in texts.items():
            if not (name in client.told and client.told[name].of("done")):
                client.until("done", name)
            told = client.told[name]
            assert told.messages[0]["type"] == "started"
            assert told.messages[-1]["seconds"] == pytest.approx(told.seconds, abs=0.001)
            words = [each for each in told.of("mark") if each["kind"] == "word"]
            assert " ".join(each["text"] for each in words) == text
            assert all(text[each["script_start"] : each["script_end"]] for each in words)
            assert words[-1]["end"] <= told.seconds + 0.001
            sentences = [each["text"] for each in told.of("mark") if each["kind"] == "sentence"]
            assert " ".join(sentences) == text
            assert (np.frombuffer(told.sound, "<i2").astype(float) ** 2).mean() > 1000


def test_formats(fake_server: ServeFake, ffmpeg: Path, tmp_path: Path) -> None:
    """The sound of a context is one file of its format, which `started` tells."""
    with live_client(fake_server(FakeEngine(frames_per_chunk=12))) as client:
        for name in ("mp3", "wav", "opus"):
            client.say("start", name, format=name, marks="none")
            client.say("text", name, text="Hello there.")
            client.say("end", name)
        # Opus has 48 kHz in its file, whatever it was made from.
        for name, rate_hz in (("mp3", 24000), ("wav", 24000), ("opus", 48000)):
            while not (name in client.told and client.told[name].of("done")):
                client.receive()
            told = client.told[name]
            assert told.of("started")[0]["sample_rate"] == 24000
            assert told.of("mark") == []
            (tmp_path / name).write_bytes(told.sound)
            found = probe(ffmpeg, tmp_path / name)
            assert found.sample_rate_hz == rate_hz
            assert len(found.pcm) / rate_hz == pytest.approx(0.96, abs=0.15)


def test_sentences_flush_and_ssml(fake_server: ServeFake) -> None:
    """A sentence is spoken when the next begins, what is flushed at once, SSML when complete."""
    engine = FakeEngine()
    with live_client(fake_server(engine)) as client:
        client.say("start", speed=1.0, marks="sentence")
        client.say("text", text="One is here. Two is ")
        client.until("mark")
        assert spoken(engine) == ["One is here."]
        client.say("flush")
        while len(engine.streams) < 2:
            client.receive()
        client.say("end")
        assert client.until("done").seconds == pytest.approx(10 * FRAME_SECONDS + 0.25)
        client.say("start", "ssml")
        for piece in ("<speak>Three <br", 'eak time="1s"/> is', " here.</speak>"):
            client.say("text", "ssml", text=piece)
        client.say("end", "ssml")
        assert client.until("done", "ssml").seconds > 1
    assert spoken(engine)[1] == "Two is"


def test_cancel(fake_server: ServeFake) -> None:
    """After a cancel nothing of the context is sent but how much was heard; others go on."""
    engine = FakeEngine(frames_per_chunk=500, frame_seconds=0.01)
    with live_client(fake_server(engine)) as client:
        for name in ("cut", "other"):
            client.say("start", name)
            client.say("text", name, text="One two three four five.")
            client.say("flush", name)
        while len(client.told) < 2 or min(each.seconds for each in client.told.values()) < 1.6:
            client.receive()
        client.say("cancel", "cut")
        told = client.until("cancelled", "cut")
        assert sorted(stream.aborted.is_set() for stream in engine.streams) == [False, True]
        heard = told.messages[-1]
        # It is made eight times as fast as it is played.
        assert 0 < heard["heard_seconds"] < heard["sent_seconds"] - 0.1
        assert heard["sent_seconds"] >= told.seconds - 2 * FRAME_SECONDS
        assert heard["heard_characters"] == 0
        before = len(told.sound)
        for _ in range(50):
            assert client.receive()["context"] == "other"
        assert len(told.sound) == before
        client.say("text", "cut", text="Too late.")
        assert "no context 'cut'" in client.until("error", "cut").messages[-1]["error"]["message"]
        client.say("start", "cut")
        client.until("started", "cut")


def test_cancel_while_it_is_played(fake_server: ServeFake) -> None:
    """All was sent long ago: what has been heard is told all the same, by whoever knows it best."""
    text = "One is here. Two is here."
    with live_client(fake_server(FakeEngine(frames_per_chunk=50))) as client:
        for heard_share, characters in (
            (None, None),
            (0.53, len("One is here.")),
            (25.0, len(text)),
        ):
            began = time.monotonic()
            client.say("start")
            client.say("text", text=text)
            client.say("end")
            seconds = client.until("done").messages[-1]["seconds"]
            # The text may have been spoken in one piece or in two, so that there is more of it.
            heard_seconds = None if heard_share is None else heard_share * seconds
            client.say("cancel", heard_seconds=heard_seconds)
            heard = client.until("cancelled").messages[-1]
            assert heard["sent_seconds"] == seconds
            if heard_seconds is None:
                # Nobody has heard more than could be played since.
                assert 0 <= heard["heard_seconds"] <= time.monotonic() - began
                assert heard["heard_characters"] <= len(text)
            else:
                assert heard["heard_characters"] == characters
                assert heard["heard_seconds"] == pytest.approx(min(heard_seconds, seconds))
            client.say("cancel")
            assert client.until("error").messages[-1]["error"]["field"] == "context"


def test_errors_of_a_context(fake_server: ServeFake) -> None:
    """What is wrong with a context is told there, and the socket goes on."""
    with live_client(fake_server()) as client:
        for name, fields, text, words in (
            ("voice", {"voice": "nobody"}, "", "voice 'nobody' does not exist"),
            ("format", {"format": "mp4"}, "", "format must be one of"),
            ("language", {"language": "nl"}, "", "language must be one of en"),
            ("letters", {}, "你好世界。", "text has letters that the model cannot read"),
        ):
            client.say("start", name, **fields)
            if text:
                client.say("text", name, text=text)
                client.say("end", name)
            assert words in client.until("error", name).messages[-1]["error"]["message"]
        client.say("start", "twice")
        client.say("start", "twice")
        assert "open already" in client.until("error", "twice").messages[-1]["error"]["message"]
        client.say("text", "twice", text="Hello.")
        client.say("end", "twice")
        assert client.until("done", "twice").seconds > 0


@pytest.mark.parametrize(
    ("frame", "code", "words"),
    [
        ("{", 1008, "a frame is not valid JSON"),
        ("[]", 1008, "must be a JSON object"),
        ('{"type": "begin"}', 1008, "type must be one of start, text"),
        ('{"type": "start", "voise": "a"}', 1008, "voise"),
        ('{"type": "start", "speed": 9}', 1008, "speed: "),
        ('{"type": "text", "text": "%s"}' % ("a" * 1_100_000), 1009, "1048576 are allowed"),
    ],
)
def test_frames_without_sense(server: Served, frame: str, code: int, words: str) -> None:
    """Whoever sends what makes no sense, or far too much, is told, and the socket is closed."""
    with live_client(server) as client:
        client.socket.send(frame)
        closed = client.until_closed()
        assert closed[0] == code
        assert words in closed[1]
        assert words in client.told[None].messages[0]["error"]["message"]


def test_floods(fake_server: ServeFake) -> None:
    """Neither contexts nor text can be heaped up: both close the socket with a reason."""
    served = fake_server(max_script_chars=1000)
    with live_client(served) as client:
        for number in range(MAX_CONTEXTS + 1):
            client.say("start", str(number))
        code, reason = client.until_closed()
        assert (code, f"{MAX_CONTEXTS} contexts" in reason) == (1008, True)
    with live_client(served) as client:
        client.say("start")
        for _ in range(11):
            client.say("text", text="word " * 20)
        code, reason = client.until_closed()
        assert (code, "more than the 1000 characters" in reason) == (1009, True)


def test_standing_still(fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context that is still ends, with an error if words would be lost; then the socket does."""
    monkeypatch.setattr("app.api.native.live.IDLE_SECONDS", 0.5)
    monkeypatch.setattr("app.api.native.live.CONTEXTLESS_SECONDS", 0.8)
    with live_client(fake_server()) as client:
        client.say("start", "quiet")
        client.say("start", "lost")
        client.say("text", "lost", text="Half a sen")
        began = time.monotonic()
        code, reason = client.until_closed()
        assert 0.8 <= time.monotonic() - began < 6
        assert (code, "nothing came for 0.8 s" in reason) == (1008, True)
        assert client.told["quiet"].messages[-1]["seconds"] == 0.2
        assert "not spoken" in client.told["lost"].messages[-1]["error"]["message"]


def test_key(server: Served) -> None:
    """A page sees why it is turned away, and may bring a token in the address."""
    for key, query, words in (
        (None, "", "no API key"),
        ("wrong", "", "key"),
        (None, f"?token={TOKEN_PREFIX}nothing", "token"),
    ):
        with live_client(server, key=key, query=query) as client:
            code, reason = client.until_closed()
            assert (code, words in reason) == (1008, True), reason
            assert client.told[None].messages[0]["error"]["type"] == "unauthorized"
    token = server.client.post("/tokens", json={}).json()["token"]
    with live_client(server, key=None, query=f"?token={token}") as client:
        client.say("start")
        client.until("started")


def test_who_does_not_read(fake_server: ServeFake) -> None:
    """Sound waits for its reader, in the engine too, and for no longer than the reader wants."""
    engine = FakeEngine(frames_per_chunk=20_000)
    with live_client(fake_server(engine)) as client:
        client.say("start")
        client.say("text", text="Hello.")
        client.say("flush")
        while client.receive()["type"] != "audio":
            pass
        before = -1
        while engine.streams[0].frames_read != before:
            before = engine.streams[0].frames_read
            time.sleep(0.5)
        assert 0 < before < 20_000
        client.say("cancel")
        client.until("cancelled")
        assert engine.streams[0].aborted.is_set()
        assert engine.streams[0].frames_read < 20_000
