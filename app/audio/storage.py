"""Saved audio: files that appear whole, under names nobody can guess."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import stat
import time
from pathlib import Path

from app.errors import AudioNotFound, StorageFailed

logger = logging.getLogger(__name__)

_NAME = re.compile(r"audio_[0-9]{1,12}_[0-9a-f]{32}\.[a-z0-9]{1,8}")
_PARTIAL_SUFFIX = ".partial"
_STALE_SECONDS = 3600
_FILE_MODE = 0o644
# Windows translates line ends in files that are not opened as binary.
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class AudioStore:
    """The directory of saved audio. Its methods block; they may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        """Make the directory if need be, and sweep out what an interrupted save left there."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for partial in directory.glob(f".audio_*{_PARTIAL_SUFFIX}"):
            _remove_if_stale(partial)

    def save(self, data: bytes, extension: str) -> str:
        """Save complete audio and return its filename, `audio_<unix time>_<32 hex><extension>`.

        Args:
            extension: with its dot.

        Raises:
            StorageFailed: the disk refuses.
        """
        name = f"audio_{int(time.time())}_{secrets.token_hex(16)}{extension}"
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{extension!r} is not a file extension")
        partial = self._directory / f".{name}{_PARTIAL_SUFFIX}"
        try:
            # It may have been cleared away while the server runs.
            self._directory.mkdir(parents=True, exist_ok=True)
            _write_and_sync(partial, data)
            partial.replace(self._directory / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            logger.error("cannot save %s: %s", name, error)  # noqa: TRY400 - the reason is enough
            raise StorageFailed(
                "the audio was made but could not be saved on this server"
            ) from error
        return name

    def path_of(self, filename: str) -> Path:
        """The file of that name.

        Raises:
            AudioNotFound: it is no name that `save` gives, or there is no such regular file.
        """
        if _NAME.fullmatch(filename) is not None:
            path = self._directory / filename
            # lstat: a link could lead out of the directory.
            with contextlib.suppress(OSError):
                if stat.S_ISREG(path.lstat().st_mode):
                    return path
        raise AudioNotFound("there is no saved audio of that name")


def _write_and_sync(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, _CREATE, _FILE_MODE), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove_if_stale(partial: Path) -> None:
    """Another server may be writing into the same directory: only old leftovers go."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - partial.lstat().st_mtime > _STALE_SECONDS:
            partial.unlink()
