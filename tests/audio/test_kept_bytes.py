"""What each owner keeps is counted without looking through all files for each save."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from app.audio.kept_bytes import COUNTED_SECONDS, BytesByOwner
from app.audio.storage import AudioStore, Retention
from app.owners import Viewer
from app.stores.files import StoredFile
from tests.stores.kept import Kept


class Store:
    """Is a store with a clock, which counts how often it is looked through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: dict[str, int] = {}
        self.looks = 0
        self.now_seconds = 0.0
        self.meanwhile: Callable[[], None] = lambda: None
        clock = SimpleNamespace(monotonic=lambda: self.now_seconds)
        monkeypatch.setattr("app.audio.kept_bytes.time", clock)
        self.counted = BytesByOwner(self.look, lambda name: name[0])

    def look(self) -> Iterator[StoredFile]:
        self.looks += 1
        for name, size_bytes in dict(self.files).items():
            self.meanwhile()
            yield StoredFile(0.0, name, size_bytes)

    def save(self, name: str, size_bytes: int) -> None:
        self.files[name] = size_bytes
        self.counted.saved(name, size_bytes)

    def remove(self, name: str) -> None:
        self.counted.removed(name, self.files.pop(name))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(monkeypatch)
    made.files = {"a1": 10, "a2": 20, "b1": 5}
    return made


def test_what_is_done_here_counts_at_once(store: Store) -> None:
    assert [store.counted.of(owner) for owner in "abc"] == [30, 5, 0]
    store.save("a3", 100)
    store.remove("a1")
    store.save("b2", 1)
    store.remove("b2")
    assert [store.counted.of(owner) for owner in "abc"] == [120, 5, 0]
    assert store.looks == 1


def test_what_others_do_counts_soon(store: Store) -> None:
    assert store.counted.of("a") == 30
    store.save("a3", 100)
    store.files |= {"a4": 1000}
    assert store.counted.of("a") == 130
    store.now_seconds += COUNTED_SECONDS + 1
    assert store.counted.of("a") == 1130
    assert store.looks == 2
    store.now_seconds += COUNTED_SECONDS + 1
    assert store.counted.of("a") == 1130


@pytest.mark.parametrize("is_seen", [True, False])
def test_what_is_saved_during_a_look_counts_once(store: Store, is_seen: bool) -> None:
    """Whether or not the look has seen it."""

    def save() -> None:
        store.meanwhile = lambda: None
        store.counted.saved("a2" if is_seen else "a9", 20)

    store.meanwhile = save
    if not is_seen:
        del store.files["a2"]
    assert store.counted.of("a") == 30
    store.files |= {"a2": 20}


def test_saved_audio(kept: Kept) -> None:
    """It is counted by whose it is; audio that makes room for other counts no longer."""
    viewer = Viewer("alice", "own")
    saved = AudioStore(kept.files(), Retention(max_bytes=250), who_asks=lambda: viewer)
    saved.open()
    saved.save(io.BytesIO(bytes(100)), ".wav")
    assert (saved.bytes_of("alice"), saved.bytes_of("bob")) == (100, 0)
    time.sleep(1.1)  # a store knows what is older by whole seconds
    viewer = Viewer("bob", "own")
    saved.save(io.BytesIO(bytes(60)), ".wav")
    assert (saved.bytes_of("alice"), saved.bytes_of("bob")) == (100, 60)
    saved.save(io.BytesIO(bytes(140)), ".wav")
    assert (saved.bytes_of("alice"), saved.bytes_of("bob")) == (0, 200)


def test_a_store_is_not_listed_with_each_save(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many saves in a row look through it once."""
    saved = AudioStore(kept.files(), who_asks=lambda: Viewer("alice", "own"))
    saved.open()
    looks = 0
    files = type(saved._kept).files

    def looked(self: object) -> Iterator[StoredFile]:
        nonlocal looks
        looks += 1
        return files(self)  # type: ignore[arg-type]

    monkeypatch.setattr(type(saved._kept), "files", looked)
    for number in range(5):
        name = saved.save(io.BytesIO(bytes(10)), ".wav")
        assert saved.bytes_of("alice") == 10 * (number + 1)
    saved.remove(name)
    assert saved.bytes_of("alice") == 40
    assert looks == 1
