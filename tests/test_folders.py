"""Folders that settings name and that cannot be used are told at the start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.folders import check_folder
from app.main import create_app
from app.settings import SettingsError
from tests.serving import make_settings

FOLDERS = ["models_dir", "voices_dir", "voice_output_dir"]


@pytest.mark.parametrize("setting", FOLDERS)
@pytest.mark.parametrize("inside", [(), ("in", "it")])
def test_a_file(tmp_path: Path, setting: str, inside: tuple[str, ...]) -> None:
    """A file in the place of a folder, or of one above it, stops the start with one line."""
    file = tmp_path / "README.md"
    file.touch()
    folder = file.joinpath(*inside)
    with pytest.raises(SettingsError) as caught:
        create_app(make_settings(tmp_path, **{setting: folder}))
    assert str(caught.value) == (
        f"{setting.upper()}: {folder} cannot be used: {file} is a file, not a folder"
    )


@pytest.mark.parametrize("inside", [(), ("not", "yet")])
def test_a_folder_that_cannot_be_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    inside: tuple[str, ...],
) -> None:
    """The log says what will not work, also of a folder that cannot be made."""
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    folder = tmp_path.joinpath(*inside)
    check_folder("VOICES_DIR", folder, otherwise="no voice can be made")
    assert caplog.messages == [
        f"VOICES_DIR: {folder} cannot be written, so that no voice can be made"
    ]


def test_folders_that_are_fine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is said of folders that can be written or made."""
    create_app(make_settings(tmp_path, **{each: tmp_path / each / "x" for each in FOLDERS}))
    assert caplog.messages == []
