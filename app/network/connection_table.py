"""Counts the connections that are open, all and per address, and decides who has to make room."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Protocol

from app.bounds import LOOP_BURST_SECONDS, LOOP_SHARE, MAX_ADDRESSES
from app.network.descriptors import descriptor_limit
from app.network.pace import Pace, Paces
from app.network.peers import Peers

logger = logging.getLogger(__name__)


class Connection(Protocol):
    """What the table knows of a connection.

    Attributes:
        gives_way: whether it may be closed to make room for a new one.
    """

    gives_way: bool
    transport: asyncio.Transport


class ConnectionTable:
    """Has a place for each connection, or none.

    Args:
        max_total: how many places there are; never more than half of what the process may open.
        max_per_address: how many of them one address may have. A trusted proxy may have all.
        peers: knows the trusted proxies.
    """

    def __init__(self, *, max_total: int, max_per_address: int, peers: Peers) -> None:
        self._max_total = min(max_total, max(1, descriptor_limit() // 2))
        self._max_per_address = max_per_address
        self._peers = peers
        self._connections: dict[Connection, str | None] = {}
        """They are in the order in which they came, each with its address, unless that may have
        any number."""
        self._per_address: Counter[str] = Counter()
        self._loop_shares = Paces(LOOP_SHARE, LOOP_BURST_SECONDS, max_addresses=MAX_ADDRESSES)

    def __len__(self) -> int:
        return len(self._connections)

    def admit(self, connection: Connection) -> bool:
        """Give a connection a place, and return whether there was one.

        Where all are taken, the oldest one that gives way is closed.
        """
        address = self._address_of(connection)
        if address is not None and self._per_address[address] >= self._max_per_address:
            logger.warning("%s has its %d connections", address, self._max_per_address)
            if not self._make_room(address):
                return False
        if len(self._connections) >= self._max_total:
            logger.warning("all %d connections are taken", self._max_total)
            if not self._make_room():
                return False
        self._connections[connection] = address
        if address is not None:
            self._per_address[address] += 1
        return True

    def remove(self, connection: Connection) -> None:
        """Take a connection's place back, if it still has one."""
        if connection not in self._connections:
            return
        address = self._connections.pop(connection)
        if address is not None:
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]

    def loop_share_of(self, connection: Connection) -> Pace | None:
        """Return what the address of a connection has used of the event loop; None for a proxy."""
        address = self._connections[connection]
        return None if address is None else self._loop_shares.of(address)

    def _address_of(self, connection: Connection) -> str | None:
        peer = connection.transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) else None
        return None if self._peers.trusts(host) else self._peers.client(host, "")

    def _make_room(self, address: str | None = None) -> bool:
        for connection, of_address in self._connections.items():
            if connection.gives_way and address in (None, of_address):
                self.remove(connection)
                connection.transport.abort()
                return True
        return False
