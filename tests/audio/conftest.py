"""Finds the FFmpeg that all audio tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.audio.ffmpeg import find_ffmpeg


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    return find_ffmpeg()
