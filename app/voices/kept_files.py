"""Keeps files that can be made again, in a folder bounded in bytes."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from app.files import is_partial, partial_file, sweep

logger = logging.getLogger(__name__)


class KeptFiles:
    """Keeps files, and removes the least recently used ones once all exceed `max_bytes`.

    Blocks; safe to use from any thread. A file appears whole or not at all. A disk that refuses is
    logged and otherwise ignored: everything in here can be made again.

    Args:
        looked_up: is told of each file that is asked for whether it was there.
    """

    def __init__(
        self,
        directory: Path,
        max_bytes: int,
        looked_up: Callable[[bool], None] = lambda _found: None,
    ) -> None:
        """Sweep out what interrupted writes left; the folder is made with the first file."""
        self._looked_up = looked_up
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        sweep(directory)

    def find(self, name: str) -> Path | None:
        """Find a file by its name and mark it as the most recently used one."""
        path = self._directory / name
        try:
            os.utime(path)
        except FileNotFoundError:
            self._looked_up(False)
            return None
        except OSError as error:  # a folder that is read only: still good to read from
            logger.debug("%s cannot be marked as used: %s", path, error)
        self._looked_up(True)
        return path

    def keep(self, name: str, write: Callable[[Path], None]) -> None:
        """Keep what `write` puts into the empty file whose path it is given."""
        path = self._directory / name
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with partial_file(path) as partial:
                write(partial)
                self._check_size(partial)
            self._make_room()
        except _TooLarge:
            logger.debug("%s is not kept: it is larger than all that may be kept", path)
        except OSError as error:
            logger.warning("%s is not kept: %s", path, error)

    def forget(self, prefix: str) -> None:
        """Remove every file whose name begins with `prefix`."""
        for path in self._directory.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _check_size(self, path: Path) -> None:
        if path.stat().st_size > self._max_bytes:
            raise _TooLarge

    def _make_room(self) -> None:
        with self._lock:
            files = [
                (path.stat(), path)
                for path in self._directory.iterdir()
                if path.is_file() and not is_partial(path)
            ]
            total = sum(stat.st_size for stat, _ in files)
            for stat, path in sorted(files, key=lambda each: each[0].st_mtime_ns):
                if total <= self._max_bytes:
                    break
                path.unlink(missing_ok=True)
                total -= stat.st_size


class _TooLarge(Exception):
    """Says that a file alone is larger than everything that may be kept."""
