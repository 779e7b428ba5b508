"""Whom a request is counted for."""

from __future__ import annotations

import pytest

from app.network.peers import Peers

PROXIES = Peers(("127.0.0.1", "::1", "10.0.0.0/8"))


@pytest.mark.parametrize(
    ("host", "forwarded_for", "client"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # a stranger may say what it likes
        ("10.1.2.3", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "nonsense", "10.1.2.3"),
        ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("::ffff:192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("127.0.0.1", "2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "", "fe80::"),
        (None, "198.51.100.1", None),
    ],
)
def test_client(host: str | None, forwarded_for: str, client: str | None) -> None:
    """A trusted proxy says who it is; of an IPv6 address the network counts."""
    assert PROXIES.client(host, forwarded_for) == client


def test_everybody_trusted() -> None:
    """With * every peer is believed, one without an address too."""
    peers = Peers(("*",))
    assert peers.trusts("192.0.2.7")
    assert peers.client(None, "198.51.100.1") == "198.51.100.1"
