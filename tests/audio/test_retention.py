"""Saved audio is bounded by age, bytes and count, and what is being read stays."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio import storage
from app.audio.storage import AudioStore
from app.errors import AudioNotFound, StorageFailed
from tests.stores.kept import Kept, KeptInFolder, opened

HOUR_SECONDS = 3600.0


def saved(store: AudioStore, kept: Kept, *, hours_ago: float, size_bytes: int = 10) -> str:
    name = store.save(BytesIO(bytes(size_bytes)), ".mp3")
    kept.age(name, hours_ago * HOUR_SECONDS)
    return name


def test_old_audio_goes_and_younger_stays(kept: Kept) -> None:
    """Tidying removes what is older than its age, and nothing else."""
    store = opened(kept, max_age_seconds=2 * HOUR_SECONDS)
    saved(store, kept, hours_ago=3)
    young = saved(store, kept, hours_ago=1)
    kept.put("notes.txt")
    kept.age("notes.txt", 10**9)
    store.tidy()
    assert kept.names() == {young, "notes.txt"}


def test_old_audio_goes_at_the_start(kept: Kept) -> None:
    """A server that was off for long begins with a tidy folder."""
    saved(opened(kept), kept, hours_ago=3)
    opened(kept, max_age_seconds=HOUR_SECONDS)
    assert kept.names() == set()


@settings(deadline=None, max_examples=25)
@given(sizes=st.lists(st.integers(0, 120), min_size=1, max_size=25))
def test_bounds_hold_after_every_save(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    """However much is saved, no more files or bytes are there than allowed, and the last is."""
    kept = KeptInFolder(tmp_path_factory.mktemp("saved"))
    store = opened(kept, max_bytes=300, max_files=4)
    for number, size_bytes in enumerate(sizes):
        name = saved(store, kept, hours_ago=1 - number / 1000, size_bytes=size_bytes)
        there = list(kept.folder.iterdir())
        assert len(there) <= 4
        assert sum(path.stat().st_size for path in there) <= 300
        assert store.path_of(name).exists()


def test_the_oldest_goes_first(kept: Kept) -> None:
    """Of too many files the youngest stay."""
    store = opened(kept, max_files=3)
    names = [saved(store, kept, hours_ago=10 - hour) for hour in range(5)]
    assert kept.names() == set(names[-3:]) or kept.names() == set(names[-2:])


def test_audio_that_is_read_stays(kept: Kept) -> None:
    """A file that is being sent is not removed under its reader, though it is the oldest."""
    store = opened(kept, max_files=2)
    oldest = saved(store, kept, hours_ago=9)
    store.path_of(oldest)
    with store.reading(oldest) as path:
        for _ in range(3):
            saved(store, kept, hours_ago=1)
        assert path.read_bytes() == bytes(10)
    saved(store, kept, hours_ago=0)
    with pytest.raises(AudioNotFound):
        store.path_of(oldest)


def test_no_room_while_everything_is_read(kept: Kept) -> None:
    """If all that may be kept is being read, new audio is refused: the bounds hold."""
    store = opened(kept, max_files=1)
    name = store.save(BytesIO(b"sound"), ".mp3")
    store.path_of(name)
    with (
        store.reading(name),
        pytest.raises(StorageFailed, match="read"),
    ):
        store.save(BytesIO(b"more"), ".mp3")
    assert store.save(BytesIO(b"more"), ".mp3")


def test_audio_larger_than_all_that_is_kept_is_refused(kept: Kept) -> None:
    """A file that would have to go at once is refused, and takes nothing else with it."""
    store = opened(kept, max_bytes=100)
    name = store.save(BytesIO(bytes(60)), ".mp3")
    with pytest.raises(StorageFailed, match="more than this server may keep"):
        store.save(BytesIO(bytes(101)), ".mp3")
    assert kept.names() == {name}


def test_several_servers_share_a_folder(kept: Kept) -> None:
    """What another server saved counts too, once this one looks."""
    mine, other = opened(kept, max_files=4), opened(kept, max_files=4)
    for _ in range(4):
        saved(other, kept, hours_ago=2)
    mine.tidy()
    saved(mine, kept, hours_ago=1)
    assert len(kept.names()) <= 4


def test_saves_side_by_side(kept: Kept) -> None:
    """Many threads that save at once leave whole files, within the bounds and counted right."""
    store = opened(kept, max_files=8)
    threads = [
        threading.Thread(
            target=lambda: [store.save(BytesIO(bytes(100)), ".mp3") for _ in range(10)]
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.save(BytesIO(bytes(100)), ".mp3")
    assert 1 <= len(kept.names()) <= 8
    assert {store.path_of(name).stat().st_size for name in kept.names()} == {100}


def test_saves_at_the_same_moment(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds hold as well once several are saved that all found the same last room."""
    store = opened(kept, max_files=3)
    for _ in range(2):
        kept.age(store.save(BytesIO(b"old"), ".mp3"), 60.0)
    meet = threading.Barrier(4, timeout=5)
    write = AudioStore._write

    def written_together(*args: Any) -> None:
        meet.wait()
        write(*args)

    monkeypatch.setattr(AudioStore, "_write", written_together)
    threads = [
        threading.Thread(target=store.save, args=(BytesIO(b"new"), ".mp3")) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(kept.names()) <= 3
    assert {store.path_of(name).read_bytes() for name in kept.names()} == {b"new"}


def test_removed_audio_makes_room(kept: Kept) -> None:
    """A file that was removed on purpose is gone, and its room is free."""
    store = opened(kept, max_files=2)
    first, second = store.save(BytesIO(b"1"), ".mp3"), store.save(BytesIO(b"2"), ".mp3")
    store.remove(first)
    with pytest.raises(AudioNotFound):
        store.remove(first)
    third = store.save(BytesIO(b"3"), ".mp3")
    assert kept.names() == {second, third}


@contextmanager
def free_bytes(monkeypatch: pytest.MonkeyPatch, free: int) -> Iterator[None]:
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: type(usage)(usage.total, usage.used, free))
        yield


