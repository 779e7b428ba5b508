"""Keeps a folder the same on several servers, by one list in a store that says what is in it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from app.errors import StoreUnreachable
from app.repeating import repeated
from app.stores.bucket import RETRY_AFTER_SECONDS, Bucket, ObjectChanged, Version
from app.stores.changes import Change, OwnFolder

logger = logging.getLogger(__name__)

T = TypeVar("T")

FOLLOW_SECONDS = 0.5
"""What another server has changed is looked for so often; nothing new costs one small request."""
ORPHAN_SECONDS = 3600.0
"""An object that no list names is what a crash left, once it is so old."""
_NOTE = ".in-store.json"


@dataclass(frozen=True, slots=True)
class _Entry:
    """Says where the contents of a file are; an object is never changed."""

    key: str
    sha256: str
    size_bytes: int
    written_seconds: float


_Entries = Mapping[str, _Entry]


class _Outdated(Exception):
    """Says that something has changed since it was looked at."""


class SharedFolder:
    """Mirrors a folder of a store on the disk; see `ChangingFolder`.

    The list of files is one object. Who changes something writes new objects first and then the
    list, on the condition that it is still the one that was looked at: so each change is whole, and
    of two servers that change the same thing one looks again. The store has the say: what is on
    the disk is a copy, but for files that somebody put there by hand, which stay this server's own.

    Args:
        prefix: the folder inside the store.
    """

    def __init__(self, bucket: Bucket, prefix: str, directory: Path) -> None:
        self.directory = directory
        self._bucket = bucket
        self._prefix = prefix
        self._own = OwnFolder(directory)
        self.settling = self._own.settling
        self._lock = threading.RLock()
        self._known: Version | None = None
        self._entries: _Entries = {}

    def recover(self) -> None:
        """Finish what a crash interrupted; fill an empty store with what is in the folder."""
        self._own.recover()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._entries = self._mirrored()
        while self._bucket.read(self._list) is None:
            # Whoever goes from one server to several takes the files along.
            files = {
                path.name: path.read_bytes()
                for path in self.directory.iterdir()
                if path.is_file() and not path.name.startswith(".")
            }
            with suppress(_Outdated):
                self._change(None, files, ())
        self.refresh()
        self._sweep()

    def changing(self, work: Callable[[Change], T]) -> T:
        while True:
            base = self.refresh()
            with suppress(_Outdated):
                return work(partial(self._change, base))

    def followed(self) -> AbstractAsyncContextManager[None]:
        """Take over what other servers change, while the block runs."""
        return repeated(self._follow, every_seconds=FOLLOW_SECONDS)

    def _follow(self) -> None:
        with suppress(StoreUnreachable):  # the bucket has said so
            self.refresh()

    def refresh(self) -> Version | None:
        """Bring the folder to what the store has now, and return the version of its list."""
        with self._lock:
            lacking: str | None = None
            while True:
                found = self._bucket.read(self._list, known=self._known)
                if found is self._known:
                    return found
                if found is None:
                    # Whatever happened to the store: what is on the disk may be all that is left.
                    raise _damaged(f"there is no {self._list} any more")
                try:
                    self._mirror(_entries_in(found))
                except FileNotFoundError as error:
                    if found.tag == lacking:
                        raise _damaged(f"{self._list} names {error}, which is not there") from error
                    lacking = found.tag  # a newer list has other objects
                    continue
                self._known = found

    def _change(
        self, base: Version | None, write: Mapping[str, bytes], remove: Collection[str]
    ) -> None:
        """Change the list if it is still that of `base`, then the folder."""
        written = {name: _entry_of(data) for name, data in write.items()}
        for name, entry in written.items():
            self._bucket.add(self._path(entry.key), BytesIO(write[name]))
        with self._lock:
            before = _entries_in(base)
            after = {name: each for name, each in before.items() if name not in remove} | written
            data = json.dumps({name: asdict(each) for name, each in after.items()}).encode()
            try:
                tag = self._bucket.replace(self._list, data, None if base is None else base.tag)
            except ObjectChanged:
                # It may have been this very change, to which the answer was lost.
                if not self._is_done(written, remove):
                    self._bucket.remove(*(self._path(each.key) for each in written.values()))
                    raise _Outdated from None
                made = None
            else:
                made = Version(data, tag)
            try:
                self._take_over(made, after, write, remove)
            except (OSError, StoreUnreachable) as error:
                # The change is made all the same. This server tries again when it follows.
                logger.warning("a change is not in %s yet: %s", self.directory, error)
        gone = [each.key for name, each in before.items() if after.get(name) != each]
        with suppress(StoreUnreachable):  # then they are swept
            self._bucket.remove(*map(self._path, gone))

    def _take_over(
        self,
        made: Version | None,
        entries: _Entries,
        write: Mapping[str, bytes],
        remove: Collection[str],
    ) -> None:
        """Bring the folder to a list that was just changed; None is for one to be looked at."""
        if made is None:
            self.refresh()
            return
        self._own.change({**write, _NOTE: made.data}, remove)
        self._date({name: entries[name] for name in write})
        self._known, self._entries = made, entries

    def _is_done(self, written: _Entries, remove: Collection[str]) -> bool:
        """Tell whether the list has a change, and perhaps others on top of it."""
        now = _entries_in(self._bucket.read(self._list))
        gone = [name for name in remove if name not in written]
        return all(now.get(name) == entry for name, entry in written.items()) and not any(
            name in now for name in gone
        )

    def _mirror(self, entries: _Entries) -> None:
        """Bring the folder to a list.

        Raises:
            FileNotFoundError: an object is gone already.
        """
        write: dict[str, bytes] = {}
        for name, entry in entries.items():
            if self._entries.get(name) == entry and (self.directory / name).is_file():
                continue
            if not self._has(name, entry):
                found = self._bucket.read(self._path(entry.key))
                if found is None:
                    raise FileNotFoundError(entry.key)
                write[name] = found.data
        gone = [name for name in self._entries if name not in entries]
        note = json.dumps({name: asdict(each) for name, each in entries.items()}).encode()
        self._own.change({**write, _NOTE: note}, gone)
        self._date({name: entries[name] for name in write})
        self._entries = entries

    def _has(self, name: str, entry: _Entry) -> bool:
        """Tell whether a file is here already, from an earlier life of this server."""
        try:
            data = (self.directory / name).read_bytes()
        except OSError:
            return False
        return hashlib.sha256(data).hexdigest() == entry.sha256

    def _date(self, entries: _Entries) -> None:
        """Let files be as old on all servers."""
        for name, entry in entries.items():
            with suppress(OSError):
                os.utime(self.directory / name, (time.time(), entry.written_seconds))

    def _mirrored(self) -> _Entries:
        """Return what this server had of the store when it ended."""
        try:
            return _entries_in(Version((self.directory / _NOTE).read_bytes(), None))
        except (OSError, ValueError, TypeError):
            return {}

    def _sweep(self) -> None:
        """Remove objects that no list names, which a crash left."""
        now_seconds = self._bucket.now_seconds()
        with self._lock:
            named = {self._path(each.key) for each in self._entries.values()}
        left = [
            each.key
            for each in self._bucket.objects(f"{self._prefix}/files")
            if each.key not in named and now_seconds - each.modified_seconds > ORPHAN_SECONDS
        ]
        self._bucket.remove(*left)

    @property
    def _list(self) -> str:
        return f"{self._prefix}/list.json"

    def _path(self, key: str) -> str:
        return f"{self._prefix}/files/{key}"


def _damaged(what: str) -> StoreUnreachable:
    logger.error("VOICES_URL: %s; nothing is changed here until it is put right", what)
    return StoreUnreachable(
        "the store of this server is damaged", retry_after_seconds=RETRY_AFTER_SECONDS
    )


def _entry_of(data: bytes) -> _Entry:
    digest = hashlib.sha256(data).hexdigest()
    return _Entry(secrets.token_hex(16), digest, len(data), time.time())


def _entries_in(found: Version | None) -> _Entries:
    if found is None:
        return {}
    return {name: _Entry(**each) for name, each in json.loads(found.data).items()}
