"""Keeps files in an S3-compatible store, and those that were asked for lately on the disk."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import IO

from app.files import sweep
from app.stores.bucket import Bucket
from app.stores.files import StoredFile

CACHE_BYTES = 1_000_000_000
"""So much of what the store has is kept on the disk as well."""


class FilesInBucket:
    """Keeps files as objects, with a cache on the disk; see `FileStore`.

    What is on the disk is given out only after the store has said that it is still there, since
    another server may have removed it.

    Args:
        names: other objects are left alone.
        cache: a folder for this server alone.
    """

    def __init__(
        self,
        bucket: Bucket,
        cache: Path,
        *,
        names: re.Pattern[str],
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._bucket = bucket
        self._names = names
        self._cache = cache
        self._cache_bytes = cache_bytes
        self._lock = threading.Lock()
        self._reading: Counter[str] = Counter()

    def open(self) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        sweep(self._cache)

    def add(self, name: str, file: IO[bytes], media_type: str | None) -> None:
        self._bucket.add(name, file, media_type=media_type)

    def path_of(self, name: str) -> Path:
        path = self._cache / name
        try:
            found = self._bucket.look(name)
        except FileNotFoundError:
            path.unlink(missing_ok=True)
            raise
        if path.is_file():
            os.utime(path, (time.time(), found.modified_seconds))
            return path
        self._bucket.fetch(name, path)
        os.utime(path, (time.time(), found.modified_seconds))
        self._make_room(name)
        return path

    def link(self, name: str, seconds: float) -> str | None:
        self._bucket.look(name)
        return self._bucket.link(name, seconds)

    def size_bytes(self, name: str) -> int:
        return self._bucket.look(name).size_bytes

    def remove(self, name: str) -> None:
        self._bucket.remove(name)
        if not self._reading[name]:
            (self._cache / name).unlink(missing_ok=True)

    def beside(self, name: str) -> list[str]:
        stem = f"{Path(name).stem}."
        alike = takewhile(lambda each: each.key.startswith(stem), self._bucket.objects(after=stem))
        return [each.key for each in alike if each.key != name]

    def files(self) -> Iterator[StoredFile]:
        for each in self._bucket.objects():
            if self._names.fullmatch(each.key):
                yield StoredFile(each.modified_seconds, each.key, each.size_bytes)

    def now_seconds(self) -> float:
        return self._bucket.now_seconds()

    def require_room(self, size_bytes: int) -> None:
        """A store has room for everything."""

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        with self._lock:
            self._reading[name] += 1
        try:
            path = self._cache / name
            if not path.is_file():  # it was put out of the cache just now
                raise FileNotFoundError(name)
            yield path
        finally:
            with self._lock:
                self._reading[name] -= 1
                if not self._reading[name]:
                    del self._reading[name]

    def _make_room(self, newest: str) -> None:
        """Remove what was not asked for longest, but nothing that is being read."""
        with self._lock:
            with os.scandir(self._cache) as entries:
                found = [
                    (each.stat(), each.name) for each in entries if self._names.fullmatch(each.name)
                ]
            total = sum(status.st_size for status, _ in found)
            for status, name in sorted(found, key=lambda each: each[0].st_atime):
                if total <= self._cache_bytes:
                    return
                if name != newest and name not in self._reading:
                    (self._cache / name).unlink(missing_ok=True)
                    total -= status.st_size
