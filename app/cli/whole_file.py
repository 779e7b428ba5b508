"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from types import TracebackType
from typing import IO

from app.cli.exits import ExitCode, Refused


class WholeFile:
    """Writes beside `path` and takes its place at the end of the block; an error leaves nothing.

    What is no ordinary file (a device, a named pipe) is written into as it is.
    """

    def __init__(self, path: Path) -> None:
        self._shown = path
        # A link stays a link: what it leads to is replaced.
        self._path = path.resolve()
        self._partial: Path | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> WholeFile:
        """Raises Refused."""
        target = self._path
        if not target.exists() or target.is_file():
            target = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.partial")
            self._partial = target
        try:
            self._file = target.open("wb")
        except OSError as error:
            raise self._refusal(error) from None
        return self

    def write(self, data: bytes) -> None:
        """Blocks. Raises Refused: the disk refuses."""
        assert self._file is not None
        try:
            self._file.write(data)
        except OSError as error:
            raise self._refusal(error) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._file is not None
        try:
            self._file.close()
            if kind is None and self._partial is not None:
                self._partial.replace(self._path)
                self._partial = None
        except OSError as problem:
            if kind is None:
                raise self._refusal(problem) from None
        finally:
            if self._partial is not None:
                with contextlib.suppress(OSError):
                    self._partial.unlink()

    def _refusal(self, error: OSError) -> Refused:
        return Refused(f"{self._shown} cannot be written: {error.strerror}", ExitCode.FAILED)
