"""Who has a place, and who makes room."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.network import connection_table
from app.network.connection_table import ConnectionTable
from app.network.peers import Peers

PROXY = "10.0.0.1"


class FakeTransport(asyncio.Transport):
    def __init__(self, host: str) -> None:
        super().__init__({"peername": (host, 5)})
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class FakeConnection:
    def __init__(self, host: str, *, gives_way: bool = True) -> None:
        self.transport: Any = FakeTransport(host)
        self.gives_way = gives_way


def table(max_total: int = 10, max_per_address: int = 2) -> ConnectionTable:
    peers = Peers((PROXY,))
    return ConnectionTable(max_total=max_total, max_per_address=max_per_address, peers=peers)


def test_the_oldest_of_the_address_gives_way() -> None:
    """An address that has all its places loses its own oldest idle one, and no other does."""
    places = table()
    mine = [FakeConnection("192.0.2.1") for _ in range(3)]
    others = FakeConnection("192.0.2.2")
    assert all(places.admit(each) for each in (others, *mine))
    assert [each.transport.aborted for each in (others, *mine)] == [False, True, False, False]
    assert len(places) == 3


def test_who_is_served_keeps_its_place() -> None:
    """Where all are served, the newcomer has no place."""
    places = table()
    served = [FakeConnection("192.0.2.1", gives_way=False) for _ in range(2)]
    assert all(places.admit(each) for each in served)
    late = FakeConnection("192.0.2.1")
    assert not places.admit(late)
    places.remove(late)
    places.remove(served[0])
    assert places.admit(late)


def test_a_proxy_may_have_all() -> None:
    """The bound per address is not for trusted proxies, but the whole bound is."""
    places = table(max_total=5)
    assert all(places.admit(FakeConnection(PROXY, gives_way=False)) for _ in range(5))
    assert not places.admit(FakeConnection(PROXY))


def test_an_address_shares_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """All connections of an address use one share, also one after the other; proxies have none."""
    places = table()
    one, two, proxy = (
        FakeConnection("192.0.2.1"),
        FakeConnection("192.0.2.1"),
        FakeConnection(PROXY),
    )
    for each in (one, proxy):
        assert places.admit(each)
    share = places.loop_share_of(one)
    places.remove(one)
    assert places.admit(two)
    assert share is not None
    assert places.loop_share_of(two) is share
    assert places.loop_share_of(proxy) is None


def test_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections never use more than half of what the process may open."""
    monkeypatch.setattr(connection_table, "descriptor_limit", lambda: 8)
    places = table(max_total=1000)
    assert [places.admit(FakeConnection(PROXY, gives_way=False)) for _ in range(6)].count(True) == 4
