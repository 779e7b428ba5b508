"""Which voices a folder has is known without looking each time, and is never out of date."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from app.voices import listing
from app.voices.listing import VoiceFiles


def settle(folder: Path) -> None:
    """As if nothing had come or gone for a minute."""
    before = time.time() - 60
    os.utime(folder, (before, before))


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
    settle(tmp_path)
    assert len(files.by_name()) == 50
    (tmp_path / "7.wav").unlink()
    assert "7" not in files.by_name()


def test_a_folder_at_rest_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody asks."""
    listed: list[Path] = []
    paths = listing.voice_paths

    def counted(directory: Path) -> list[Path]:
        listed.append(directory)
        return paths(directory)

    monkeypatch.setattr(listing, "voice_paths", counted)
    (tmp_path / "anna.wav").touch()
    settle(tmp_path)
    files = VoiceFiles(tmp_path)
    assert all(list(files.by_name()) == ["anna"] for _ in range(5))
    assert len(listed) == 1


def test_a_folder_that_comes_and_goes(tmp_path: Path) -> None:
    """It may be made later, or taken away."""
    files = VoiceFiles(tmp_path / "later")
    assert files.by_name() == {}
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "anna.wav").touch()
    assert list(files.by_name()) == ["anna"]
    (tmp_path / "later").rename(tmp_path / "gone")
    assert files.by_name() == {}
