"""How long a voice file lasts."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.voices.durations import reference_seconds
from tests.audio.probe import run_ffmpeg, voice_like
from tests.conftest import wav_bytes


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-c:a", "pcm_f32le", "-ac", "2", "-ar", "192000"],
        ["-c:a", "pcm_s24le", "-ar", "44100"],
        ["-metadata", "title=odd"],
    ],
)
def test_wav(tmp_path: Path, ffmpeg: Path, options: list[str]) -> None:
    """Any kind of WAV file says how long it is; no more than conditions the voice counts."""
    path = tmp_path / "a.wav"
    run_ffmpeg(ffmpeg, "-i", "pipe:0", *options, str(path), data=wav_bytes(voice_like(2)))
    assert reference_seconds(path, at_most=15) == pytest.approx(2.0, abs=0.001)
    assert reference_seconds(path, at_most=1.5) == 1.5


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"RIFF0000WAVE", b"x" * 500, b"RIFF0000WAVEdata1234"]
)
def test_no_wav(tmp_path: Path, data: bytes) -> None:
    """What says nothing of its length has none."""
    (tmp_path / "a.wav").write_bytes(data)
    assert reference_seconds(tmp_path / "a.wav", at_most=15) is None
    assert reference_seconds(tmp_path / "a.mp3", at_most=15) is None
