"""Tells who is at the other end of a connection: an address, a network, a trusted proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

IPV6_HOST_PREFIX = 64
"""Whoever has an IPv6 address has all of its /64, so that counts as one."""


class Peers:
    """Knows which peers are proxies whose word is believed.

    Args:
        trusted: addresses and networks, or `*` for every peer.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._everybody = "*" in trusted
        self._networks = [
            ipaddress.ip_network(entry, strict=False) for entry in trusted if entry != "*"
        ]

    def trusts(self, host: str | None) -> bool:
        """Tell whether the peer at an address is a trusted proxy."""
        if self._everybody:
            return True
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)

    def client(self, host: str | None, forwarded_for: str) -> str | None:
        """Return whom to count a request for; None if that cannot be told.

        Args:
            host: the address of the peer.
            forwarded_for: the header X-Forwarded-For, of which a trusted proxy wrote the last hop.
        """
        if self.trusts(host):
            hop = _address(forwarded_for.rpartition(",")[2].strip())
            if hop is not None:
                return _household(hop)
        address = _address(host)
        return None if address is None else _household(address)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(host: str | None) -> Address | None:
    """Return the address; None if a Unix socket or a proxy names no address."""
    try:
        address = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return None
    # A listener at :: sees those who come over IPv4 as ::ffff:1.2.3.4.
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _household(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_HOST_PREFIX), strict=False).network_address)
