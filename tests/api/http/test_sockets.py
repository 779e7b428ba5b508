"""What all WebSockets have in common, tried on Fish Audio's: time, size, and who leaves when."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import ormsgpack
import pytest
import wsproto
from httpx_ws import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.api.http import sockets
from tests.api.fish.sdk import TEXT, last_event, next_event, raw_socket, say
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, LogRecords, Served, serve_fake

PACK = ormsgpack.packb
PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_fake(tmp_path_factory.mktemp("sockets")) as served:
        yield served


SOCKETS = (
    "/ws/tts",
    "/tts/ws",
    "/v1/audio/speech/stream",
    "/v1/realtime",
    "/v1/tts/live",
    "/v1/text-to-speech/alba/stream-input",
    "/v1/text-to-speech/alba/multi-stream-input",
    "/v1/text-to-dialogue/stream-input",
    "/v1/text-to-dialogue/multi-stream-input",
)


def parted(served: Served, path: str, key: str | None = None) -> tuple[str, int, str, str]:
    """The last frame, the code and the reason of a socket that the server closes, and its id."""
    headers = {"X-API-Key": key} if key else {}
    url = f"{served.url}{path}".replace("http", "ws")
    frame = ""
    with connect(url, additional_headers=headers, proxy=None) as ws, suppress(ConnectionClosed):
        while True:
            received = ws.recv(timeout=PATIENCE_SECONDS)
            frame = received if isinstance(received, str) else repr(received)
    assert ws.close_code is not None
    assert ws.response is not None
    return frame, ws.close_code, ws.close_reason or "", ws.response.headers["x-request-id"]


@pytest.mark.parametrize("path", SOCKETS)
def test_wrong_key(served: Served, log_records: LogRecords, path: str) -> None:
    """Who has no right key is let in to hear so, in a frame and as the reason of the end."""
    frame, code, reason, request_id = parted(served, path, "wrong")
    assert "key" in frame
    assert code == 1008
    assert "key" in reason
    line = log_records.wait_for(lambda each: getattr(each, "request_id", "") == request_id)
    assert " 101, closed with 1008 in " in line.getMessage()
    assert line.fields["reason"] == "unauthorized"  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", [path for path in SOCKETS if "-input" not in path])
def test_no_key(served: Served, path: str) -> None:
    """So is who has none, where a key cannot come later in the first frame."""
    _, code, reason, _ = parted(served, path)
    assert code == 1008
    assert "key" in reason


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/tts/live", "no WebSocket at /tts/live; did you mean /v1/tts/live?"),
        ("/v1/v1/tts/live", "did you mean /v1/tts/live?"),
        ("/fish/tts/live", "did you mean /fish/v1/tts/live?"),
        ("/elevenlabs/text-to-speech/alba/stream-input", "/v1/text-to-speech/alba/stream-input?"),
        ("/v1/text-to-speech/alba/stream-inputt", "/v1/text-to-speech/alba/stream-input?"),
        ("/tts", "no WebSocket at /tts: it takes plain HTTP requests only"),
        ("/fish/v1/tts", "no WebSocket at /fish/v1/tts: it takes plain HTTP requests only"),
        ("/xyzzy", "no WebSocket at /xyzzy; see /docs"),
    ],
)
def test_no_socket_there(served: Served, log_records: LogRecords, path: str, said: str) -> None:
    """A path that no socket is at is said to be none, and which one may be meant."""
    frame, code, reason, request_id = parted(served, path)
    assert said in frame
    assert frame.count(reason) == 1  # the beginning, if it is long
    assert code == 1008
    line = log_records.wait_for(lambda each: getattr(each, "request_id", "") == request_id)
    assert line.getMessage().startswith(f"WEBSOCKET {path} 101, closed with 1008 in ")
    assert line.fields["reason"] == "not_found"  # type: ignore[attr-defined]


def test_plain_requests_to_a_socket(served: Served) -> None:
    """A request to the path of a socket learns that one is there."""
    answer = served.client.post("/v1/tts/live", json={})
    assert answer.status_code == 404
    assert "there is nothing at /v1/tts/live: it takes WebSockets only" in answer.text


def test_more_than_is_ever_read(fake_server: ServeFake) -> None:
    """A frame beyond every limit closes the socket without being read."""
    with raw_socket(fake_server(max_upload_mb=1)) as ws:
        ws.send_bytes(bytes(3_000_000))
        with pytest.raises(WebSocketDisconnect) as closed:
            next_event(ws)
    assert closed.value.code == 1009


def test_client_that_never_stops(fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence in both directions ends in an error; who still has something to hear may be quiet."""
    monkeypatch.setattr(sockets, "IDLE_SECONDS", 0.5)
    engine = FakeEngine(frames_per_chunk=10, frame_seconds=0.1)
    with raw_socket(fake_server(engine)) as ws:
        say(ws, event="text", text="Hello there. And then")
        started = time.monotonic()
        said = last_event(ws)
        assert time.monotonic() - started > 1.0
        assert (said["reason"], said["status"]) == ("error", 400)
        assert "0.5 s" in said["message"]
    assert not any(stream.running for stream in engine.streams)


