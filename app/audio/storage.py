"""Saves audio under names nobody can guess, and removes old audio."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

from app.audio.kept_bytes import BytesByOwner
from app.errors import AudioNotFound, StorageFailed
from app.files import storage_failed
from app.owners import Room, WhoAsks, everybody, unlimited
from app.repeating import repeated
from app.stores.files import FileStore, StoredFile

logger = logging.getLogger(__name__)

TIDY_SECONDS = 300.0
"""Audio that is too old may stay for so long beyond its age."""

AUDIO_NAME = re.compile(
    r"audio_[0-9]{1,12}_[0-9a-f]{32}(?:_(?P<owner>[0-9a-f]{16}))?\.[a-z0-9]{1,8}"
)
# Removing a tenth more than is needed spares the next saves from looking at every file again.
_KEPT_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Retention:
    """Says how much saved audio is kept; where a bound is None, there is none."""

    max_age_seconds: float | None = None
    max_bytes: int | None = None
    max_files: int | None = None

    def admits(self, files: int, size_bytes: int) -> bool:
        """Tell whether so many files, of so many bytes together, are within the bounds."""
        return (self.max_files is None or files <= self.max_files) and (
            self.max_bytes is None or size_bytes <= self.max_bytes
        )

    def shrunk(self) -> Retention:
        """Return the bounds to go down to once they were exceeded."""
        return Retention(
            self.max_age_seconds,
            None if self.max_bytes is None else int(self.max_bytes * _KEPT_SHARE),
            # One file may always stay, or a bound of one would keep none.
            None if self.max_files is None else max(1, int(self.max_files * _KEPT_SHARE)),
        )


class AudioStore:
    """Keeps saved audio. Blocks; safe to use from any thread.

    Several servers may share the files. Those that this did not name are left alone.

    Args:
        files: keeps the files, under names that are `AUDIO_NAME`.
        who_asks: tells whose audio it is that is saved, and who wants to have it.
        room: bounds what each of them keeps.
    """

    def __init__(
        self,
        files: FileStore,
        retention: Retention = Retention(),
        who_asks: WhoAsks = everybody,
        room: Room = unlimited,
    ) -> None:
        self._room = room
        self._kept = files
        self._retention = retention
        self._who_asks = who_asks
        self._lock = Lock()
        # The event loop takes this one, so nobody waits for the disk or a store while holding it.
        self._reading_lock = Lock()
        self._reading: Counter[str] = Counter()
        # What other servers save is counted when the files are next looked through.
        self._files = 0
        self._bytes = 0
        self._by_owner = BytesByOwner(self._saved, _mark_in)

    def open(self) -> None:
        """Make ready; sweep out what an interrupted save left, and old audio.

        Raises:
            OSError, StoreUnreachable: nothing can be kept there.
        """
        self._kept.open()
        self.tidy()

    def save(
        self,
        audio: IO[bytes],
        extension: str,
        *,
        beside: str | None = None,
        media_type: str | None = None,
    ) -> str:
        """Save complete audio and return its filename, `audio_<unix time>_<32 hex><extension>`.

        That of somebody else than the operator has 16 hex digits more, which stand for its owner.
        Older audio gives way where the bounds ask for it.

        Args:
            audio: is read from its beginning to its end, piece by piece.
            extension: the ending of the name, with its dot.
            beside: the name of another file; what belongs to it has the same name but for this.
            media_type: what it is, for a store that gives it out itself.

        Raises:
            StorageFailed: the disk refuses, or the audio alone exceeds what may be kept.
            LimitReached: who asks keeps too much already.
        """
        owner = _owner_mark(self._who_asks().owner)
        stem = f"audio_{int(time.time())}_{secrets.token_hex(16)}{f'_{owner}' if owner else ''}"
        name = f"{stem if beside is None else Path(beside).stem}{extension}"
        if AUDIO_NAME.fullmatch(name) is None:
            raise ValueError(f"{extension!r} is not a file extension")
        size_bytes = audio.seek(0, os.SEEK_END)
        audio.seek(0)
        with self._room(size_bytes=size_bytes):
            self._make_room(size_bytes)
            self._write(name, audio, media_type)
            self._by_owner.saved(name, size_bytes)
        with self._lock:
            self._files += 1
            self._bytes += size_bytes
            # Several that were saved at the same moment may each have found the last room.
            if not self._retention.admits(self._files, self._bytes):
                self._tidy(0, 0)
        return name

    def _write(self, name: str, audio: IO[bytes], media_type: str | None) -> None:
        try:
            self._kept.add(name, audio, media_type)
        except OSError as error:
            logger.error("cannot save %s: %s", name, error)  # noqa: TRY400 - the reason is enough
            raise StorageFailed(
                "the audio was made but could not be saved on this server"
            ) from error

    def require_room(self, size_bytes: int) -> None:
        """Refuse audio that could not be saved, before anybody takes the trouble to make it.

        Args:
            size_bytes: about how long the file will be.

        Raises:
            StorageFailed: the disk is too full, or nothing can be written there.
            LimitReached: who asks would keep more than they may.
        """
        with self._room(size_bytes=size_bytes):
            pass
        try:
            self._kept.require_room(size_bytes)
        except OSError as error:
            logger.error("no audio can be saved: %s", error)  # noqa: TRY400 - the reason is enough
            raise StorageFailed("this server cannot save audio at present") from error

    def remove(self, filename: str) -> None:
        """Remove saved audio, and what was saved beside it. Who is reading it reads on.

        Raises:
            AudioNotFound: as `path_of`; also what somebody else saved.
            StorageFailed: the disk refuses.
        """
        _check(filename)
        if not self._may_change(filename):
            raise _not_found()
        files, size_bytes = 0, 0
        try:
            for each in (filename, *self._kept.beside(filename)):
                own_bytes = self._kept.size_bytes(each)
                self._kept.remove(each)
                self._by_owner.removed(each, own_bytes)
                size_bytes += own_bytes
                files += 1
        except FileNotFoundError:
            raise _not_found() from None
        except OSError as error:
            logger.error("cannot remove %s: %s", filename, error)  # noqa: TRY400 - the reason is enough
            raise StorageFailed("the audio could not be removed on this server") from error
        with self._lock:
            self._files -= files
            self._bytes -= size_bytes

    def path_of(self, filename: str) -> Path:
        """Find the saved file that has a name, on the disk of this server.

        Raises:
            AudioNotFound: it is no name that `save` gives, or there is no such regular file.
            StorageFailed: the disk refuses.
        """
        _check(filename)
        try:
            return self._kept.path_of(filename)
        except (FileNotFoundError, NotADirectoryError):
            raise _not_found() from None
        except OSError as error:
            raise storage_failed("the audio cannot be read", error) from error

    def link_to(self, filename: str, seconds: float) -> str | None:
        """Return where else saved audio can be fetched for so long; None if nowhere.

        Raises:
            AudioNotFound: as `path_of`.
        """
        _check(filename)
        try:
            return self._kept.link(filename, seconds)
        except FileNotFoundError:
            raise _not_found() from None

    def require_own(self, filename: str) -> None:
        """Check that audio is there for who asks, and not somebody else's.

        Raises:
            AudioNotFound: it is not.
        """
        if _mark_in(filename) is not None and not self._may_change(filename):
            raise _not_found()

    def _may_change(self, filename: str) -> bool:
        viewer = self._who_asks()
        return viewer.sees != "own" or _mark_in(filename) == _owner_mark(viewer.owner)

    def bytes_of(self, owner: str) -> int:
        """Count the bytes that somebody's audio takes.

        What other servers have saved or removed is known after `COUNTED_SECONDS`.
        """
        return self._by_owner.of(str(_owner_mark(owner)))

    @contextlib.contextmanager
    def reading(self, filename: str) -> Iterator[Path]:
        """Keep saved audio from being tidied away during the block, and give its path.

        It does not block: call `path_of` before.

        Raises:
            AudioNotFound: it is not on the disk of this server.
        """
        with self._reading_lock:
            self._reading[filename] += 1
        try:
            with self._kept.reading(filename) as path:
                yield path
        except FileNotFoundError:
            raise _not_found() from None
        finally:
            with self._reading_lock:
                self._reading[filename] -= 1
                if not self._reading[filename]:
                    del self._reading[filename]

    def kept_tidy(self) -> AbstractAsyncContextManager[None]:
        """Remove what has grown too old, again and again, while the block runs."""
        return repeated(self.tidy, every_seconds=TIDY_SECONDS)

    def tidy(self) -> None:
        """Remove audio that is too old, and the oldest where there is too much.

        Audio that is being read stays.
        """
        with self._lock:
            self._tidy(0, 0)

    def _make_room(self, size_bytes: int) -> None:
        limit_bytes = self._retention.max_bytes
        if limit_bytes is not None and size_bytes > limit_bytes:
            logger.error(
                "audio of %.1f MB exceeds VOICE_MAX_MB and was not saved", size_bytes / 1e6
            )
            raise StorageFailed(
                f"the audio has {size_bytes / 1e6:.1f} MB, more than this server may keep"
            )
        with self._lock:
            if self._retention.admits(self._files + 1, self._bytes + size_bytes):
                return
            self._tidy(1, size_bytes)
            if self._retention.admits(self._files + 1, self._bytes + size_bytes):
                return
        raise StorageFailed("as much audio as this server may keep is being read at this moment")

    def _tidy(self, more_files: int, more_bytes: int) -> None:
        """Remove what exceeds the bounds once so much more is there. Needs the lock."""
        now_seconds = self._kept.now_seconds()
        kept = sorted(self._saved())
        self._files, self._bytes = len(kept), sum(each.size_bytes for each in kept)
        bounds = self._retention
        if not bounds.admits(self._files + more_files, self._bytes + more_bytes):
            bounds = bounds.shrunk()
        for each in kept:
            age_seconds = now_seconds - each.modified_seconds
            is_old = bounds.max_age_seconds is not None and age_seconds > bounds.max_age_seconds
            has_room = bounds.admits(self._files + more_files, self._bytes + more_bytes)
            if has_room and not is_old:
                return
            if each.name in self._reading:
                continue
            try:
                self._kept.remove(each.name)
            except OSError as error:
                logger.warning("old audio stays: %s", error)
                continue
            self._by_owner.removed(each.name, each.size_bytes)
            self._files -= 1
            self._bytes -= each.size_bytes

    def _saved(self) -> list[StoredFile]:
        try:
            return [each for each in self._kept.files() if AUDIO_NAME.fullmatch(each.name)]
        except OSError as error:
            logger.warning("saved audio is not looked through: %s", error)
            return []


def _check(filename: str) -> None:
    """Refuse a name that `save` does not give, before anything is looked for under it."""
    if AUDIO_NAME.fullmatch(filename) is None:
        raise _not_found()


def _owner_mark(owner: str | None) -> str | None:
    """Return what stands for an owner in the names of files, which others may see."""
    return None if owner is None else hashlib.sha256(owner.encode()).hexdigest()[:16]


def _mark_in(name: str) -> str | None:
    """Return what stands for the owner of a file in its name."""
    named = AUDIO_NAME.fullmatch(name)
    return None if named is None else named["owner"]


def _not_found() -> AudioNotFound:
    return AudioNotFound("there is no saved audio of that name")
