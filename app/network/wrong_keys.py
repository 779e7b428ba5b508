"""Slows down who tries keys, and nobody who has the right one."""

from __future__ import annotations

from app.bounds import (
    MAX_ADDRESSES,
    WRONG_KEY_SECONDS,
    WRONG_KEYS_AT_ONCE,
    WRONG_KEYS_PER_SECOND,
)
from app.network.pace import Paces


class WrongKeys:
    """Counts the wrong keys of each address, of those that were seen last."""

    def __init__(self) -> None:
        self._paces = Paces(WRONG_KEYS_PER_SECOND, WRONG_KEYS_AT_ONCE, max_addresses=MAX_ADDRESSES)

    def count(self, address: str) -> float:
        """Count a wrong key, and return after how many seconds to say that it is wrong.

        Args:
            address: where it came from; nothing if that cannot be told.
        """
        return self._paces.of(address).count(at_most_seconds=WRONG_KEY_SECONDS)
