"""Keeps the operator's own pronunciations in a text file, which people may edit as well."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from app.bounds import DICTIONARY_BYTES
from app.errors import Conflict, TooLarge
from app.files import file_stamp, storage_failed, write_whole
from app.lexicon import Lexicon, Pronunciation
from app.pronunciations.lines import Line, LineError, pronunciations_of, read_lines, text_of
from app.repeating import repeated

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""A change of the file has effect after at most this long."""

_HEADER = """# How words are spoken, one a line: word or phrase = how to write it.
# [en] Nice = neece         for English alone    [case] US = U S    capitals count
# Read again when it changes. docs/pronunciations.md
"""


class PronunciationsFileError(Exception):
    """Says in one line what is wrong with the file of pronunciations."""


class OwnPronunciations:
    """Knows the operator's own pronunciations. Safe to use from any thread; what writes blocks.

    Attributes:
        lexicon: they are in here as they are now.

    Raises:
        PronunciationsFileError: the file cannot be read as it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = file_stamp(path)
        self.lexicon = Lexicon(pronunciations_of(self._read()))

    @property
    def pronunciations(self) -> Sequence[Pronunciation]:
        return self.lexicon.pronunciations

    def kept_fresh(self) -> AbstractAsyncContextManager[None]:
        """Read the file again whenever it changes, while the block runs."""
        return repeated(self.refresh, every_seconds=LOOK_SECONDS)

    def refresh(self) -> None:
        """Read the file if it has changed. Blocks.

        One that is wrong changes nothing: what was known so far stays, and the log says which lines
        are wrong.
        """
        stamp = file_stamp(self._path)
        if stamp == self._stamp:
            return
        with self._lock:
            self._stamp = stamp
            try:
                self.lexicon = Lexicon(pronunciations_of(self._read()))
            except PronunciationsFileError as error:
                logger.error(  # noqa: TRY400 - the reason is enough
                    "PRONUNCIATIONS_FILE: %s; the pronunciations stay as they were", error
                )
                return
        logger.info(
            "PRONUNCIATIONS_FILE was read again; pronunciations: %d", len(self.pronunciations)
        )

    def change(self, edit: Callable[[list[Line]], list[Line]]) -> None:
        """Change the file; comments that `edit` leaves there stay. Blocks.

        Args:
            edit: gets the lines that are there, and returns those that shall be.

        Raises:
            Conflict: somebody has made the file wrong; it is not written over.
            StorageFailed: the disk refuses.
            Whatever `edit` raises.
        """
        with self._lock:
            try:
                there = self._read()
            except PronunciationsFileError as error:
                raise Conflict(
                    f"the pronunciations cannot be changed before their file is right: {error}"
                ) from None
            lines = edit(there)
            header = "" if self._path.exists() else _HEADER
            data = (header + "".join(f"{line.text}\n" for line in lines)).encode()
            if len(data) > DICTIONARY_BYTES:
                raise TooLarge(
                    f"all pronunciations together have {len(data)} bytes; at most "
                    f"{DICTIONARY_BYTES} are allowed"
                )
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._path, data)
            except OSError as error:
                raise storage_failed("the pronunciations cannot be saved", error) from error
            self._stamp = file_stamp(self._path)
            self.lexicon = Lexicon(pronunciations_of(lines))

    def _read(self) -> list[Line]:
        try:
            with self._path.open("rb") as file:
                data = file.read(DICTIONARY_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise PronunciationsFileError(
                f"{self._path} cannot be read: {error.strerror}"
            ) from None
        if len(data) > DICTIONARY_BYTES:
            raise PronunciationsFileError(
                f"{self._path} has more than the {DICTIONARY_BYTES} bytes allowed"
            )
        try:
            return read_lines(text_of(data))
        except LineError as error:
            raise PronunciationsFileError(f"{self._path}, {error}") from None
