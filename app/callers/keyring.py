"""Finds out who calls by the key that came with a request."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from app.callers.caller import ANYBODY, OPERATOR, Caller
from app.callers.keys_file import KeysFileError, hash_of, read_keys
from app.errors import Unauthorized, WrongKey
from app.files import file_stamp
from app.repeating import repeated

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""A change of the file of keys has effect after at most this long."""


class Keyring:
    """Knows every key. Use from the event loop.

    Attributes:
        asks_for_keys: whether a key is needed at all.

    Args:
        operator_key: API_KEY; None if there is none.
        keys_file: API_KEYS_FILE; None if there is none.

    Raises:
        KeysFileError: the file cannot be read as it is.
    """

    def __init__(
        self, operator_key: str | None, keys_file: Path | None, *, asks_for_keys: bool = True
    ) -> None:
        self._operator = {} if operator_key is None else {hash_of(operator_key): OPERATOR}
        self._file = keys_file
        self.asks_for_keys = asks_for_keys
        self._stamp = None if keys_file is None else file_stamp(keys_file)
        self._callers: Mapping[str, Caller] = self._read()

    def caller(self, offered: Iterable[str]) -> Caller:
        """Return who has one of the offered keys; the first that is known counts.

        Raises:
            Unauthorized: no key was offered.
            WrongKey: none of them is known.
        """
        if not self.asks_for_keys:
            return ANYBODY
        keys = list(offered)
        if not keys:
            raise Unauthorized(
                "no API key: send it as API_KEY, X-API-Key, api-key, xi-api-key or "
                "Authorization: Bearer"
            )
        # Hashes are looked up, so how long that takes tells nothing of the keys.
        for key in keys:
            if caller := self._callers.get(hash_of(key)):
                return caller
        raise WrongKey("the API key is wrong")

    @property
    def names(self) -> tuple[str, ...]:
        """List the callers whose keys are known."""
        return tuple(sorted(each.name for each in self._callers.values()))

    def named(self, name: str) -> Caller | None:
        """Return the caller of that name, as the keys are now; None if there is none."""
        entry = self.entry(name)
        return None if entry is None else entry[1]

    def entry(self, name: str) -> tuple[str, Caller] | None:
        """Return the hash of the key of that caller, and the caller; None if there is none now.

        Where no key is asked for, nothing is the hash of everybody's.
        """
        if not self.asks_for_keys:
            return ("", ANYBODY) if name == ANYBODY.name else None
        return next((each for each in self._callers.items() if each[1].name == name), None)

    def kept_fresh(self) -> AbstractAsyncContextManager[None]:
        """Read the file of keys again whenever it changes, while the block runs."""
        return repeated(self.refresh, every_seconds=LOOK_SECONDS)

    def refresh(self) -> None:
        """Read the file of keys if it has changed. Blocks.

        A file that cannot be read changes nothing: the keys known so far stay, and the log says so.
        """
        if self._file is None:
            return
        stamp = file_stamp(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._callers = self._read()
        except KeysFileError as error:
            logger.error("API_KEYS_FILE: %s; the keys stay as they were", error)  # noqa: TRY400
            return
        logger.info("API_KEYS_FILE was read again; callers: %d", len(self._callers))

    def _read(self) -> Mapping[str, Caller]:
        from_file = {} if self._file is None else read_keys(self._file)
        return {**from_file, **self._operator}
