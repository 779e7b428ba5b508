"""What a client is told whose request is not done when the server's time to end is over."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fishaudio
import httpx
import openai
import pytest
from elevenlabs.core import ApiError
from httpx_ws import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.main import create_app
from tests.api.elevenlabs import sdk as elevenlabs_sdk
from tests.api.fish import sdk as fish_sdk
from tests.api.openai import sdk as openai_sdk
from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, error_of, make_settings, running, served_at
from tests.test_server import KEY as OPERATORS_KEY
from tests.test_server import free_port, started
from tests.wyoming.home import home

pytestmark = pytest.mark.long

WORDS = "the server is shutting down"
SENTENCES = " ".join(
    f"The keeper of the {which} tower counts all the ships that pass by, and writes each one of "
    "them into the old book that his father has left to him many years ago."
    for which in ("first", "second", "third")
)
"""Each of these is a chunk of its own."""


def outlasting(folder: Path, work: Callable[[Served], Any]) -> Any:
    """What comes of `work`, which no engine ends, when the server is told to stop meanwhile."""
    engine = FakeEngine(hold_after=0)
    settings = make_settings(folder, shutdown_grace_seconds=0)
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as server:
        url = server.enter_context(running(create_app(settings, lambda: engine)))
        with served_at(url, settings) as served:
            served.wait_until(lambda health: health["model"]["state"] == "ready")
            worked = pool.submit(work, served)
            deadline = time.monotonic() + 10
            while not engine.streams:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            server.close()
            return worked.result(20)


def test_own_client(tmp_path: Path) -> None:
    """The answer is a 503 in this server's own shape that says when to come back."""

    def speak(served: Served) -> httpx.Response:
        return served.client.post("/tts", json={"script": "Hi."})

    answer = outlasting(tmp_path, speak)
    error = error_of(answer, 503)
    assert (error["type"], error["message"]) == ("model_unavailable", WORDS)
    assert int(answer.headers["retry-after"]) >= 1


def test_openai(tmp_path: Path) -> None:
    """OpenAI's SDK raises its InternalServerError, which it would try again."""

    def speak(served: Served) -> openai.InternalServerError:
        with openai_sdk.sdk_for(served) as sdk, pytest.raises(openai.InternalServerError) as caught:
            sdk.audio.speech.create(model="tts-1", voice="alba", input="Hi.")
        return caught.value

    error = outlasting(tmp_path, speak)
    assert (error.status_code, error.code) == (503, "model_unavailable")
    assert WORDS in error.message
    assert int(error.response.headers["retry-after-ms"]) >= 1000
    assert "x-should-retry" not in error.response.headers


@pytest.mark.parametrize("prefix", ["", "/elevenlabs"])
def test_elevenlabs(tmp_path: Path, prefix: str) -> None:
    """ElevenLabs' SDK raises its ApiError."""

    def speak(served: Served) -> pytest.ExceptionInfo[ApiError]:
        speech = elevenlabs_sdk.sdk_for(served, prefix=prefix).text_to_speech
        with pytest.raises(ApiError) as caught:
            b"".join(speech.convert("alba", text="Hi.", request_options=elevenlabs_sdk.ONCE))
        return caught

    detail = elevenlabs_sdk.detail_of(outlasting(tmp_path, speak), 503)
    assert detail == {"status": "model_unavailable", "message": WORDS}


def test_fish(tmp_path: Path) -> None:
    """Fish Audio's SDK raises its ServerError."""

    def speak(served: Served) -> fishaudio.ServerError:
        with fish_sdk.sdk_for(served) as sdk, pytest.raises(fishaudio.ServerError) as caught:
            sdk.tts.convert(text="Hi.")
        return caught.value

    error = outlasting(tmp_path, speak)
    assert error.status == 503
    assert WORDS in str(error)


@contextlib.contextmanager
def stoppable(folder: Path, engine: FakeEngine) -> Iterator[tuple[Served, Callable[[], None]]]:
    """A server with plenty of time to end, and what tells it to, which returns once it begins."""
    settings = make_settings(folder, shutdown_grace_seconds=20)
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as server:
        url = server.enter_context(running(create_app(settings, lambda: engine)))
        with served_at(url, settings) as served:
            served.wait_until(lambda health: health["model"]["state"] == "ready")

            def stop() -> None:
                pool.submit(server.close)
                deadline = time.monotonic() + 10
                while (ready := served.client.get("/ready")).status_code == 200:
                    assert time.monotonic() < deadline
                assert ready.json() == {"ready": False, "reason": WORDS}

            yield served, stop
            engine.let_go.set()
        started = time.monotonic()
    assert time.monotonic() - started < 5


def test_what_is_at_work_ends_first(tmp_path: Path) -> None:
    """While a stream comes to its end the server is not ready, and begins nothing new."""
    engine = FakeEngine(hold_after=3)
    body = {"script": "Hi.", "stream": True, "format": "wav"}
    with stoppable(tmp_path, engine) as (served, stop):
        with served.client.stream("POST", "/tts", json=body) as stream:
            pieces = stream.iter_raw()
            heard = next(pieces)
            stop()
            assert served.client.get("/health").is_success
            assert error_of(served.client.post("/tts", json=body), 503)["message"] == WORDS
            engine.let_go.set()
            heard += b"".join(pieces)
        assert len(heard) == 5 * 1920 * 2 + 44


