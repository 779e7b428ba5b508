"""Fish Audio's WebSocket, through all four of its own clients over a real server."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fish_audio_sdk
import fishaudio
import numpy as np
import ormsgpack
import pytest
from fishaudio import ReferenceAudio
from fishaudio.types import FlushEvent, TextEvent
from httpx_ws import WebSocketDisconnect, WebSocketSession

from tests.api.fish.sdk import (
    BASES,
    LIVE,
    TEXT,
    Live,
    heard_in,
    last_event,
    live,
    next_event,
    raw_socket,
    say,
    sdk_for,
)
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine
from tests.serving import Served, serve_fake

ERRORS = (fishaudio.WebSocketError, fish_audio_sdk.WebSocketErr)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_fake(tmp_path_factory.mktemp("fish"), max_script_chars=5000) as served:
        yield served


def spoken_texts(engine: FakeEngine) -> list[str]:
    return [" ".join(chunk.text for chunk in each.job.chunks) for each in engine.streams]


@pytest.mark.parametrize("client", LIVE)
def test_every_client(server: Served, ffmpeg: Path, tmp_path: Path, client: Live) -> None:
    """The tiny model speaks a text that comes in pieces, as one valid file."""
    texts = ["Hello th", "ere. This is a sec", "ond sentence. And", " a third one."]
    heard = heard_in(ffmpeg, tmp_path, client(server, texts), "wav")
    assert heard.sample_rate_hz == 44100
    assert len(heard.pcm) > 44100 / 2
    assert np.sqrt(np.mean(heard.pcm**2)) > 0.005


@pytest.mark.parametrize("name", ["mp3", "wav", "pcm", "opus"])
def test_formats(fake_server: ServeFake, ffmpeg: Path, tmp_path: Path, name: Any) -> None:
    """The audio, joined, is one file of the format, as long as its passages together."""
    engine = FakeEngine(frames_per_chunk=25)
    with sdk_for(fake_server(engine)) as sdk:
        audio = b"".join(
            sdk.tts.stream_websocket(iter(["One. Two.", FlushEvent(), " Three."]), format=name)
        )
    heard = heard_in(ffmpeg, tmp_path, audio, name)
    assert heard.sample_rate_hz == (48000 if name == "opus" else 44100)
    spoken_seconds = 2 * sum(len(stream.job.chunks) for stream in engine.streams)
    assert spoken_seconds <= len(heard.pcm) / heard.sample_rate_hz < spoken_seconds + 1


def test_text_is_joined_as_it_is(fake_server: ServeFake) -> None:
    """Pieces of a word are one word, and nothing is lost, doubled or put between."""
    engine = FakeEngine()
    served = fake_server(engine)
    for base in BASES:
        engine.streams.clear()
        with sdk_for(served, base=base) as sdk:
            pieces = [*"It is 3.5 metres, Dr. Smith said. ", "Real", "ly? ", TextEvent(text="Yes.")]
            assert b"".join(sdk.tts.stream_websocket(iter(pieces)))
        said = " ".join(spoken_texts(engine))
        assert said.endswith("Doctor Smith said. Really? Yes.")
        assert said.count("point five") == 1


def test_speech_comes_while_the_text_is_written(fake_server: ServeFake) -> None:
    """A sentence is heard before the next one is finished, and half a one after a flush."""
    with raw_socket(fake_server(), format="pcm") as ws:
        say(ws, event="text", text="Hello there. Then they")
        assert next_event(ws)["event"] == "audio"
        drain(ws)
        say(ws, event="text", text=" left")
        assert nothing_comes(ws)
        say(ws, event="flush")
        assert next_event(ws)["event"] == "audio"
        say(ws, event="text", text=" here.")
        say(ws, event="stop")
        assert last_event(ws) == {"event": "finish", "reason": "stop"}


def drain(ws: WebSocketSession) -> None:
    while not nothing_comes(ws):
        pass


def nothing_comes(ws: WebSocketSession) -> bool:
    try:
        next_event(ws, seconds=0.4)
    except queue.Empty:
        return True
    return False


def test_voice_speed_and_recordings(fake_server: ServeFake) -> None:
    """The first event brings what POST /v1/tts has in its body."""
    engine = FakeEngine(frames_per_chunk=25)
    with sdk_for(fake_server(engine)) as sdk:
        fast = b"".join(
            sdk.tts.stream_websocket(iter([TEXT]), format="pcm", speed=2.0, reference_id="marius")
        )
        clip = ReferenceAudio(audio=wav_bytes(voice_like(2.0)), text="")
        list(sdk.tts.stream_websocket(iter([TEXT]), references=[clip, clip]))
    assert abs(len(fast) / 2 / 44100 - 1.0) < 0.15
    assert engine.loaded.count("marius") == 1
    assert len(engine.encoded) == 1


def test_text_in_the_first_event(fake_server: ServeFake) -> None:
    """What the first event has as text is spoken first."""
    engine = FakeEngine()
    with raw_socket(fake_server(engine), text="First. ", unknown=1) as ws:
        say(ws, event="text", text="Second.")
        say(ws, event="stop")
        assert last_event(ws)["reason"] == "stop"
    assert " ".join(spoken_texts(engine)) == "First. Second."


@pytest.mark.parametrize(
    ("client", "texts"),
    [
        *((client, ["x" * 6000]) for client in LIVE),
        (live, ["[pause: oops] Hi."]),
    ],
)
def test_texts_that_cannot_be_spoken(served: Served, client: Live, texts: list[str]) -> None:
    """Too many words, broken markup: each client raises its own error."""
    with pytest.raises(ERRORS):
        client(served, texts)


def test_engine_breaks(fake_server: ServeFake) -> None:
    """A failure of ours in the middle is an error too, never a short file."""
    with pytest.raises(ERRORS):
        live(fake_server(FakeEngine(frames_per_chunk=25, fail_after=5)), [TEXT])


def test_unknown_voice(served: Served) -> None:
    """An unknown voice is refused before a word was written."""
    with sdk_for(served) as sdk, pytest.raises(fishaudio.WebSocketError):
        list(sdk.tts.stream_websocket(iter([TEXT]), reference_id="nobody"))
    with raw_socket(served, reference_id="nobody") as ws:
        assert last_event(ws) == {
            "event": "finish",
            "reason": "error",
            "status": 404,
            "message": "reference_id 'nobody' does not exist; available voices: alba, marius",
        }
        with pytest.raises(WebSocketDisconnect) as closed:
            next_event(ws)
    assert closed.value.code == 1008
    assert closed.value.reason.startswith("reference_id 'nobody' does not exist")


@pytest.mark.parametrize("client", LIVE)
def test_wrong_key(served: Served, client: Live) -> None:
    """A wrong key is an error of every client."""
    with pytest.raises(ERRORS):
        client(served, [TEXT], "wrong")


PACK = ormsgpack.packb
STARTED = PACK({"event": "start", "request": {"text": ""}})


@pytest.mark.parametrize(
    ("frames", "status", "words"),
    [
        ([PACK({"event": "text", "text": "Hi."})], 400, "text came before start"),
        ([PACK({"event": "stop"})], 400, "stop came before start"),
        ([STARTED, STARTED], 400, "only once"),
        ([STARTED, PACK({"event": "sing"})], 400, "start, text, flush, stop"),
        ([STARTED, PACK({"event": "text", "text": 5})], 400, "text"),
        ([STARTED, PACK({"event": ["text"]})], 400, "event"),
        ([STARTED, PACK(["event", "text"])], 400, "event"),
        ([STARTED, b"\xc1"], 400, "MessagePack"),
        ([STARTED, b"\xdd\xff\xff\xff\xff"], 400, "MessagePack"),
        ([STARTED, b""], 400, "MessagePack"),
        ([STARTED, '{"event": "flush"}'], 400, "binary"),
        ([PACK({"event": "start"})], 400, "request"),
        ([PACK({"event": "start", "request": {"text": "", "latency": "x"}})], 400, "latency"),
        ([PACK({"event": "start", "request": {"text": "", "format": "x"}})], 400, "format"),
        ([STARTED, PACK({"event": "text", "text": "x" * 10_000_000})], 413, "1048576"),
        ([PACK({"event": "text", "text": "x" * 10_000_000})], 400, "before start"),
    ],
)
def test_misbehaviour(served: Served, frames: list[bytes | str], status: int, words: str) -> None:
    """Whatever is wrong is said in the last event, and then the socket is closed."""
    with raw_socket(served, start=False) as ws:
        for frame in frames:
            if isinstance(frame, str):
                ws.send_text(frame)
            else:
                ws.send_bytes(frame)
        said = last_event(ws)
        assert (said["reason"], said["status"]) == ("error", status), said
        assert words in said["message"]
        with pytest.raises(WebSocketDisconnect) as closed:
            next_event(ws)
    assert closed.value.code == (1009 if status == 413 else 1008)
    assert live(served, [TEXT]).startswith(b"RIFF")


def test_text_that_fails_where_it_is_written(fake_server: ServeFake) -> None:
    """An error in the program that writes the text ends the speech."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=3)
    served = fake_server(engine)

    def texts() -> Iterator[str]:
        yield "Hello there. And then"
        raise RuntimeError("the writer broke")

    with sdk_for(served) as sdk:
        pieces = sdk.tts.stream_websocket(texts(), format="pcm")
        assert next(pieces)
        pieces.close()
    assert engine.streams[0].aborted.wait(2)


