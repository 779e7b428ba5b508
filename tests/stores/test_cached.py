"""The cache of what a store has stays within its bytes, and lets go of nothing that is read."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path

import pytest

from app.stores.bucket import Bucket
from app.stores.cached import FilesInBucket
from tests.stores.s3 import S3

NAMES = re.compile(r"[a-z]\.wav")
SIZE_BYTES = 100


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def files(s3: S3, cache: Path) -> FilesInBucket:
    """Six files in a store, of which three have room in the cache."""
    made = FilesInBucket(Bucket(s3.bucket()), cache, names=NAMES, cache_bytes=3 * SIZE_BYTES)
    made.open()
    for name in "abcdef":
        made.add(f"{name}.wav", io.BytesIO(name.encode() * SIZE_BYTES), None)
    return made


def fetched(files: FilesInBucket, *names: str) -> None:
    for name in names:
        assert files.path_of(f"{name}.wav").read_bytes() == name.encode() * SIZE_BYTES
        time.sleep(0.02)  # no clock of a disk is finer than that


def there(cache: Path) -> str:
    return "".join(sorted(each.stem for each in cache.iterdir()))


def test_what_was_asked_for_longest_ago_goes(files: FilesInBucket, cache: Path) -> None:
    fetched(files, "a", "b", "c")
    assert there(cache) == "abc"
    fetched(files, "a", "d")
    assert there(cache) == "acd"
    fetched(files, "e", "f", "b")
    assert there(cache) == "bef"


def test_what_is_read_stays(files: FilesInBucket, cache: Path) -> None:
    """Others go instead; once it is read to its end it goes in its turn."""
    fetched(files, "a")
    with files.reading("a.wav") as path, path.open("rb") as sound:
        fetched(files, "b", "c", "d", "e")
        assert there(cache) == "ade"
        assert sound.read() == b"a" * SIZE_BYTES
    fetched(files, "f")
    assert there(cache) == "def"
    with pytest.raises(FileNotFoundError), files.reading("a.wav"):
        pass


def test_what_is_larger_than_the_cache(files: FilesInBucket, cache: Path) -> None:
    """It is given out all the same, and takes the place of all others until the next one comes."""
    fetched(files, "a", "b")
    files.add("z.wav", io.BytesIO(b"z" * 4 * SIZE_BYTES), None)
    assert files.path_of("z.wav").stat().st_size == 4 * SIZE_BYTES
    assert there(cache) == "z"
    fetched(files, "c")
    assert there(cache) == "c"


def test_what_lies_beside_stays(files: FilesInBucket, cache: Path) -> None:
    """Files of other names are none of the cache's, whatever their size."""
    (cache / "notes.txt").write_bytes(bytes(10 * SIZE_BYTES))
    os.utime(cache / "notes.txt", (0, 0))
    fetched(files, "a", "b")
    assert there(cache) == "abnotes"


def test_what_was_removed_elsewhere(files: FilesInBucket, cache: Path, s3: S3) -> None:
    """A copy that is here is not given out any more, and goes."""
    fetched(files, "a")
    files._bucket.remove("a.wav")
    with pytest.raises(FileNotFoundError):
        files.path_of("a.wav")
    assert there(cache) == ""
