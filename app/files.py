"""Writes files so that they appear whole or not at all, whatever breaks meanwhile.

A file that is being written has a hidden name, `.NAME.<8 hex>.partial`, in the folder where it will
stand. Once its contents are on the disk, it is renamed: a crash leaves the old file or the new one.
While a process writes, it holds a lock that ends when the process does, so that a sweep can tell a
leftover from what another server or a command is still writing.

Everything here blocks and raises OSError where the disk refuses, but for temporary files, of which
callers are told with StorageFailed.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from app.errors import StorageFailed

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

LEFTOVER_SECONDS = 3600.0
"""A sweep removes a partial file only if it has been left alone for so long."""

CANNOT_WRITE = "this server cannot write temporary files"

_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.partial", re.DOTALL)
_CHANGE = ".change-"
# No file that is changed may have this name; those of voices never begin with a dot.
_PLAN = ".plan.json"
_PLAN_OF_0_1 = "plan.json"


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a file does; None if it cannot be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def write_whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file at once; what was there before stays until all of `data` is on the disk.

    Args:
        mode: the permissions of the file, before anything is in it; None for what is usual here.
    """
    with partial_file(path) as partial:
        if mode is not None:
            partial.chmod(mode)
        partial.write_bytes(data)


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Make an empty file to write into, which becomes `path` at the end of the block.

    An error in the block leaves `path` as it was, and nothing else.
    """
    partial = _partial_beside(path)
    try:
        partial.touch(exist_ok=False)
        with _in_use(partial):
            yield partial
            sync(partial)
            partial.replace(path)
        sync(path.parent)
    finally:
        with suppress(OSError):  # the error that led here says more
            partial.unlink(missing_ok=True)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Change a file alone: others who do so, in any process, wait for the end of the block.

    What is locked is its folder, since a file that is written whole is a new one each time. Where
    there are no locks, such as on Windows, nobody waits.
    """
    with ExitStack() as held:
        with suppress(_NoLocks):
            held.enter_context(_locked(path.parent, wait=True))
        yield


@contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone, until the end of the block.

    Where there are no locks, such as on Windows, everybody has it.

    Raises:
        BlockingIOError: another process, or another part of this one, has it.
    """
    with ExitStack() as held:
        with suppress(_NoLocks):
            held.enter_context(_locked(folder, wait=False))
        yield


@contextmanager
def scratch_file() -> Iterator[IO[bytes]]:
    """Make a temporary file without a name, for the block.

    Raises:
        StorageFailed: the disk refuses it, or what the block writes.
    """
    with _scratch(), tempfile.TemporaryFile() as file:
        yield file


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder for the block; raises StorageFailed as `scratch_file` does."""
    with _scratch(), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def storage_failed(what: str, error: OSError) -> StorageFailed:
    """Log that something cannot be kept or removed, and make the error that says so.

    Args:
        what: says so in words for the caller, who is told no path.
    """
    logger.error("%s: %s", what, error)
    return StorageFailed(f"{what}: {error.strerror}")


def scratch_failed(error: OSError) -> StorageFailed:
    """Log that a temporary file cannot be made or written, and make the error that says so."""
    logger.error("a temporary file cannot be written: %s", error)
    return StorageFailed(f"{CANNOT_WRITE}: {error.strerror or 'there is no folder for them'}")


@contextmanager
def _scratch() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise scratch_failed(error) from error


def is_partial(path: Path) -> bool:
    """Tell by its name whether a file or folder is still being written."""
    return _PARTIAL.fullmatch(path.name) is not None


def sweep(directory: Path) -> None:
    """Remove what interrupted writes left in a folder, if there is such a folder.

    A leftover has the name of a partial file, is more than an hour old, and nobody holds its lock.
    What cannot be locked or removed stays, and the log says so.
    """
    try:
        leftovers = [path for path in directory.iterdir() if is_partial(path)]
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("unfinished files are not looked for: %s", error)
        return
    for path in leftovers:
        _remove_leftover(path)