def test_many_at_once(server: Served) -> None:
    """Sockets side by side do not mix."""
    heard: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: heard.append(live(server, ["Hello. ", "You."])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(heard) == 4
    server.wait_until(lambda health: health["engine"]["running_rows"] == 0)


def test_what_livekit_sends(fake_server: ServeFake) -> None:
    """LiveKit gives Opus's bitrate in bit/s, asks for low latency, and leaves much to null."""
    engine = FakeEngine()
    nulls = dict.fromkeys(("reference_id", "sample_rate", "temperature", "top_p", "seed"))
    sent: dict[str, Any] = {
        **nulls,
        "format": "opus",
        "opus_bitrate": 64000,
        "latency": "low",
        "references": [{"audio": wav_bytes(voice_like(3.0)), "text": None}],
        "prosody": {"speed": None, "volume": None},
    }
    with raw_socket(fake_server(engine), **sent) as ws:
        say(ws, event="text", text="Hello there.")
        say(ws, event="stop")
        assert last_event(ws) == {"event": "finish", "reason": "stop"}
    assert len(engine.streams) == 1


@pytest.mark.parametrize(("name", "bitrate"), [("opus", 24000), ("opus", 32), ("mp3", 192000)])
def test_bitrates(fake_server: ServeFake, name: str, bitrate: int) -> None:
    """A bitrate is in bit/s or in kbit/s."""
    body = {"text": TEXT, "format": name, f"{name}_bitrate": bitrate}
    served = fake_server()
    assert served.client.post("/v1/tts", json=body).status_code == 200
    refused = served.client.post("/v1/tts", json=body | {f"{name}_bitrate": bitrate + 1})
    assert refused.status_code == 400
