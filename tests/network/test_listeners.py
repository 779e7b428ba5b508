"""A server is reached at every address that its host means."""

from __future__ import annotations

import socket

import pytest

from app.network.listeners import open_listeners
from app.wyoming.server import listen


def can_use_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not can_use_ipv6(), reason="this machine has no IPv6")


def reaches(listeners: list[socket.socket], address: str) -> bool:
    port = listeners[0].getsockname()[1]
    for each in listeners:
        each.listen()
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    finally:
        for each in listeners:
            each.close()
    return True


@needs_ipv6
@pytest.mark.parametrize("host", ["localhost", "::"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_both_protocols(host: str, address: str) -> None:
    """These two take IPv4 and IPv6, at one port."""
    assert reaches(open_listeners(host, 0), address)


@needs_ipv6
@pytest.mark.parametrize("host", ["localhost", "::"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_wyoming_takes_both(host: str, address: str) -> None:
    """They mean the same for Home Assistant."""
    assert reaches(listen(host, 0), address)


@pytest.mark.parametrize(
    ("host", "address", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::1", False),
        ("0.0.0.0", "127.0.0.1", True),
    ],
)
def test_what_is_named_and_nothing_else(host: str, address: str, reached: bool) -> None:
    """An address is that address."""
    assert reaches(open_listeners(host, 0), address) is reached


def test_taken() -> None:
    """A port that is taken at one of the addresses is an error, and nothing stays open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            open_listeners("localhost", port)
    for each in open_listeners("localhost", port):
        each.close()


def test_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no IPv6, localhost is IPv4 alone."""
    plain = socket.socket.bind

    def bind(sock: socket.socket, address: tuple[str, int]) -> None:
        if sock.family == socket.AF_INET6:
            raise OSError(99, "Cannot assign requested address")
        plain(sock, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    assert reaches(open_listeners("localhost", 0), "127.0.0.1")