@pytest.mark.parametrize("name", ["pcm", "mp3"])
def test_a_socket_is_closed_after_its_sentence(tmp_path: Path, name: str) -> None:
    """What was begun is heard to its end; then come the reason and 1012, as the server restarts."""
    engine = FakeEngine(frames_per_chunk=40, hold_after=30)
    with (
        stoppable(tmp_path, engine) as (served, stop),
        fish_sdk.raw_socket(served, text="One sentence. ", format=name, sample_rate=24000) as ws,
    ):
        fish_sdk.say(ws, event="flush")
        heard = fish_sdk.next_event(ws)["audio"]
        stop()
        fish_sdk.say(ws, event="text", text="Another one. ")
        engine.let_go.set()
        while (event := fish_sdk.next_event(ws))["event"] == "audio":
            heard += event["audio"]
        assert event == {"event": "finish", "reason": "error", "status": 503, "message": WORDS}
        with pytest.raises(WebSocketDisconnect) as closed:
            fish_sdk.next_event(ws)
        assert (closed.value.code, closed.value.reason) == (1012, WORDS)
        bytes_per_second = {"pcm": 48000, "mp3": 16000}[name]
        assert len(heard) >= 40 * 0.08 * bytes_per_second
        assert len(engine.streams) == 1


@pytest.mark.parametrize("name", ["pcm", "mp3"])
def test_of_several_sentences_only_the_current_one_is_heard_out(tmp_path: Path, name: str) -> None:
    """What came with it in the same text is not spoken any more, and the client is told so."""
    engine = FakeEngine(frames_per_chunk=40, hold_after=30)
    with (
        stoppable(tmp_path, engine) as (served, stop),
        fish_sdk.raw_socket(served, text=SENTENCES, format=name, sample_rate=24000) as ws,
    ):
        fish_sdk.say(ws, event="stop")
        heard = fish_sdk.next_event(ws)["audio"]
        stop()
        engine.let_go.set()
        while (event := fish_sdk.next_event(ws))["event"] == "audio":
            heard += event["audio"]
        assert event == {"event": "finish", "reason": "error", "status": 503, "message": WORDS}
        with pytest.raises(WebSocketDisconnect) as closed:
            fish_sdk.next_event(ws)
        assert closed.value.code == 1012
        bytes_per_second = {"pcm": 48000, "mp3": 16000}[name]
        assert 40 * 0.08 <= len(heard) / bytes_per_second < 50 * 0.08


def test_a_socket_with_contexts_is_closed_after_their_sentences(tmp_path: Path) -> None:
    """Also where the client has said that it has nothing more to say."""
    engine = FakeEngine(frames_per_chunk=40, hold_after=30)
    with stoppable(tmp_path, engine) as (served, stop):
        url = f"{served.url.replace('http', 'ws')}/v1/text-to-speech/alba/multi-stream-input"
        headers = {"xi-api-key": KEY}
        query = "?output_format=pcm_24000"
        with connect(f"{url}{query}", additional_headers=headers, proxy=None) as ws:
            for name in ("one", "two"):
                ws.send(json.dumps({"text": " ", "context_id": name}))
                ws.send(json.dumps({"text": SENTENCES, "context_id": name, "flush": True}))
            ws.send(json.dumps({"close_socket": True}))
            told = [json.loads(ws.recv(10))]

            def hear_all() -> None:
                while True:
                    told.append(json.loads(ws.recv(10)))

            served.wait_until(lambda health: health["engine"]["running_rows"] == 2)
            stop()
            engine.let_go.set()
            with pytest.raises(ConnectionClosed) as closed:
                hear_all()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        for name in ("one", "two"):
            audio = [each.get("audio") for each in told if each.get("contextId") == name]
            size_bytes = sum(len(base64.b64decode(each)) for each in audio if each)
            assert 40 * 0.08 <= size_bytes / 48000 < 50 * 0.08


def test_home_assistant_hears_a_whole_text(tmp_path: Path) -> None:
    """It has sent all of it and is told of nothing else, so that it is treated as a stream is."""
    engine = FakeEngine(hold_after=3)
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as server:
        made = server.enter_context(home(tmp_path, lambda: engine, shutdown_grace_seconds=10))
        event = json.dumps({"type": "synthesize", "data": {"text": SENTENCES}})

        def speak() -> bytes:
            heard = b""
            with socket.create_connection(("127.0.0.1", made.port), timeout=30) as connection:
                connection.sendall(event.encode() + b"\n")
                while piece := connection.recv(1 << 16):
                    heard += piece
            return heard

        heard = pool.submit(speak)
        deadline = time.monotonic() + 10
        while not engine.streams:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        closing = pool.submit(server.close)
        while not engine.drained.is_set():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        engine.let_go.set()
        closing.result(20)
        assert b"audio-stop" in heard.result(5)
        assert len(heard.result()) > 3 * 5 * 1920 * 2


