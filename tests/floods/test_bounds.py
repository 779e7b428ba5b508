"""What one client sends or leaves unread takes no more room than it may."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from app.network import wrong_keys
from benchmarks.attacks import (
    OPEN_SOCKET,
    Target,
    masked,
    open_websocket,
    under,
)
from benchmarks.attacks import wrong_keys as try_wrong_keys
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, LogRecords, Served, send_raw, serve_fake, status_of
from tests.wyoming.home import Home, fake_home

MB = 1_000_000
PATIENCE_SECONDS = 20.0
"""A busy machine takes its time to answer."""
SYSTEM_BYTES = 14 * MB
"""The system itself takes some megabytes of a connection over loopback that nobody reads."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with fake_home(tmp_path_factory.mktemp("bounds")) as made:
        yield made


def target_of(served: Served, wyoming_port: int = 0) -> Target:
    host, port = served.address
    return Target(host, port, KEY, wyoming_port)


def taken_bytes(connection: socket.socket, piece: bytes, *, most: int = 40 * MB) -> int:
    """How much the server takes of a client that reads nothing, before it stops taking."""
    connection.settimeout(0.4)
    data = piece * (100_000 // len(piece))
    sent = 0
    with suppress(OSError):
        while sent < most:
            sent += connection.send(data)
    return sent


def test_pongs_that_nobody_reads(made: Home) -> None:
    """A client that pings and does not read is not heard any more."""
    with open_websocket(target_of(made.served), OPEN_SOCKET, with_key=False) as connection:
        assert taken_bytes(connection, masked(0x89, bytes(100))) < SYSTEM_BYTES


def test_answers_that_nobody_reads(made: Home) -> None:
    """Neither is one that asks again and again, over HTTP or Wyoming."""
    for port, piece in (
        (made.served.address[1], b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"),
        (made.port, b'{"type":"ping","data":{"text":"' + b"x" * 1000 + b'"}}\n'),
        (made.port, b'{"type":"describe"}\n'),
    ):
        with target_of(made.served).connect(port=port) as connection:
            assert taken_bytes(connection, piece) < SYSTEM_BYTES


def test_an_unread_answer_is_given_up(
    fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends when the client takes nothing for long, also over plain HTTP."""
    monkeypatch.setattr("app.network.gate.SEND_SECONDS", 1.0)
    engine = FakeEngine(frames_per_chunk=20_000)
    served = fake_server(engine, connection_idle_seconds=1.0)
    body = b'{"script": "Hello.", "format": "wav", "stream": true}'
    head = f"POST /tts HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with target_of(served).connect() as connection:
        connection.sendall(head.encode() + body)
        deadline = time.monotonic() + 10
        while not engine.streams or not engine.streams[0].aborted.is_set():
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_first_frame_without_a_key(made: Home) -> None:
    """No more than 64 kB of it are kept, and the client is told that it was too much."""
    with open_websocket(target_of(made.served), OPEN_SOCKET, with_key=False) as connection:
        connection.sendall(b"\x82\xff" + (26 * MB).to_bytes(8, "big") + bytes(4))
        assert taken_bytes(connection, bytes(1 << 16)) < SYSTEM_BYTES
        connection.settimeout(PATIENCE_SECONDS)
        answer = connection.recv(1 << 16)
        assert answer[0] == 0x88
        assert int.from_bytes(answer[2:4], "big") == 1009


def test_fragments_of_a_message(made: Home) -> None:
    """A message cannot come in endlessly many pieces, also with the key."""
    with open_websocket(target_of(made.served), "/v1/tts/live", with_key=True) as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(masked(0x02, b"a") + masked(0x00, b"a") * 1100)
        answer = connection.recv(1 << 16)
        assert int.from_bytes(answer[2:4], "big") == 1009
        assert b"fragments" in answer


@pytest.mark.parametrize("key", ["wrong", KEY])
def test_the_rest_of_a_refused_body(made: Home, key: str) -> None:
    """After the answer the client is heard out for a moment, and no longer."""
    path = "/tts/clone" if key == "wrong" else "/tts"
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: a/b\r\n"
    request += "Content-Length: 99999999999\r\n\r\n"
    with target_of(made.served).connect() as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(request.encode())
        answer = connection.recv(1 << 16)
        assert status_of(answer) == (401 if key == "wrong" else 413)
        assert b"connection: close" in answer.lower()
        began = time.monotonic()
        taken = taken_bytes(connection, bytes(1 << 16), most=1000 * MB)
        assert taken < (16 * MB if key == "wrong" else 100 * MB)
        assert time.monotonic() - began < 5


def test_a_refusal_is_read_though_more_is_sent(made: Home) -> None:
    """A client that sends its whole upload first still finds the answer."""
    for key, status, size in (("wrong", 401, MB), (KEY, 413, 45 * MB)):
        with target_of(made.served).connect() as connection:
            head = f"POST /tts/clone HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
            head += f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {size}\r\n"
            with suppress(OSError):
                connection.sendall(head.encode() + b"\r\n" + bytes(size))
            assert status_of(connection.recv(1 << 16)) == status


@pytest.mark.parametrize(
    ("head", "more", "status"),
    [
        (b"GET /" + b"x" * 50_000, b"x" * 10_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nx: ", b"x" * 10_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n", 400),
        (
            b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            b"x" * 9_999,
            401,
        ),
        (b"\r\n", b"\r\n" * 10_000, 431),
    ],
)
def test_endless_heads(made: Home, head: bytes, more: bytes, status: int) -> None:
    """A head, a field, a list of fields and the frame of a chunk all end somewhere."""
    with target_of(made.served).connect() as connection:
        connection.sendall(head)
        assert taken_bytes(connection, more) < SYSTEM_BYTES
        answer = connection.recv(1 << 16)
        assert status_of(answer) == status
        assert b"x-content-type-options: nosniff" in answer.lower()


def test_a_handshake_with_a_long_line(made: Home) -> None:
    """It is answered, although the parser of WebSockets takes no such line."""
    head = b"GET /v1/tts/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    head += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    with target_of(made.served).connect() as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(head + b"X: " + b"x" * 20_000 + b"\r\n\r\n")
        assert status_of(connection.recv(1 << 16)) == 431
        assert connection.recv(1) == b""


def test_endless_trailers(made: Home) -> None:
    """So do the fields after a body."""
    head = f"POST /tts HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n"
    with target_of(made.served).connect() as connection:
        connection.sendall(
            head.encode() + b"Content-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n"
        )
        assert taken_bytes(connection, b"trailer: x\r\n") < SYSTEM_BYTES
        assert status_of(connection.recv(1 << 16)) in (400, 431)


def test_an_answer_is_not_spoiled_by_what_follows_the_request(fake_server: ServeFake) -> None:
    """Nonsense behind a request waits for its answer, and is not answered into the middle of it."""
    served = fake_server(FakeEngine(frame_seconds=0.02))
    body = b'{"script": "Hello.", "format": "wav", "stream": true}'
    head = f"POST /tts HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: {len(body)}\r\n"
    request = head.encode() + b"Content-Type: application/json\r\n\r\n" + body
    with target_of(served).connect() as connection:
        connection.sendall(request + b"\0nonsense\r\n\r\n")
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    assert received.count(b"HTTP/1.1") == 1
    assert received.endswith(b"0\r\n\r\n")


def test_pipelined_requests_are_answered(made: Home) -> None:
    """A few requests may wait for the answer to the one before them."""
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with target_of(made.served).connect() as connection:
        connection.sendall(request * 9 + last)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 10


def test_connections_of_one_address(tmp_path: Path) -> None:
    """One address may have so many, unless it is a trusted proxy's; idle ones give way first."""
    with serve_fake(tmp_path, max_connections_per_address=3, trusted_proxies="192.0.2.1") as served:
        served.client.close()
        target = target_of(served)
        with ExitStack() as stack:
            waiting = [stack.enter_context(target.connect()) for _ in range(3)]
            request = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert status_of(send_raw(served.address, request)) == 200
            waiting[0].settimeout(PATIENCE_SECONDS)
            with suppress(ConnectionResetError):
                assert waiting[0].recv(100) == b""


def test_no_place_is_told(tmp_path: Path) -> None:
    """Where all are being served, a new client is told to come again, and nobody is cut off."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=3)
    with serve_fake(tmp_path, engine, max_connections=3) as served:
        served.client.close()
        body = b'{"script": "Hello.", "format": "wav", "stream": true}'
        head = f"POST /tts HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with ExitStack() as stack:
            listeners = [stack.enter_context(target_of(served).connect()) for _ in range(3)]
            for each in listeners:
                each.sendall(head.encode() + body)
                assert status_of(each.recv(100)) == 200
            answer = send_raw(served.address, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status_of(answer) == 503
            assert b"retry-after: 5" in answer
            assert not any(stream.aborted.is_set() for stream in engine.streams)


def test_wrong_keys_are_slowed(fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some, an address is told late that they are wrong; the right key works at once."""
    monkeypatch.setattr(wrong_keys, "WRONG_KEYS_AT_ONCE", 4)
    monkeypatch.setattr(wrong_keys, "WRONG_KEYS_PER_SECOND", 4.0)
    monkeypatch.setattr(wrong_keys, "WRONG_KEY_SECONDS", 0.5)
    served = fake_server()
    with under(try_wrong_keys, target_of(served), clients=4) as target:
        time.sleep(1.5)
        began = time.monotonic()
        assert served.client.get("/v1/models").status_code == 200
        assert time.monotonic() - began < 1.0
    assert 4 <= target.answers < 60


def test_a_long_path_is_answered_at_once(made: Home) -> None:
    """Nobody guesses what a path of 50 kB was meant to be, which would take seconds."""
    request = b"GET /" + b"a" * 55_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    began = time.monotonic()
    assert status_of(send_raw(made.served.address, request)) == 404
    assert time.monotonic() - began < 2


def test_a_long_path_is_a_short_line(made: Home, log_records: LogRecords) -> None:
    """What a client sends is written to the log in part, if it is long."""
    for path in (b"/" + b"%C3%A4" * 9_000, b"/" + b"a" * 55_000):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert status_of(send_raw(made.served.address, request)) == 404
    log_records.wait_for(lambda each: "/aaaa" in each.getMessage())
    assert max(len(each.getMessage()) for each in log_records.kept) < 3000


@pytest.mark.parametrize(
    ("path", "status"), [("/health", 200), ("/docs", 200), ("/nothing", 404), ("/v1/models", 401)]
)
def test_security_headers(made: Home, path: str, status: int) -> None:
    """Browsers are told not to guess, frame or pass on what they get."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    answer = send_raw(made.served.address, request)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert status_of(answer) == status
    for line in (b"x-content-type-options: nosniff", b"referrer-policy: no-referrer"):
        assert head.count(line) == 1
    assert head.count(b"frame-ancestors 'none'") == 1
