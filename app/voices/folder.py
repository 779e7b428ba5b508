"""The folder of voices, changed in steps that happen whole or not at all.

A voice is up to three files (sound, details, an older sound that is replaced), and no system
renames three files at once. So a change is first written into a folder of its own, together with
the plan of what it replaces, and synced; renaming that folder commits it. What a crash leaves is
either an uncommitted folder, which is swept, or a committed one, whose plan the next start carries
out.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.errors import StorageFailed
from app.voices.listing import VoiceFiles, voice_paths

logger = logging.getLogger(__name__)

DETAILS_SUFFIX = ".json"

_CHANGE = ".change-"
_UNCOMMITTED = ".partial"
_PLAN = "plan.json"
_STALE_SECONDS = 3600


class Change:
    """New files on their way into the folder. Nothing is visible before `commit`."""

    def __init__(self, directory: Path, lock: threading.Lock) -> None:
        self._target = directory
        self._lock = lock
        self._committed = directory / f"{_CHANGE}{secrets.token_hex(8)}"
        self.folder = self._committed.with_name(self._committed.name + _UNCOMMITTED)
        """where files can be looked at before the commit"""
        self.folder.mkdir(parents=True)

    def add(self, filename: str, data: bytes) -> Path:
        path = self.folder / filename
        path.write_bytes(data)
        return path

    def commit(self, remove: Collection[str] = ()) -> None:
        """Make the added files part of the folder, and take the files named in `remove` away."""
        added = sorted(path.name for path in self.folder.iterdir())
        plan = {"add": added, "remove": sorted(set(remove) - set(added))}
        self.add(_PLAN, json.dumps(plan).encode())
        for path in self.folder.iterdir():
            sync(path)
        sync(self.folder)
        with self._lock:
            self.folder.rename(self._committed)
            sync(self._target)
            _carry_out(self._committed)

    def drop(self) -> None:
        """Forget what was not committed."""
        shutil.rmtree(self.folder, ignore_errors=True)


class VoiceFolder:
    """Files of voices under `directory`. Blocks; safe to use from any thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files = VoiceFiles(directory)
        self._lock = threading.Lock()

    def recover(self) -> None:
        """Finish what was committed before a crash, and sweep what was not.

        Another server may share the folder, so uncommitted changes are swept once they are old.
        """
        if not self.directory.is_dir():
            return
        with self._lock:
            for path in sorted(self.directory.glob(f"{_CHANGE}*")):
                if path.name.endswith(_UNCOMMITTED):
                    if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                        shutil.rmtree(path, ignore_errors=True)
                    continue
                logger.warning("finishing a change of voices that was interrupted")
                _carry_out(path)

    def voices(self) -> Mapping[str, Path]:
        """Name → the file that is this voice."""
        with self._lock:
            return self._files.by_name()

    def files_of(self, name: str) -> list[str]:
        """Names of all files that belong to the voice, its details among them."""
        with self._lock:
            found = [path.name for path in voice_paths(self.directory) if path.stem == name]
            details = self.details_path(name)
            return [*found, details.name] if details.is_file() else found

    def details_path(self, name: str) -> Path:
        return self.directory / f"{name}{DETAILS_SUFFIX}"

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A change to fill and commit; without a commit it leaves nothing behind.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            change = Change(self.directory, self._lock)
            try:
                yield change
            finally:
                change.drop()
        except OSError as error:
            raise StorageFailed(f"the voice cannot be saved: {error.strerror}") from error


def _carry_out(committed: Path) -> None:
    """Do what a committed plan says; harmless where part of it was done before."""
    target = committed.parent
    if not (committed / _PLAN).exists():  # a crash while the folder was being removed
        shutil.rmtree(committed)
        return
    plan = json.loads((committed / _PLAN).read_bytes())
    for filename in _plain_names(plan["add"]):
        if (committed / filename).exists():
            (committed / filename).replace(target / filename)
    added = [target / filename for filename in plan["add"]]
    for filename in _plain_names(plan["remove"]):
        # Where case does not count, a voice renamed from Bob to bob is still the same file.
        if not any(_is_same_file(target / filename, new) for new in added):
            (target / filename).unlink(missing_ok=True)
    sync(target)
    shutil.rmtree(committed)


def _is_same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _plain_names(names: list[str]) -> list[str]:
    if any(Path(name).name != name for name in names):
        raise ValueError("a change of voices names files outside its folder")
    return names


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # Windows does not open folders
    # Windows syncs only what was opened for writing.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