def test_client_that_never_starts(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket on which nothing is said, or nothing more, ends quietly: agents keep one ready."""
    monkeypatch.setattr(sockets, "IDLE_SECONDS", 0.3)
    for start, text in ((False, ""), (True, ""), (True, "Hello there.")):
        with raw_socket(served, start=start) as ws:
            if text:
                say(ws, event="text", text=text)
                say(ws, event="flush")
            assert last_event(ws) == {"event": "finish", "reason": "stop"}


def test_waiting_for_the_end_is_not_silence(
    fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After stop the client may be quiet, however long the speech is in coming."""
    monkeypatch.setattr(sockets, "IDLE_SECONDS", 0.3)
    engine = FakeEngine(frame_seconds=0.8, frames_per_chunk=1)
    with raw_socket(fake_server(engine), text="Hello.") as ws:
        say(ws, event="stop")
        assert last_event(ws)["reason"] == "stop"


@pytest.mark.parametrize("stopped", [False, True])
def test_client_leaves(fake_server: ServeFake, log_records: LogRecords, stopped: bool) -> None:
    """The engine's row is free again when a client goes away in the middle, whenever that is."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=3)
    with raw_socket(fake_server(engine), text="Hello there. ", format="pcm") as ws:
        say(ws, event="text", text="And more. And then")
        if stopped:
            say(ws, event="stop")
        assert next_event(ws)["event"] == "audio"
    assert engine.streams[0].aborted.wait(5)
    line = log_records.wait_for(lambda each: "WEBSOCKET" in each.getMessage())
    assert "WEBSOCKET /v1/tts/live 101, left with" in line.getMessage()


def test_socket_that_breaks(fake_server: ServeFake) -> None:
    """So it is when the connection is cut without a word."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=3)
    with raw_socket(fake_server(engine), text="Hello there.", format="pcm") as ws:
        say(ws, event="flush")
        assert next_event(ws)["event"] == "audio"
        # To close it would do nothing as long as the client's own thread still reads from it.
        ws.stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        assert engine.streams[0].aborted.wait(5)


def test_slow_reader(fake_server: ServeFake) -> None:
    """A client that reads nothing stops its own speech being made, so that nothing piles up."""
    engine = FakeEngine(frames_per_chunk=20_000)
    with unread_socket(fake_server(engine)):
        assert 0 < frames_once_steady(engine) < 20_000
    assert engine.streams[0].aborted.wait(5)


def test_client_that_takes_nothing(fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a while, although its connection stands."""
    monkeypatch.setattr(sockets, "SEND_SECONDS", 1.0)
    engine = FakeEngine(frames_per_chunk=20_000)
    with unread_socket(fake_server(engine)):
        frames_once_steady(engine)
        assert engine.streams[0].aborted.wait(5)


@contextlib.contextmanager
def unread_socket(served: Served) -> Iterator[None]:
    """A client that asks for hours of speech, and reads nothing of it."""
    protocol = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    key = (b"Authorization", f"Bearer {KEY}".encode())
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(served.address)
        request = wsproto.events.Request("localhost", "/v1/tts/live", extra_headers=[key])
        connection.sendall(protocol.send(request))
        protocol.receive_data(connection.recv(4096))
        assert isinstance(next(protocol.events()), wsproto.events.AcceptConnection)
        start = {"event": "start", "request": {"text": "Hello.", "format": "wav"}}
        for event in (start, {"event": "stop"}):
            connection.sendall(protocol.send(wsproto.events.BytesMessage(PACK(event))))
        yield


def frames_once_steady(engine: FakeEngine) -> int:
    before, deadline = -1, time.monotonic() + 20
    while not engine.streams or engine.streams[0].frames_read != before:
        assert time.monotonic() < deadline
        before = engine.streams[0].frames_read if engine.streams else -1
        time.sleep(0.5)
    return before


def test_line_in_the_log(served: Served, log_records: LogRecords) -> None:
    """Each socket is one line with its path, its end, its time and its id."""
    with raw_socket(served, text=TEXT) as ws:
        say(ws, event="stop")
        assert last_event(ws)["reason"] == "stop"
        with pytest.raises(WebSocketDisconnect):
            next_event(ws)
    line = log_records.wait_for(lambda each: "WEBSOCKET" in each.getMessage())
    assert line.getMessage().startswith("WEBSOCKET /v1/tts/live 101, closed with 1000 in ")
    assert len(line.request_id) == 32  # type: ignore[attr-defined]


def test_server_ends_while_it_speaks(tmp_path: Path) -> None:
    """A server that is stopped tells those who listen, and does not wait for them."""
    engine = FakeEngine(frames_per_chunk=20_000, frame_seconds=0.02)
    with contextlib.ExitStack() as running:
        served = running.enter_context(serve_fake(tmp_path, engine))
        with raw_socket(served, text="Hello there.", format="pcm") as ws:
            say(ws, event="stop")
            assert next_event(ws)["event"] == "audio"
            started = time.monotonic()
            running.close()
            assert time.monotonic() - started < 8
            with pytest.raises(WebSocketDisconnect) as closed:
                last_event(ws)
            assert closed.value.code == 1012
    assert engine.streams[0].aborted.is_set()


def test_server_that_waits_no_longer(tmp_path: Path, log_records: LogRecords) -> None:
    """When the grace time is over, who still hears something is told why it ends."""
    engine = FakeEngine(frames_per_chunk=500, frame_seconds=0.05)
    with ExitStack() as stack:
        ending = stack.enter_context(ExitStack())
        served = ending.enter_context(serve_fake(tmp_path, engine, shutdown_grace_seconds=0.3))
        url = f"{served.url}/ws/tts".replace("http", "ws")
        ws = stack.enter_context(connect(url, additional_headers={"X-API-Key": KEY}, proxy=None))
        for message in ('{"type": "start"}', '{"type": "text", "text": "Hi."}', '{"type": "end"}'):
            ws.send(message)
        while not isinstance(ws.recv(timeout=PATIENCE_SECONDS), bytes):
            pass
        ending.close()
        with suppress(ConnectionClosed):
            while True:
                ws.recv(timeout=PATIENCE_SECONDS)
    assert (ws.close_code, ws.close_reason) == (1012, "the server is shutting down")
    assert not [each for each in log_records.kept if each.exc_info]
