"""Files that can be made again, bounded in bytes."""

from __future__ import annotations

import os
from pathlib import Path

from app.voices.kept_files import KeptFiles


def keep(files: KeptFiles, name: str, data: bytes) -> None:
    def write(path: Path) -> None:
        path.write_bytes(data)

    files.keep(name, write)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_kept(tmp_path: Path) -> None:
    """What was kept is found; what was not is not."""
    files = KeptFiles(tmp_path / "kept", 100)
    assert files.find("a") is None
    keep(files, "a", b"data")
    found = files.find("a")
    assert found is not None
    assert found.read_bytes() == b"data"


def test_least_recently_used_leave(tmp_path: Path) -> None:
    """Once there are too many bytes, those that were used longest ago go."""
    files = KeptFiles(tmp_path, 100)
    for age, name in enumerate("cba"):
        keep(files, name, bytes(30))
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    assert files.find("c") is not None
    keep(files, "d", bytes(30))
    assert names(tmp_path) == {"a", "c", "d"}


def test_too_large(tmp_path: Path) -> None:
    """What is larger than everything may be is not kept and drives nothing out."""
    files = KeptFiles(tmp_path, 100)
    keep(files, "a", bytes(50))
    keep(files, "b", bytes(101))
    assert names(tmp_path) == {"a"}


def test_half_written(tmp_path: Path) -> None:
    """A disk that refuses leaves nothing behind and harms nobody."""

    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    files = KeptFiles(tmp_path, 100)
    files.keep("a", broken)
    assert names(tmp_path) == set()


def test_leftovers(tmp_path: Path) -> None:
    """What a crash left is swept once it is old; what somebody still writes stays, uncounted."""
    (tmp_path / ".a.01234567.partial").write_bytes(b"x")
    os.utime(tmp_path / ".a.01234567.partial", (1000, 1000))
    (tmp_path / ".b.01234567.partial").write_bytes(bytes(200))
    keep(KeptFiles(tmp_path, 100), "a", b"x")
    assert names(tmp_path) == {"a", ".b.01234567.partial"}


def test_forget(tmp_path: Path) -> None:
    """Everything whose name begins so goes."""
    files = KeptFiles(tmp_path, 100)
    for name in ("ab-1", "ab-2", "b-1"):
        keep(files, name, b"x")
    files.forget("ab")
    assert names(tmp_path) == {"b-1"}
