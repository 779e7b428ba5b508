"""Saves audio in files that appear whole, under names nobody can guess."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import stat
import time
from pathlib import Path

from app.errors import AudioNotFound, StorageFailed
from app.files import sweep, write_whole

logger = logging.getLogger(__name__)

_NAME = re.compile(r"audio_[0-9]{1,12}_[0-9a-f]{32}\.[a-z0-9]{1,8}")


class AudioStore:
    """Keeps saved audio in a directory. Blocks; safe to use from any thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> None:
        """Make the directory if need be, and sweep out what an interrupted save left there.

        Raises:
            OSError: the directory cannot be made or read.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        sweep(self._directory)

    def save(self, data: bytes, extension: str) -> str:
        """Save complete audio and return its filename, `audio_<unix time>_<32 hex><extension>`.

        Args:
            extension: the ending of the name, with its dot.

        Raises:
            StorageFailed: the disk refuses.
        """
        name = f"audio_{int(time.time())}_{secrets.token_hex(16)}{extension}"
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{extension!r} is not a file extension")
        try:
            # Somebody may have removed the directory while the server runs.
            self._directory.mkdir(parents=True, exist_ok=True)
            write_whole(self._directory / name, data)
        except OSError as error:
            logger.error("cannot save %s: %s", name, error)  # noqa: TRY400 - the reason is enough
            raise StorageFailed(
                "the audio was made but could not be saved on this server"
            ) from error
        return name

    def path_of(self, filename: str) -> Path:
        """Find the saved file that has a name.

        Raises:
            AudioNotFound: it is no name that `save` gives, or there is no such regular file.
        """
        if _NAME.fullmatch(filename) is not None:
            path = self._directory / filename
            # A link could lead out of the directory, so lstat looks at the link itself.
            with contextlib.suppress(OSError):
                if stat.S_ISREG(path.lstat().st_mode):
                    return path
        raise AudioNotFound("there is no saved audio of that name")
