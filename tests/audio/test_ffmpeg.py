"""The server runs an FFmpeg that can do all it needs, and says plainly when there is none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from app.audio.ffmpeg import FfmpegUnusable, find_ffmpeg

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="puts scripts on the PATH")


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    return Path(imageio_ffmpeg.get_ffmpeg_exe())


def put_on_path(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> Path:
    program = directory / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return program


def test_a_capable_system_ffmpeg_is_preferred(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheel: Path
) -> None:
    program = put_on_path(monkeypatch, tmp_path, f'exec "{wheel}" "$@"')
    assert find_ffmpeg() == program


@pytest.mark.parametrize("script", ["echo ' A..... aac  AAC'", "exit 1"])
def test_a_system_ffmpeg_that_lacks_something_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheel: Path, script: str
) -> None:
    put_on_path(monkeypatch, tmp_path, script)
    assert find_ffmpeg() == wheel


def test_without_any_the_error_says_what_helps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = put_on_path(monkeypatch, tmp_path, "echo ' A..... aac  AAC'")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "missing"))
    with pytest.raises(FfmpegUnusable, match="libmp3lame") as caught:
        find_ffmpeg()
    assert str(program) in str(caught.value)
    assert "imageio-ffmpeg" in str(caught.value)


def test_a_package_without_a_binary_is_no_crash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_binary() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", no_binary)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(FfmpegUnusable, match="there is none"):
        find_ffmpeg()
