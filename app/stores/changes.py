"""Changes files of a folder in steps that happen whole or not at all, on one server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from app.files import carry_out, commit_change, committed_changes, sweep

logger = logging.getLogger(__name__)

T = TypeVar("T")

Change: TypeAlias = Callable[[Mapping[str, bytes], Collection[str]], None]
"""Writes files, given by name, and removes others, as one step; those that are written stay."""


class ChangingFolder(Protocol):
    """Is a folder whose files change together. Blocks; safe to use from any thread."""

    directory: Path
    settling: threading.Lock
    """Held while files of a change take their places; who lists several holds it meanwhile."""

    def recover(self) -> None:
        """Make ready: finish or sweep out what a crash interrupted.

        Raises:
            OSError, ValueError, StoreUnreachable: that cannot be done.
        """

    def changing(self, work: Callable[[Change], T]) -> T:
        """Let `work` look at the files and then change them, once.

        It is called again if another server has changed something between its look and its change.

        Raises:
            OSError: the disk refuses.
            StoreUnreachable: the store does not answer.
        """


class OwnFolder:
    """Is a folder of one server, or of several that share a disk; see `ChangingFolder`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settling = threading.Lock()
        # Who looks and then changes is not to find in between that another has changed something.
        self._changing = threading.Lock()

    def recover(self) -> None:
        sweep(self.directory)
        for committed in committed_changes(self.directory):
            logger.warning("finishing a change of %s that was interrupted", self.directory)
            with self.settling:
                carry_out(committed)

    def changing(self, work: Callable[[Change], T]) -> T:
        with self._changing:
            return work(self.change)

    def change(self, write: Mapping[str, bytes], remove: Collection[str]) -> None:
        """Write files and remove others, as one step; raises OSError where the disk refuses."""
        committed = commit_change(self.directory, write, remove)
        with self.settling:
            carry_out(committed)
