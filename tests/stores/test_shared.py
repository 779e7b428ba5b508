"""A folder that several servers share: each change is whole, and none of two is lost."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import StoreUnreachable
from app.stores.bucket import Bucket, ObjectChanged
from app.stores.changes import Change, OwnFolder
from app.stores.shared import ORPHAN_SECONDS, SharedFolder
from tests.stores.s3 import S3

Server = Callable[[str], SharedFolder]


@pytest.fixture
def url(s3: S3) -> str:
    return s3.bucket()


@pytest.fixture
def server(url: str, tmp_path: Path) -> Server:
    """Make the folder of one of several servers."""

    def opened(name: str) -> SharedFolder:
        folder = SharedFolder(Bucket(url), "voices", tmp_path / name)
        folder.recover()
        return folder

    return opened


def change(folder: SharedFolder, write: dict[str, bytes], *remove: str) -> None:
    folder.changing(lambda change: change(write, remove))


def contents(folder: SharedFolder) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.directory.iterdir()
        if not path.name.startswith(".")
    }


def test_others_see_what_one_does(server: Server) -> None:
    """Files come, change and go on all servers, together."""
    mine, other = server("mine"), server("other")
    change(mine, {"bob.wav": b"sound", "bob.json": b"words"})
    other.refresh()
    assert contents(other) == {"bob.wav": b"sound", "bob.json": b"words"}
    change(other, {"bert.wav": b"sound"}, "bob.wav", "bob.json")
    mine.refresh()
    assert contents(mine) == contents(other) == {"bert.wav": b"sound"}


def test_files_are_as_old_everywhere(server: Server) -> None:
    mine, other = server("mine"), server("other")
    change(mine, {"bob.wav": b"sound"})
    other.refresh()
    times = [(each.directory / "bob.wav").stat().st_mtime for each in (mine, other)]
    assert times[0] == times[1]


def test_a_new_server_has_all(server: Server) -> None:
    change(server("first"), {"bob.wav": b"sound"})
    assert contents(server("second")) == {"bob.wav": b"sound"}


def test_an_empty_store_takes_what_the_first_server_has(server: Server, tmp_path: Path) -> None:
    """Who goes from one server to several takes the voices along."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "anna.wav").write_bytes(b"sound")
    server("old")
    assert contents(server("new")) == {"anna.wav": b"sound"}


def test_what_somebody_put_there_by_hand_stays(server: Server, tmp_path: Path) -> None:
    """A store that has voices leaves those of a server's own folder alone, untaken."""
    mine = server("mine")
    change(mine, {"bob.wav": b"sound"})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "own.wav").write_bytes(b"own")
    other = server("other")
    assert contents(other) == {"bob.wav": b"sound", "own.wav": b"own"}
    change(other, {}, "bob.wav")
    mine.refresh()
    assert contents(mine) == {}
    assert contents(other) == {"own.wav": b"own"}


def test_what_went_while_a_server_was_off_is_gone(server: Server) -> None:
    mine, other = server("mine"), server("other")
    change(mine, {"bob.wav": b"sound", "anna.wav": b"sound"})
    other.refresh()
    change(mine, {}, "bob.wav")
    assert contents(server("other")) == {"anna.wav": b"sound"}


def test_two_that_change_at_once(server: Server) -> None:
    """Of two changes that were begun on the same list, the later looks again; both are kept."""
    mine, other = server("mine"), server("other")
    looked: list[dict[str, bytes]] = []

    def slow(change_mine: Change) -> None:
        if not looked:
            change(other, {"other.wav": b"other"})
        looked.append(contents(mine))
        change_mine({"mine.wav": b"mine"}, ())

    mine.changing(slow)
    assert looked == [{}, {"other.wav": b"other"}]
    other.refresh()
    assert contents(mine) == contents(other) == {"mine.wav": b"mine", "other.wav": b"other"}


def test_many_that_take_one_name(server: Server) -> None:
    """Whoever looks whether a name is free before taking it is alone with it."""
    servers = [server(f"server-{number}") for number in range(4)]
    got: list[int] = []

    def take(number: int) -> None:
        def if_free(change: Change) -> None:
            if "bob.wav" not in contents(servers[number]):
                change({"bob.wav": b"%d" % number}, ())
                got.append(number)

        servers[number].changing(if_free)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    for each in servers:
        each.refresh()
        assert contents(each) == {"bob.wav": b"%d" % got[0]}