def test_a_full_disk_is_noticed_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audio that would not fit is refused before it is made."""
    store = opened(KeptInFolder(tmp_path))
    store.require_room(1000)
    with free_bytes(monkeypatch, 999), pytest.raises(StorageFailed, match="too full"):
        store.require_room(1000)


def test_a_folder_that_cannot_be_made_is_noticed_before_the_work(tmp_path: Path) -> None:
    """Where a file stands in the place of the folder, nothing is spoken in vain."""
    store = opened(KeptInFolder(tmp_path / "saved"))
    (tmp_path / "saved").rmdir()
    (tmp_path / "saved").touch()
    with pytest.raises(StorageFailed):
        store.require_room(1)


async def test_a_running_server_tidies_by_itself(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audio that grows too old while the server runs goes without anybody asking."""
    monkeypatch.setattr(storage, "TIDY_SECONDS", 0.01)
    store = opened(kept, max_age_seconds=HOUR_SECONDS)
    saved(store, kept, hours_ago=2)
    async with store.kept_tidy():
        async with asyncio.timeout(5):
            while kept.names():  # noqa: ASYNC110 - a folder has no event
                await asyncio.sleep(0.01)


def test_who_reads_waits_for_no_tidying(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop may begin to read while a store is asked what there is."""
    store = opened(kept, max_files=2)
    name = store.save(BytesIO(b"sound"), ".mp3")
    store.path_of(name)
    asked, go_on = threading.Event(), threading.Event()
    saved = AudioStore._saved

    def slow(self: AudioStore) -> Any:
        asked.set()
        assert go_on.wait(10)
        return saved(self)

    monkeypatch.setattr(AudioStore, "_saved", slow)
    tidying = threading.Thread(target=store.tidy)
    tidying.start()
    assert asked.wait(5)
    began = time.monotonic()
    with store.reading(name) as path:
        assert path.read_bytes() == b"sound"
    assert time.monotonic() - began < 5
    go_on.set()
    tidying.join()
