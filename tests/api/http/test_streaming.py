"""Live streams: what is heard when, and what happens when something breaks off."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time

import httpx
import pytest

from app.audio.formats import FORMATS
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, LogRecords, error_of

SCRIPT = "Hello there, this is a short test."
LONG_SCRIPT = "This is a sentence that the tiny model would speak for long. " * 100
WAV = {"script": SCRIPT, "stream": True, "format": "wav"}


@pytest.mark.parametrize("name", FORMATS)
def test_stream(client: httpx.Client, name: str) -> None:
    """Every format can be streamed: chunked, with its own type, and of no known length."""
    answer = client.post("/tts", json={"script": SCRIPT, "format": name, "stream": True})
    assert answer.status_code == 200
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers
    assert answer.headers["content-type"] == FORMATS[name].content_type(24000)


def test_live_wav_says_that_its_length_is_unknown(fake_server: ServeFake) -> None:
    """A live WAV has the largest sizes in its header, which players read as "until the end"."""
    data = fake_server().client.post("/tts", json=WAV).content
    assert struct.unpack_from("<I", data, 4)[0] == 0xFFFFFFFF


@pytest.mark.parametrize("name", FORMATS)
def test_first_bytes_come_before_the_rest_is_made(fake_server: ServeFake, name: str) -> None:
    """The first bytes leave while the engine still works on the rest."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    served = fake_server(engine)
    body = {"script": SCRIPT, "format": name, "stream": True}
    with served.client.stream("POST", "/tts", json=body) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        assert first
        assert engine.streams[0].frames_read <= 30
        engine.let_go.set()
        assert sum(map(len, pieces)) > 0
    assert engine.streams[0].frames_read == 50


def test_one_frame_is_enough_to_begin(fake_server: ServeFake) -> None:
    """With a format that needs no encoder the first frame alone is sent."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=1)
    served = fake_server(engine)
    with served.client.stream("POST", "/tts", json=WAV) as answer:
        assert len(next(answer.iter_raw())) > 1000
        engine.let_go.set()


@pytest.mark.parametrize("stream", [False, True])
def test_failure_before_the_first_audio(fake_server: ServeFake, stream: bool) -> None:
    """What fails before any audio exists is an ordinary 500 without details."""
    served = fake_server(FakeEngine(fail_after=0))
    error = error_of(served.client.post("/tts", json=WAV | {"stream": stream}), 500)
    assert error["type"] == "internal_error"
    assert "fake engine" not in error["message"]


def test_failure_of_a_complete_file(fake_server: ServeFake) -> None:
    """A complete file is all or nothing: a failure in the middle is a 500."""
    served = fake_server(FakeEngine(fail_after=3))
    error_of(served.client.post("/tts", json={"script": SCRIPT}), 500)


@pytest.mark.parametrize("name", FORMATS)
def test_failure_after_the_first_audio(fake_server: ServeFake, name: str) -> None:
    """A stream that breaks never ends cleanly, since a clean end would mean success."""
    engine = FakeEngine(frames_per_chunk=100, hold_after=60, fail_after=61)
    served = fake_server(engine)
    body = {"script": SCRIPT, "format": name, "stream": True}
    with served.client.stream("POST", "/tts", json=body) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        next(pieces)
        engine.let_go.set()
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)


def test_listener_leaves_a_stream(fake_server: ServeFake, log_records: LogRecords) -> None:
    """A listener that hangs up stops the work, even while no new audio is made.

    It is nobody's error, so none is logged.
    """
    engine = FakeEngine(hold_after=2)
    served = fake_server(engine)
    with served.client.stream("POST", "/tts", json=WAV) as answer:
        pieces = answer.iter_raw()
        assert next(pieces)
    assert engine.streams[0].aborted.wait(2)
    log_records.wait_for(lambda each: each.getMessage().startswith("POST /tts 200"))
    assert [each for each in log_records.kept if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("hold_after", [0, 2])
@pytest.mark.parametrize("fields", [{"stream": True, "format": "mp3"}, {}, {"type": "url"}])
async def test_client_leaves_before_the_answer(
    fake_server: ServeFake, hold_after: int, fields: dict[str, object]
) -> None:
    """A client that gives up waiting stops the work, whatever it asked for."""
    engine = FakeEngine(hold_after=hold_after)
    served = fake_server(engine)
    async with served.async_client() as client:
        asking = asyncio.create_task(client.post("/tts", json={"script": SCRIPT} | fields))
        await engine.begun()
        asking.cancel()
        await asyncio.wait([asking])
    assert await asyncio.to_thread(engine.streams[0].aborted.wait, 5)


def test_leaving_a_stream_frees_the_real_engine(client: httpx.Client) -> None:
    """After a listener left, the real engine's rows are free again within moments."""
    with client.stream("POST", "/tts", json=WAV | {"script": LONG_SCRIPT}) as answer:
        pieces = answer.iter_raw()
        assert next(pieces)
        assert client.get("/health").json()["engine"]["running_rows"] > 0
    _wait_until_idle(client)


def test_leaving_a_file_frees_the_real_engine(client: httpx.Client) -> None:
    """The same holds for a client that would not wait for its complete file."""
    with pytest.raises(httpx.ReadTimeout):
        client.post("/tts", json={"script": LONG_SCRIPT}, timeout=0.5)
    _wait_until_idle(client)


def _wait_until_idle(client: httpx.Client) -> None:
    deadline = time.monotonic() + 3
    while client.get("/health").json()["engine"]["running_rows"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_says_nothing(fake_server: ServeFake, name: str, stream: bool) -> None:
    """Speech without a single sample is a failure, never a file without sound."""
    served = fake_server(FakeEngine(frames_per_chunk=1, frame_samples=0))
    body = {"script": SCRIPT, "format": name, "stream": stream}
    try:
        answer = served.client.post("/tts", json=body)
    except httpx.RemoteProtocolError:
        assert stream, "a header that the encoder wrote may be out already"
    else:
        error_of(answer, 500)


def test_slow_reader_pauses_only_itself(fake_server: ServeFake) -> None:
    """A listener who reads nothing stops its own speech being made, and nobody else's."""
    engine = FakeEngine(frames_per_chunk=5000)
    served = fake_server(engine)
    with _unread_stream(served.address):
        stopped_at = _frames_once_steady(engine)
        assert stopped_at < 5000
        engine.frames_per_chunk = 5
        assert served.client.post("/tts", json=WAV).is_success
        assert engine.streams[0].frames_read == stopped_at
    assert engine.streams[0].aborted.wait(2)


def _unread_stream(address: tuple[str, int]) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    body = b'{"script": "Hello there.", "stream": true, "format": "wav"}'
    connection.sendall(
        b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"X-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s" % (KEY.encode(), len(body), body)
    )
    return connection


def _frames_once_steady(engine: FakeEngine) -> int:
    before, deadline = -1, time.monotonic() + 10
    while not engine.streams or engine.streams[0].frames_read != before:
        assert time.monotonic() < deadline
        before = engine.streams[0].frames_read if engine.streams else -1
        time.sleep(0.3)
    return before
