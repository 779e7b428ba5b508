"""Defines what keeps files under names that are never used twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, NamedTuple, Protocol


class StoredFile(NamedTuple):
    """Describes a file by when it was written, in Unix time of the store's clock."""

    modified_seconds: float
    name: str
    size_bytes: int


class FileStore(Protocol):
    """Keeps files that are written once. Blocks; safe to use from any thread.

    Names are plain, and whoever calls has checked them. All methods may raise OSError where a disk
    refuses, and StoreUnreachable where a store does not answer.
    """

    def open(self) -> None:
        """Make ready, and sweep out what a crash left."""

    def add(self, name: str, file: IO[bytes], media_type: str | None) -> None:
        """Write a file, whole or not at all.

        Args:
            media_type: what it is, for whoever fetches it by its `link`.
        """

    def path_of(self, name: str) -> Path:
        """Return where a file can be read on the disk; raises FileNotFoundError."""

    def link(self, name: str, seconds: float) -> str | None:
        """Return an address from which a file can be fetched so long; None if there is none.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def size_bytes(self, name: str) -> int:
        """Return the size of a file; raises FileNotFoundError."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is none of its business."""

    def beside(self, name: str) -> list[str]:
        """Name the other files whose names differ in the ending only."""

    def files(self) -> Iterator[StoredFile]:
        """List all files."""

    def now_seconds(self) -> float:
        """Tell the time by which the files are as old as they are; ask before `files`."""

    def require_room(self, size_bytes: int) -> None:
        """Raise StorageFailed if so much cannot be written now."""

    def reading(self, name: str) -> AbstractContextManager[Path]:
        """Keep what `path_of` returned from going away during the block. It does not block."""