def test_nothing_is_left_of_what_went(server: Server, s3: S3, url: str) -> None:
    """What was replaced or removed is gone from the store as well, at once."""
    mine = server("mine")
    change(mine, {"bob.wav": b"sound"})
    change(mine, {"bob.wav": b"other"})
    change(mine, {}, "bob.wav")
    assert s3.keys(url) == {"voices/list.json", ".clock"}


def test_what_a_crash_left_is_swept(server: Server, s3: S3, url: str) -> None:
    """Objects that no list names go once they are old."""
    change(server("mine"), {"bob.wav": b"sound"})
    named = s3.keys(url)
    for name in ("old", "young"):
        Bucket(url).put(f"voices/files/{name}", b"half a change")
    s3.age(url, "voices/files/old", ORPHAN_SECONDS + 10)
    server("mine")
    assert s3.keys(url) == named | {"voices/files/young"}


def test_an_answer_that_is_lost(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that was made, though the store was not heard to say so, is not made twice."""
    mine, other = server("mine"), server("other")
    replace = Bucket.replace

    def unheard(self: Bucket, key: str, data: bytes, tag: str | None) -> str | None:
        replace(self, key, data, tag)
        raise ObjectChanged(key)

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "replace", unheard)
        change(mine, {"bob.wav": b"sound"})
    other.refresh()
    assert contents(mine) == contents(other) == {"bob.wav": b"sound"}


def test_a_store_that_goes(server: Server, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there stays there; a change is refused, and works once the store is back."""
    monkeypatch.setattr("app.stores.bucket.RETRY_SECONDS", 0.1)
    mine = server("mine")
    change(mine, {"bob.wav": b"sound"})
    s3.go()
    try:
        with pytest.raises(StoreUnreachable):
            change(mine, {"anna.wav": b"sound"})
        assert contents(mine) == {"bob.wav": b"sound"}
    finally:
        s3.come()
    change(mine, {"anna.wav": b"sound"})
    assert set(contents(mine)) == {"anna.wav", "bob.wav"}


def test_an_answer_that_is_lost_and_another_change(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch, s3: S3
) -> None:
    """Nor is it when another server has changed something else by the time that one looks."""
    mine, other = server("mine"), server("other")
    replace = Bucket.replace

    def unheard(self: Bucket, key: str, data: bytes, tag: str | None) -> str | None:
        monkeypatch.setattr(Bucket, "replace", replace)
        replace(self, key, data, tag)
        change(other, {"anna.wav": b"hers"})
        raise ObjectChanged(key)

    monkeypatch.setattr(Bucket, "replace", unheard)
    change(mine, {"bob.wav": b"his"})
    other.refresh()
    assert contents(mine) == contents(other) == {"anna.wav": b"hers", "bob.wav": b"his"}
    assert len([key for key in s3.keys(url) if "/files/" in key]) == 2


@pytest.mark.parametrize("what", ["the list", "an object"])
def test_a_store_that_lost_something(server: Server, s3: S3, url: str, what: str) -> None:
    """What is on the disk stays, for it may be all that is left; nothing waits for ever."""
    mine, other = server("mine"), server("other")
    change(mine, {"bob.wav": b"his"})
    keys = [each for each in s3.keys(url) if each.endswith("list.json") == (what == "the list")]
    Bucket(url).remove(*keys)
    looks = other if what == "an object" else mine
    with pytest.raises(StoreUnreachable, match="is damaged"):
        looks.refresh()
    assert contents(mine) == {"bob.wav": b"his"}


def test_a_change_that_this_disk_does_not_take(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made, for the store has the say: nobody is told otherwise, and it comes later."""
    mine, other = server("mine"), server("other")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(OwnFolder, "change", full)
        change(mine, {"bob.wav": b"sound"})
    other.refresh()
    assert contents(other) == {"bob.wav": b"sound"}
    assert contents(mine) == {}
    mine.refresh()
    assert contents(mine) == {"bob.wav": b"sound"}
    change(mine, {}, "bob.wav")
    other.refresh()
    assert contents(mine) == contents(other) == {}


def test_a_store_that_goes_after_a_change(
    server: Server, s3: S3, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was replaced stays in the store for a while, but the change was made."""
    mine = server("mine")
    change(mine, {"bob.wav": b"sound"})

    def gone(*_: object) -> None:
        raise StoreUnreachable("it is away", retry_after_seconds=1.0)

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "remove", gone)
        change(mine, {}, "bob.wav")
    assert contents(mine) == {}
    (left,) = (key for key in s3.keys(url) if "/files/" in key)
    s3.age(url, left, ORPHAN_SECONDS + 10)
    server("other")
    assert not [key for key in s3.keys(url) if "/files/" in key]
