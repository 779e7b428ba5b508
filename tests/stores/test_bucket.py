"""Large objects go through little memory, and none takes the place of another."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.stores.bucket import _WHOLE_BYTES, Bucket
from tests.stores.s3 import S3

LARGE_BYTES = 160 << 20
MOST_BYTES = 64 << 20
CHILD = """
import resource, sys
from pathlib import Path
from app.stores.bucket import Bucket

url, way, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
bucket = Bucket(url)
bucket.check()

def most_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = most_bytes()
if way == "add":
    with (folder / "large").open("rb") as file:
        bucket.add("large", file)
elif way == "put":
    bucket.put("large", folder / "large")
else:
    bucket.fetch("large", folder / "fetched")
print(most_bytes() - before)
"""


@pytest.mark.parametrize("ways", [("add", "fetch"), ("put", "fetch")])
def test_memory(s3: S3, tmp_path: Path, ways: tuple[str, str]) -> None:
    """An object is sent and fetched in parts, whatever its size is."""
    url = s3.bucket()
    with (tmp_path / "large").open("wb") as file:
        for number in range(LARGE_BYTES >> 20):
            file.write(bytes([number]) * (1 << 20))
    for way in ways:
        command = [sys.executable, "-c", CHILD, url, way, str(tmp_path)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
        assert int(told.stdout) < MOST_BYTES, way
    assert (tmp_path / "fetched").stat().st_size == LARGE_BYTES
    with (tmp_path / "fetched").open("rb") as file:
        for number in range(0, LARGE_BYTES >> 20, 13):
            file.seek(number << 20)
            assert file.read(1) == bytes([number])


@pytest.mark.parametrize("size_bytes", [10, _WHOLE_BYTES + 1])
def test_none_takes_the_place_of_another(s3: S3, size_bytes: int) -> None:
    """Not even one that is sent in parts, which the store would not refuse."""
    bucket = Bucket(s3.bucket())
    bucket.add("one", io.BytesIO(b"1" * size_bytes))
    with pytest.raises(FileExistsError):
        bucket.add("one", io.BytesIO(b"2" * size_bytes))
    found = bucket.read("one")
    assert found is not None
    assert found.data == b"1" * size_bytes


def test_folders(s3: S3) -> None:
    """They are those under the address of the bucket, without what lies beside them."""
    url = s3.bucket()
    here = Bucket(f"{url}/jobs")
    for key in ("a/1", "a/b/2", "c/3", "alone"):
        here.put(key, b"")
    Bucket(url).put("elsewhere/4", b"")
    assert sorted(here.folders()) == ["a", "c"]
