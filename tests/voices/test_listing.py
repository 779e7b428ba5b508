"""Which voices a folder has is known without looking each time, and is never out of date."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from app.voices import listing
from app.voices.listing import VoiceFiles


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no folder had been changed for a while, and a second were an hour."""
    monkeypatch.setattr(listing, "_SETTLED_SECONDS", -1.0)
    monkeypatch.setattr(listing, "_LONGEST_SECONDS", 3600.0)


def test_what_is_a_voice(tmp_path: Path) -> None:
    """Sound files by their names; of two with one name, the preferred one."""
    for name in ("anna.mp3", "anna.WAV", "bert.ogg", ".hidden.wav", "notes.txt", "anna.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    found = VoiceFiles(tmp_path).by_name()
    assert found == {"anna": tmp_path / "anna.WAV", "bert": tmp_path / "bert.ogg"}


def test_changes_are_seen_at_once(tmp_path: Path) -> None:
    """Also when they follow one another faster than the clock of the file system ticks."""
    files = VoiceFiles(tmp_path)
    for number in range(50):
        (tmp_path / f"{number}.wav").touch()
        assert len(files.by_name()) == number + 1


@pytest.mark.usefixtures("at_rest")
def test_a_folder_at_rest_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody asks, until something changes."""
    listed: list[Path] = []
    paths = listing.voice_paths

    def counted(directory: Path) -> list[Path]:
        listed.append(directory)
        return paths(directory)

    monkeypatch.setattr(listing, "voice_paths", counted)
    (tmp_path / "anna.wav").touch()
    files = VoiceFiles(tmp_path)
    assert all(list(files.by_name()) == ["anna"] for _ in range(5))
    assert len(listed) == 1
    time.sleep(0.02)
    (tmp_path / "bert.wav").touch()
    assert sorted(files.by_name()) == ["anna", "bert"]


@pytest.mark.usefixtures("at_rest")
def test_a_time_that_is_set_back(tmp_path: Path) -> None:
    """Tools that copy folders give them their old times."""
    files = VoiceFiles(tmp_path)
    assert files.by_name() == {}
    before = tmp_path.stat()
    time.sleep(0.02)
    (tmp_path / "anna.wav").touch()
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(files.by_name()) == ["anna"]


def test_a_link_whose_target_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing tells of it, so it is looked for now and then."""
    monkeypatch.setattr(listing, "_SETTLED_SECONDS", -1.0)
    monkeypatch.setattr(listing, "_LONGEST_SECONDS", 0.05)
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "anna.wav").symlink_to(tmp_path / "anna.wav")
    files = VoiceFiles(tmp_path / "voices")
    assert files.by_name() == {}
    (tmp_path / "anna.wav").touch()
    time.sleep(0.06)
    assert list(files.by_name()) == ["anna"]


def test_a_folder_that_comes_and_goes(tmp_path: Path) -> None:
    """It may be made later, or taken away."""
    files = VoiceFiles(tmp_path / "later")
    assert files.by_name() == {}
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "anna.wav").touch()
    assert list(files.by_name()) == ["anna"]
    (tmp_path / "later").rename(tmp_path / "gone")
    assert files.by_name() == {}
