"""Keeps files in a folder of this machine, or of several."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from app.errors import StorageFailed
from app.files import partial_file, sweep
from app.stores.files import StoredFile

logger = logging.getLogger(__name__)

SET_FORWARD_SECONDS = 300.0
"""A clock that jumps by less is taken for one that is set right."""


class Clock:
    """Notices when the time of day is set. Sleep of the machine is none of that."""

    def __init__(self) -> None:
        self._offset_seconds = self._now_offset_seconds()

    def set_forward_seconds(self) -> float:
        """Return by how much the time of day was set since this was last asked."""
        before, self._offset_seconds = self._offset_seconds, self._now_offset_seconds()
        return self._offset_seconds - before

    def _now_offset_seconds(self) -> float:
        # Linux stops its monotonic clock while the machine sleeps, but not this one.
        steady = getattr(time, "CLOCK_BOOTTIME", None)
        awake_seconds = time.monotonic() if steady is None else time.clock_gettime(steady)
        return time.time() - awake_seconds


class FilesInFolder:
    """Keeps files in a folder, which several servers may share; see `FileStore`.

    Args:
        names: other files in the folder are left alone.
    """

    def __init__(self, folder: Path, *, names: re.Pattern[str]) -> None:
        self._folder = folder
        self._names = names
        self._clock = Clock()

    def open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        sweep(self._folder)

    def add(self, name: str, file: IO[bytes], media_type: str | None) -> None:  # noqa: ARG002
        # Somebody may have removed the directory while the server runs.
        self._folder.mkdir(parents=True, exist_ok=True)
        with partial_file(self._folder / name) as partial, partial.open("wb") as written:
            shutil.copyfileobj(file, written)

    def path_of(self, name: str) -> Path:
        path = self._folder / name
        # A link could lead out of the directory, so lstat looks at the link itself.
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FileNotFoundError(f"{name} is no regular file")
        return path

    def link(self, name: str, seconds: float) -> str | None:  # noqa: ARG002 - nobody reaches a disk
        return None

    def size_bytes(self, name: str) -> int:
        return (self._folder / name).stat().st_size

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def beside(self, name: str) -> list[str]:
        return [
            each.name for each in self._folder.glob(f"{Path(name).stem}.*") if each.name != name
        ]

    def files(self) -> Iterator[StoredFile]:
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    # Another server may tidy the same directory at this moment.
                    with contextlib.suppress(FileNotFoundError):
                        if self._names.fullmatch(entry.name) and entry.is_file(
                            follow_symlinks=False
                        ):
                            status = entry.stat(follow_symlinks=False)
                            yield StoredFile(status.st_mtime, entry.name, status.st_size)
        except FileNotFoundError:
            return

    def now_seconds(self) -> float:
        self._keep_ages()
        return time.time()

    def _keep_ages(self) -> None:
        """Date files anew if the clock was set forward, which has made none of them older."""
        set_forward_seconds = self._clock.set_forward_seconds()
        if set_forward_seconds < SET_FORWARD_SECONDS:
            return
        logger.warning(
            "the clock was set forward by %.0f s; saved audio keeps its age", set_forward_seconds
        )
        for each in self.files():
            # Another server may have done the same.
            modified_seconds = min(each.modified_seconds + set_forward_seconds, time.time())
            with contextlib.suppress(OSError):
                os.utime(self._folder / each.name, (modified_seconds, modified_seconds))

    def require_room(self, size_bytes: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(self._folder).free
        if not os.access(self._folder, os.W_OK | os.X_OK):
            logger.error("no audio can be saved: %s is read-only", self._folder)
            raise StorageFailed("this server cannot save audio at present")
        if free_bytes < size_bytes:
            logger.error(
                "no audio can be saved: %.1f MB are free, about %.1f MB are needed",
                free_bytes / 1e6,
                size_bytes / 1e6,
            )
            raise StorageFailed("the disk of this server is too full to save the audio")

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        yield self.path_of(name)