def commit_change(directory: Path, write: Mapping[str, bytes], remove: Collection[str]) -> Path:
    """Commit to writing some files of a folder and removing others, which `carry_out` then does.

    No system renames several files at once. So all of them are first written into a folder of their
    own, together with the plan of what they replace. Once that folder has its name, a crash only
    delays the change: the next start finds it with `committed_changes`.

    Args:
        write: contents by file name; they take the place of files of that name.

    Returns:
        The folder for `carry_out`.
    """
    committed = directory / f"{_CHANGE}{secrets.token_hex(8)}"
    plan = {"add": sorted(write), "remove": sorted(set(remove) - set(write))}
    partial = _partial_beside(committed)
    try:
        partial.mkdir(parents=True)
        with _in_use(partial):
            for name, data in {**write, _PLAN: json.dumps(plan).encode()}.items():
                (partial / name).write_bytes(data)
                sync(partial / name)
            sync(partial)
            partial.rename(committed)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sync(directory)
    return committed


def committed_changes(directory: Path) -> list[Path]:
    """List the changes of a folder that were decided on and not carried out to their end."""
    # An older server that still writes gives its partial folder a shorter name.
    return sorted(path for path in directory.glob(f"{_CHANGE}*") if path.suffix != ".partial")


def carry_out(committed: Path) -> None:
    """Do what a committed change says, or whatever of it was not done before.

    Raises:
        ValueError: the plan names files outside its folder.
    """
    # A server that starts meanwhile finds the change too, and must not still be at it once this one
    # goes on to the next change of the same files.
    with ExitStack() as held:
        with suppress(FileNotFoundError, _NoLocks):
            held.enter_context(_locked(committed, wait=True))
        if committed.exists():
            _move_into_place(committed)


def _move_into_place(committed: Path) -> None:
    target = committed.parent
    plans = [path for name in (_PLAN, _PLAN_OF_0_1) if (path := committed / name).exists()]
    if plans:  # if not, a crash came while the folder was being removed
        plan = json.loads(plans[0].read_bytes())
        for name in _plain(plan["add"]):
            if (committed / name).exists():
                (committed / name).replace(target / name)
        added = [target / name for name in plan["add"]]
        for name in _plain(plan["remove"]):
            # Where case does not count, a file renamed from Bob to bob is still the same file.
            if not any(_is_same_file(target / name, new) for new in added):
                (target / name).unlink(missing_ok=True)
        sync(target)
    shutil.rmtree(committed)


def _is_same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _plain(names: list[str]) -> list[str]:
    if any(Path(name).name != name for name in names):
        raise ValueError("a change of files names some outside its folder")
    return names


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name != "posix" and path.is_dir():
        return  # Windows does not open folders
    with _opened(path) as descriptor:
        os.fsync(descriptor)


def _partial_beside(path: Path) -> Path:
    # The longest name that a system takes is 255 bytes, and a character has up to four of them.
    return path.with_name(f".{path.name.lstrip('.')[:50]}.{secrets.token_hex(4)}.partial")


def _remove_leftover(path: Path) -> None:
    try:
        status = path.lstat()
        is_folder = stat.S_ISDIR(status.st_mode)
        if time.time() - status.st_mtime <= LEFTOVER_SECONDS:
            return
        if is_folder or stat.S_ISREG(status.st_mode):
            with _locked(path, wait=False):
                shutil.rmtree(path) if is_folder else path.unlink()
    except (BlockingIOError, FileNotFoundError):
        pass  # it is being written, or another server was quicker
    except OSError as error:
        logger.warning("a file that was never finished stays: %s", error)


@contextmanager
def _in_use(path: Path) -> Iterator[None]:
    """Keep sweeps away, if this file system has locks; where it has none, they remove nothing."""
    with ExitStack() as held:
        with suppress(_NoLocks):
            held.enter_context(_locked(path, wait=False))
        yield


class _NoLocks(OSError):
    """Says that the file system cannot lock a file, as some network file systems cannot."""


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock of a file or folder. It ends with the process, however that ends.

    Windows needs none for files, as it does not remove what is open.

    Raises:
        BlockingIOError: another process holds it, and `wait` is false.
        _NoLocks: it cannot be locked.
    """
    if sys.platform == "win32":
        yield
        return
    with _opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError as error:
            raise _NoLocks(error.errno, f"{path} cannot be locked: {error.strerror}") from error
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Windows syncs, and NFS locks, only what was opened for writing.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
