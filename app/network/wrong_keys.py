"""Slows down who tries keys, and nobody who has the right one."""

from __future__ import annotations

from app.bounds import (
    MAX_ADDRESSES,
    WRONG_KEY_SECONDS,
    WRONG_KEYS_AT_ONCE,
    WRONG_KEYS_PER_SECOND,
)
from app.network.pace import Paces
from app.network.peers import Peers


class WrongKeys:
    """Counts the wrong keys of each address, of those that were seen last."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._paces = Paces(WRONG_KEYS_PER_SECOND, WRONG_KEYS_AT_ONCE, max_addresses=MAX_ADDRESSES)

    def count(self, host: str | None, forwarded_for: str) -> float:
        """Count a wrong key, and return after how many seconds to say that it is wrong.

        Args:
            host: the address of the peer.
            forwarded_for: the header X-Forwarded-For, which counts if a trusted proxy sent it.
        """
        address = self._peers.client(host, forwarded_for) or ""
        return self._paces.of(address).count(at_most_seconds=WRONG_KEY_SECONDS)
