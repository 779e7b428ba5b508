"""Saved audio where it may be kept: in a folder, or in a store; the same tests hold for both."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.audio.storage import AUDIO_NAME, AudioStore, Retention
from app.stores.bucket import Bucket
from app.stores.cached import FilesInBucket
from app.stores.files import FileStore
from app.stores.folder import FilesInFolder

if TYPE_CHECKING:
    from tests.stores.s3 import S3


class Kept(Protocol):
    """Is where audio is kept."""

    def files(self) -> FileStore:
        """Make what one server has of it."""

    def age(self, name: str, seconds: float) -> None:
        """Let a file have been written so long ago."""

    def names(self) -> set[str]:
        """List what is there, by whatever way."""

    def put(self, name: str) -> None:
        """Put a file there by hand."""


def opened(kept: Kept, **bounds: float) -> AudioStore:
    store = AudioStore(kept.files(), Retention(**bounds))  # type: ignore[arg-type]
    store.open()
    return store


@dataclass
class KeptInFolder:
    folder: Path

    def files(self) -> FileStore:
        return FilesInFolder(self.folder, names=AUDIO_NAME)

    def age(self, name: str, seconds: float) -> None:
        then = time.time() - seconds
        os.utime(self.folder / name, (then, then))

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def put(self, name: str) -> None:
        (self.folder / name).touch()


@dataclass
class KeptInBucket:
    s3: S3
    url: str
    folder: Path
    servers: int = 0

    def files(self) -> FileStore:
        self.servers += 1
        cache = self.folder / f"cache-{self.servers}"
        return FilesInBucket(Bucket(self.url), cache, names=AUDIO_NAME)

    def age(self, name: str, seconds: float) -> None:
        self.s3.age(self.url, name, seconds)

    def names(self) -> set[str]:
        return {each for each in self.s3.keys(self.url) if each != ".clock"}

    def put(self, name: str) -> None:
        Bucket(self.url).put(name, b"")
