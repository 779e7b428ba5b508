"""Fetching by URL: only public addresses, checked at every hop, bounded in size and time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import InvalidRequest, TooLarge
from app.voices.fetch import VoiceFetcher, _https_of, _Refused
from app.work import CancelToken, WorkCancelled
from tests.certificates import certificate_of
from tests.voices.web import ok, raw, redirect, site

BODY = b"RIFF" + bytes(range(256)) * 40


def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


LOCAL = VoiceFetcher(
    max_bytes=20_000,
    allow_http=True,
    time_limit_seconds=5,
    is_allowed=lambda address: address == "127.0.0.1",
    resolve=to_loopback,
)


def refused(fetcher: VoiceFetcher, url: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        fetcher.fetch(url)
    assert caught.value.field == "url"


def test_fetch() -> None:
    """The bytes and the last part of the address, whatever the answer says they are."""
    with site(ok(BODY, "Content-Type: text/html")) as web:
        fetched = LOCAL.fetch(f"http://voices.example:{web.port}/a/my%20voice.wav?x=1#y")
    assert fetched.data == BODY
    assert fetched.filename == "my voice.wav"
    head = web.requests[0].decode()
    assert head.startswith("GET /a/my%20voice.wav?x=1 HTTP/1.1\r\n")
    assert f"Host: voices.example:{web.port}\r\n" in head
    assert "Authorization" not in head


def test_body_without_a_length() -> None:
    """A body that ends with the connection, and a chunked one, are read whole."""
    with site(raw(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)) as web:
        assert LOCAL.fetch(f"http://x:{web.port}/").data == BODY
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n"
    with site(raw(chunked)) as web:
        assert LOCAL.fetch(f"http://x:{web.port}/").data == b"Hello"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1/a.wav", "not in the public internet"),
        ("http://localhost:1/a.wav", "not in the public internet"),
        ("http://[::1]/a.wav", "not in the public internet"),
        ("http://[::ffff:169.254.169.254]/", "not in the public internet"),
        ("http://2130706433/", "not in the public internet"),
        ("http://169.254.169.254/latest/meta-data", "not in the public internet"),
        ("https://10.0.0.1/", "not in the public internet"),
        ("ftp://example.com/a.wav", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("/etc/passwd", "must begin with"),
        ("https://", "must name a host"),
        ("https://user:word@example.com/", "no user"),
        ("https://example.com:99999/", "cannot be fetched"),
        ("https://[::1/", "cannot be fetched"),
        ("https://exa mple.com/", "cannot be fetched|not known"),
        ("https://" + "x" * 3000, "longer than 2048"),
        ("hf://kyutai", "of the form hf://"),
        ("hf://a/b/../../c", "of the form hf://"),
        ("hf://a/b/c@../x", "of the form hf://"),
        ("", "must begin with"),
    ],
)
def test_addresses_that_are_refused(url: str, words: str) -> None:
    """Loopback, private and metadata addresses, other schemes and odd URLs, before any request."""
    refused(VoiceFetcher(max_bytes=1000, allow_http=True, time_limit_seconds=3), url, words)


def test_http_is_off() -> None:
    """Plain http is refused unless allowed, also when a redirect leads to it."""
    refused(VoiceFetcher(max_bytes=1000), "http://example.com/a.wav", "must begin with https://")


def test_one_private_address_is_enough() -> None:
    """A host with a public and a private address is refused."""
    fetcher = VoiceFetcher(
        max_bytes=1000, allow_http=True, resolve=lambda *_: ["93.184.216.34", "10.0.0.1"]
    )
    refused(fetcher, "http://voices.example/", "not in the public internet")


def test_rebinding() -> None:
    """The connection goes to the address that was checked: a name is resolved once per hop."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with site(ok(BODY)) as web:
        fetcher = replace(LOCAL, resolve=rebinding)
        assert fetcher.fetch(f"http://voices.example:{web.port}/").data == BODY
        assert asked == ["voices.example"]
        refused(fetcher, f"http://voices.example:{web.port}/", "not in the public internet")
    assert len(web.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(status: int) -> None:
    """A redirect is followed, absolute or relative."""
    with site(ok(BODY)) as goal, site(redirect(f"http://x:{goal.port}/b.wav", status)) as web:
        assert LOCAL.fetch(f"http://x:{web.port}/a").filename == "b.wav"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://inside.example/", "not in the public internet"),
        ("file:///etc/passwd", "must begin with"),
        ("ftp://x/", "must begin with"),
        ("//inside.example/x", "not in the public internet"),
        ("/again", "redirects more than 3 times"),
        ("", "redirects more than 3 times"),
    ],
)
def test_redirects_that_are_refused(location: str, words: str) -> None:
    """Each hop is checked as the first: a private address, another scheme, an endless chain."""

    def resolve(host: str, _port: int) -> list[str]:
        return ["10.0.0.1" if host == "inside.example" else "127.0.0.1"]

    with site(redirect(location)) as web:
        refused(replace(LOCAL, resolve=resolve), f"http://x:{web.port}/", words)
    assert len(web.requests) <= 4


def test_too_large() -> None:
    """More than the limit is refused, by its announced length or while it comes."""
    with site(ok(b"x", length=10**12)) as web, pytest.raises(TooLarge, match="20000 bytes"):
        LOCAL.fetch(f"http://x:{web.port}/")
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000)
    with site(raw(endless)) as web, pytest.raises(TooLarge, match="20000 bytes"):
        LOCAL.fetch(f"http://x:{web.port}/")


