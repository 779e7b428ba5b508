"""Files that can be made again, kept in a folder bounded in bytes."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.voices.folder import sync

logger = logging.getLogger(__name__)

_PARTIAL = ".partial"
_STALE_SECONDS = 3600


class KeptFiles:
    """The least recently used files leave first once `max_bytes` is exceeded.

    Blocks; safe to use from any thread. A file appears whole or not at all. A disk that refuses is
    logged and otherwise ignored: everything in here can be made again.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    def find(self, name: str) -> Path | None:
        """The file of that name, which thereby is the most recently used one."""
        path = self._directory / name
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:  # a folder that is read only: still good to read from
            logger.debug("%s cannot be marked as used: %s", path, error)
        return path

    def keep(self, name: str, write: Callable[[Path], None]) -> None:
        """Keep what `write` puts into the path it is given."""
        partial = self._directory / f"{secrets.token_hex(8)}{_PARTIAL}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            write(partial)
            if partial.stat().st_size <= self._max_bytes:
                sync(partial)
                partial.replace(self._directory / name)
                self._make_room()
        except OSError as error:
            logger.warning("%s is not kept: %s", self._directory / name, error)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def forget(self, prefix: str) -> None:
        """Remove every file whose name begins with `prefix`."""
        for path in self._directory.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _make_room(self) -> None:
        with self._lock:
            files = [(path.stat(), path) for path in self._directory.iterdir() if path.is_file()]
            total = sum(stat.st_size for stat, _ in files)
            for stat, path in sorted(files, key=lambda each: each[0].st_mtime_ns):
                stale = path.suffix == _PARTIAL and time.time() - stat.st_mtime > _STALE_SECONDS
                young = path.suffix == _PARTIAL and not stale
                if young or (total <= self._max_bytes and not stale):
                    continue
                path.unlink(missing_ok=True)
                total -= stat.st_size
