"""Saved audio appears whole under a name nobody can guess, and only such names can be opened."""

from __future__ import annotations

import os
import re
import time
from io import BytesIO
from pathlib import Path

import pytest

from app.audio.storage import AUDIO_NAME, AudioStore
from app.errors import AudioNotFound, StorageFailed
from app.stores.folder import FilesInFolder
from tests.stores.kept import Kept, KeptInFolder, opened


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "new" / "voice"


@pytest.fixture
def store(directory: Path) -> AudioStore:
    """Audio in a folder, for what only a disk can do."""
    return opened(KeptInFolder(directory))


def test_what_was_saved_can_be_opened_by_its_name(kept: Kept) -> None:
    store = opened(kept)
    name = store.save(BytesIO(b"sound"), ".mp3")
    assert re.fullmatch(r"audio_\d{10}_[0-9a-f]{32}\.mp3", name)
    assert store.path_of(name).read_bytes() == b"sound"
    assert kept.names() == {name}


def test_names_do_not_repeat(kept: Kept) -> None:
    store = opened(kept)
    assert len({store.save(BytesIO(b""), ".wav") for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "secret.txt",
        "../secret.txt",
        "/etc/passwd",
        "audio_1_" + "0" * 32 + ".mp3/../../secret.txt",
        "audio_1_" + "0" * 32 + ".mp3\n",
        "audio_1_" + "0" * 32 + ".mp3\0",
        "audio_١_" + "0" * 32 + ".mp3",
        "audio_1_" + "0" * 32 + ".mp3",
        "AUDIO_1_" + "0" * 32 + ".MP3",
    ],
)
def test_no_other_name_opens_anything(kept: Kept, name: str) -> None:
    store = opened(kept)
    kept.put("secret.txt")
    with pytest.raises(AudioNotFound):
        store.path_of(name)


def test_links_directories_and_unfinished_files_are_not_opened(
    store: AudioStore, directory: Path
) -> None:
    name = "audio_1_" + "a" * 32
    (directory / f"{name}.mp3").symlink_to("/etc/passwd")
    (directory / f"{name}.wav").mkdir()
    (directory / f".{name}.12345678.partial").write_bytes(b"half")
    for wrong in (f"{name}.mp3", f"{name}.wav", f".{name}.12345678.partial"):
        with pytest.raises(AudioNotFound):
            store.path_of(wrong)


def test_old_leftovers_are_swept_out_at_the_start_and_nothing_else(directory: Path) -> None:
    directory.mkdir(parents=True)
    two_hours_ago = time.time() - 7200
    for name in (".audio_1_x.0a1b2c3d.partial", "audio_1_x.mp3", "notes.partial"):
        (directory / name).touch()
        os.utime(directory / name, (two_hours_ago, two_hours_ago))
    (directory / ".audio_2_x.0a1b2c3d.partial").touch()
    AudioStore(FilesInFolder(directory, names=AUDIO_NAME)).open()
    left = sorted(path.name for path in directory.iterdir())
    assert left == [".audio_2_x.0a1b2c3d.partial", "audio_1_x.mp3", "notes.partial"]


def test_a_disk_that_refuses_leaves_nothing_and_says_no_path(
    store: AudioStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed) as caught:
        store.save(BytesIO(b"sound"), ".mp3")
    assert str(directory) not in caught.value.message
    assert list(directory.iterdir()) == []


def test_what_several_servers_have(kept: Kept) -> None:
    """What one saved the others give out, and what one removed is gone for all at once."""
    mine, other = opened(kept), opened(kept)
    name = mine.save(BytesIO(b"sound"), ".mp3")
    captions = mine.save(BytesIO(b"words"), ".srt", beside=name)
    unlike = mine.save(BytesIO(b"more"), ".mp3")
    assert other.path_of(name).read_bytes() == b"sound"
    mine.remove(name)
    for gone in (name, captions):
        with pytest.raises(AudioNotFound):
            other.path_of(gone)
    assert kept.names() == {unlike}


def test_files_are_as_old_everywhere(kept: Kept) -> None:
    """All servers give out the same Last-Modified and ETag, so that a Range can go on elsewhere."""
    mine, other = opened(kept), opened(kept)
    name = mine.save(BytesIO(b"sound"), ".mp3")
    assert mine.path_of(name).stat().st_mtime == other.path_of(name).stat().st_mtime


def test_an_extension_is_not_a_way_out(store: AudioStore) -> None:
    with pytest.raises(ValueError, match="not a file extension"):
        store.save(BytesIO(b""), "/../../x.mp3")


def test_a_directory_that_was_cleared_away_comes_back(store: AudioStore, directory: Path) -> None:
    directory.rmdir()
    assert store.path_of(store.save(BytesIO(b"sound"), ".mp3")).read_bytes() == b"sound"