@pytest.mark.parametrize("start", [False, True])
def test_a_quiet_socket_is_closed(tmp_path: Path, start: bool) -> None:
    """Nobody waits for a client that is not being spoken to."""
    engine = FakeEngine(hold_after=0)
    with (
        stoppable(tmp_path, engine) as (served, stop),
        ThreadPoolExecutor(1) as pool,
        fish_sdk.raw_socket(served, start=start) as ws,
    ):
        # Something has to be at work, or there is no time in which to ask whether it is ready.
        pool.submit(served.client.post, "/tts", json={"script": "Hi."})
        served.wait_until(lambda health: health["engine"]["running_rows"] == 1)
        stop()
        assert fish_sdk.next_event(ws)["message"] == WORDS
        with pytest.raises(WebSocketDisconnect) as closed:
            fish_sdk.next_event(ws)
        assert closed.value.code == 1012
        engine.let_go.set()


def test_one_grace_for_all(tmp_path: Path) -> None:
    """HTTP and Wyoming have the same time to end, not one after the other."""
    engine = FakeEngine(hold_after=0)
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as server:
        made = server.enter_context(home(tmp_path, lambda: engine, shutdown_grace_seconds=2))

        def speak() -> httpx.Response:
            headers = {"X-API-Key": KEY}
            body = {"script": "Hi."}
            url = f"{made.served.url}/tts"
            return httpx.post(url, json=body, headers=headers, timeout=30, trust_env=False)

        def speak_at_home() -> bytes:
            heard = b""
            with socket.create_connection(("127.0.0.1", made.port), timeout=30) as connection:
                connection.sendall(b'{"type": "synthesize", "data": {"text": "Hello."}}\n')
                while piece := connection.recv(1 << 16):
                    heard += piece
            return heard

        answer, heard = pool.submit(speak), pool.submit(speak_at_home)
        deadline = time.monotonic() + 10
        while len(engine.streams) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        told = time.monotonic()
        server.close()
        assert 2 <= time.monotonic() - told < 3.8
        assert answer.result(1).status_code == 503
        assert b'"error"' in heard.result(1)


def test_log(tmp_path: Path, tiny_model: Path) -> None:
    """A complete answer is refused, a stream is cut off, and neither leaves a trace in the log."""
    port = free_port()
    voices = tmp_path / "models" / "voices"
    voices.mkdir(parents=True)
    write_wav(voices / "alba.wav", voice_like(1.2))
    url = f"http://127.0.0.1:{port}"
    script = "This sentence is spoken over and over again, for many minutes. " * 700
    lines = (f"API_KEY={OPERATORS_KEY}", f"PORT={port}", f"MODEL_CONFIG={tiny_model}")

    asked: dict[str, Any] = {
        "url": f"{url}/tts",
        "headers": {"X-API-Key": OPERATORS_KEY},
        "timeout": 60,
        "trust_env": False,
    }
    body = {"script": script, "format": "wav"}
    with (
        started(tmp_path, *lines, "SHUTDOWN_GRACE_SECONDS=1") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        server.wait_for_answer(f"{url}/ready")
        complete = pool.submit(httpx.post, json=body, **asked)
        while httpx.get(f"{url}/health", trust_env=False).json()["engine"]["running_rows"] == 0:
            assert not complete.done(), complete.result().text
            time.sleep(0.05)
        with httpx.stream("POST", json=body | {"stream": True}, **asked) as stream:
            pieces = stream.iter_raw()
            assert next(pieces)
            code, seconds = server.end(signal.SIGTERM)
            assert (code, seconds < 8) == (0, True), server.err
            assert complete.result(10).status_code == 503
            with pytest.raises(httpx.RemoteProtocolError):
                list(pieces)
    assert "Traceback" not in server.err
    assert "POST /tts 503 in " in server.err
    assert "POST /tts 200, broken off in " in server.err


def test_a_second_signal(tmp_path: Path, tiny_model: Path) -> None:
    """Whoever asks twice does not wait for speech to end."""
    port = free_port()
    voices = tmp_path / "models" / "voices"
    voices.mkdir(parents=True)
    write_wav(voices / "alba.wav", voice_like(1.2))
    url = f"http://127.0.0.1:{port}"
    script = "This sentence is spoken over and over again, for many minutes. " * 700
    lines = (f"API_KEY={OPERATORS_KEY}", f"PORT={port}", f"MODEL_CONFIG={tiny_model}")
    body = {"script": script, "format": "wav", "stream": True}
    headers = {"X-API-Key": OPERATORS_KEY}
    with started(tmp_path, *lines, "SHUTDOWN_GRACE_SECONDS=60") as server:
        server.wait_for_answer(f"{url}/ready")
        with httpx.stream(
            "POST", f"{url}/tts", json=body, headers=headers, timeout=60, trust_env=False
        ) as stream:
            pieces = stream.iter_raw()
            next(pieces)
            server.process.send_signal(signal.SIGTERM)
            while httpx.get(f"{url}/ready", trust_env=False).status_code == 200:
                time.sleep(0.05)
            code, seconds = server.end(signal.SIGTERM)
            assert (code, seconds < 3) == (1, True), server.err
