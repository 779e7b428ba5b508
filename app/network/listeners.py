"""Opens the sockets at which a server is reached, on IPv4 and IPv6 where a host means both."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence

ANY_ADDRESS = "::"
"""This means every address of the machine, those of IPv4 as well where the system can."""

_LOCALHOST = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
_TRIES = 20


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Bind a socket to each address of a host; who is to be served has them listen.

    `localhost` means this machine in both protocols, whatever the system's list of hosts says, and
    `::` takes IPv4 as well.

    Args:
        port: 0 picks one that is free at each of the addresses.

    Raises:
        OSError: the host is not known, or an address of it cannot be had.
    """
    for _ in range(_TRIES - 1):
        try:
            return _opened(host, port)
        except OSError:
            # Another program may have the port that was picked for the first address.
            if port:
                raise
    return _opened(host, port)


def _opened(host: str, port: int) -> list[socket.socket]:
    with contextlib.ExitStack() as stack:
        found: list[socket.socket] = []
        for address, family in _addresses(host, port):
            try:
                sock = stack.enter_context(_bound(address, family, port))
            except OSError:
                # A machine, such as a container, may have no IPv6.
                if host != "localhost" or not found or _has_ipv6():
                    raise
                continue
            port = sock.getsockname()[1]
            found.append(sock)
        stack.pop_all()
        return found


def _addresses(host: str, port: int) -> Sequence[tuple[str, int]]:
    if host == "localhost":
        return _LOCALHOST if socket.has_ipv6 else _LOCALHOST[:1]
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys((str(info[4][0]), int(info[0])) for info in found))


def _bound(address: str, family: int, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not _takes_ipv4(address))
        sock.bind((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _takes_ipv4(host: str) -> bool:
    """Tell whether a socket at an IPv6 address can and shall take IPv4 as well."""
    return host == ANY_ADDRESS and socket.has_dualstack_ipv6()


def _has_ipv6() -> bool:
    try:
        _bound("::1", socket.AF_INET6, 0).close()
    except OSError:
        return False
    return True