def drip(prefix: bytes) -> float:
    """Seconds until a server that sends a byte now and then, after `prefix`, is given up."""
    stop = threading.Event()

    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(prefix)
        while not stop.wait(0.05):
            connection.sendall(b"x")

    started = time.monotonic()
    with site(answer) as web:
        url = f"http://x:{web.port}/"
        refused(replace(LOCAL, time_limit_seconds=0.5), url, "took longer than 0.5 s")
        stop.set()
    return time.monotonic() - started


@pytest.mark.parametrize(
    "prefix",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 2"],
)
def test_too_slow(prefix: bytes) -> None:
    """A server that never stops sending a little is given up in time, in its head or its body."""
    assert drip(prefix) < 2


def test_silent_servers() -> None:
    """A server that says nothing, in the open or before its handshake, is given up in time."""

    def silent(connection: socket.socket, _head: bytes) -> None:
        connection.recv(1)

    hurried = replace(LOCAL, time_limit_seconds=0.5)
    with site(silent) as web:
        refused(hurried, f"http://x:{web.port}/", "took longer|in time")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refused(hurried, f"https://x:{listener.getsockname()[1]}/", "took longer|in time")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "status 404"),
        (b"HTTP/1.1 206 Partial\r\n\r\nx", "status 206"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx", "compressed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort", "cannot be fetched"),
        (b"not http\r\n\r\n", "cannot be fetched"),
        (b"", "cannot be fetched"),
    ],
)
def test_bad_answers(data: bytes, words: str) -> None:
    """What is no complete answer is refused with the reason."""
    with site(raw(data)) as web:
        refused(LOCAL, f"http://x:{web.port}/", words)


def test_nobody_there() -> None:
    """An address where nobody listens, and a host that does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused(LOCAL, f"http://x:{port}/", "refused")

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    refused(replace(LOCAL, resolve=unknown), "http://x/", "host is not known")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(certificate, key) of voices.example, signed by nobody else."""
    return certificate_of(tmp_path_factory.mktemp("tls"), "DNS:voices.example")


def test_tls(certificate: tuple[Path, Path]) -> None:
    """Over TLS the host's own name is asked for and its certificate checked, at a fixed address."""
    named: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    server.sni_callback = lambda _socket, name, _context: named.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    fetcher = replace(LOCAL, allow_http=False, tls=trusting)
    with site(ok(BODY), server) as web:
        assert fetcher.fetch(f"https://voices.example:{web.port}/").data == BODY
        assert named == ["voices.example"]
        refused(fetcher, f"https://other.example:{web.port}/", "certificate is not valid")
        refused(LOCAL, f"https://voices.example:{web.port}/", "certificate is not valid")
    assert len(web.requests) == 1
    with site(redirect("http://voices.example/"), server) as web:
        refused(fetcher, f"https://voices.example:{web.port}/", "must begin with https://")


def test_hub_addresses() -> None:
    """hf:// is a file of the model hub, fetched like anything else."""
    hub = "https://huggingface.co"
    assert (
        _https_of("hf://kyutai/tts-voices/alba-mackenna/casual.wav")
        == f"{hub}/kyutai/tts-voices/resolve/main/alba-mackenna/casual.wav"
    )
    assert _https_of("hf://a/b/c.wav@v1") == f"{hub}/a/b/resolve/v1/c.wav"
    with pytest.raises(_Refused):
        _https_of("hf://a/b/c?x=1")


def silent(_connection: socket.socket, _head: bytes) -> None:
    time.sleep(5)


def dripping(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("phase", ["look-up", "connecting", "waiting", "reading"])
def test_it_ends_when_nobody_waits(phase: str) -> None:
    """Whatever a fetch is waiting for, it is over within a tenth of a second."""
    asked, answer_now, token = threading.Event(), threading.Event(), CancelToken()

    def slow_look_up(_host: str, _port: int) -> list[str]:
        asked.set()
        answer_now.wait(5)
        return ["127.0.0.1"]

    with ExitStack() as stack:
        port, fetcher = 80, replace(LOCAL, resolve=slow_look_up)
        if phase != "look-up":
            answer_now.set()
        if phase == "connecting":
            full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            port = full.getsockname()[1]
            for _ in range(3):  # nobody takes these, so that the next one waits
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
        elif phase != "look-up":
            port = stack.enter_context(site(silent if phase == "waiting" else dripping)).port
        left_seconds: list[float] = []

        def leave() -> None:
            left_seconds.append(time.monotonic())
            token.cancel()

        threading.Timer(0.3, leave).start()
        with pytest.raises(WorkCancelled):
            fetcher.fetch(f"http://x:{port}/", token)
        assert time.monotonic() - left_seconds[0] < 0.1
        assert asked.is_set()
        answer_now.set()


def test_a_slow_look_up_has_a_time_limit() -> None:
    """The system's resolver is not waited for beyond the time of the whole fetch."""
    answer_now = threading.Event()

    def slow_look_up(_host: str, _port: int) -> list[str]:
        answer_now.wait(5)
        return []

    fetcher = replace(LOCAL, resolve=slow_look_up, time_limit_seconds=0.2)
    refused(fetcher, "http://voices.example/", "took longer than 0.2 s")
    answer_now.set()
