"""A complete clip decodes to what was spoken, at its true length, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
import tracemalloc
import wave
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from app.audio.clip_loudness import normalized_clip
from app.audio.encode import MAX_CLIP_SAMPLES, encode_clip
from app.audio.formats import FORMATS, format_named
from app.audio.loudness import lufs_of
from app.audio.spool import PcmSpool
from app.errors import FfmpegUnavailable, StorageFailed, SynthesisFailed
from app.speech import Pcm
from app.work import CancelToken, WorkCancelled
from tests.audio.probe import (
    RATE_HZ,
    assert_same_speech,
    decoded_rate_hz,
    encoded,
    how_to_read,
    probe,
    voice_like,
)
from tests.audio.processes import children
from tests.full_disk import full_disk

SPEECH = voice_like(2.5)
CODECS = {
    "pcm": "pcm_s16le",
    "wav": "pcm_s16le",
    "ogg": "vorbis",
    "ulaw": "pcm_mulaw",
    "alaw": "pcm_alaw",
    "wav_ulaw": "pcm_mulaw",
    "wav_alaw": "pcm_alaw",
}


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", FORMATS)
def test_a_clip_decodes_to_the_speech_at_its_true_length(
    ffmpeg: Path, tmp_path: Path, scratch: Path, name: str
) -> None:
    data = encoded([SPEECH], format_named(name), ffmpeg)
    assert list(scratch.iterdir()) == []
    file = tmp_path / f"clip{format_named(name).extension}"
    file.write_bytes(data)
    probed = probe(ffmpeg, file, *how_to_read(format_named(name)))
    assert probed.codec == CODECS.get(name, name)
    assert probed.channels == 1
    assert probed.sample_rate_hz == decoded_rate_hz(format_named(name))
    # ADTS cannot say how much of its first and last frames is padding.
    padding = 2048 if name == "aac" else 0
    decoded = len(probed.pcm) * RATE_HZ / probed.sample_rate_hz
    assert len(SPEECH) <= decoded <= len(SPEECH) + padding
    assert probed.duration_seconds == pytest.approx(2.5, abs=0.011 + padding / RATE_HZ)
    assert_same_speech(probed, SPEECH)


def test_a_wav_has_true_sizes() -> None:
    data = encoded([SPEECH], format_named("wav"), Path("not-needed"))
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    with wave.open(BytesIO(data)) as file:
        assert file.getnframes() == len(SPEECH)


def test_an_mp3_has_a_lame_header_and_a_flac_its_number_of_samples(ffmpeg: Path) -> None:
    mp3 = encoded([SPEECH], format_named("mp3"), ffmpeg)
    assert b"Info" in mp3[:200] or b"Xing" in mp3[:200]
    flac = encoded([SPEECH], format_named("flac"), ffmpeg)
    assert int.from_bytes(flac[18:26], "big") & (1 << 36) - 1 == len(SPEECH)


def test_pieces_are_encoded_like_the_whole(ffmpeg: Path) -> None:
    flac = format_named("flac")
    pieces = np.array_split(SPEECH, 7)
    assert encoded(pieces, flac, ffmpeg) == encoded([SPEECH], flac, ffmpeg)


def test_a_failing_encoder_is_reported_without_its_words_and_leaves_no_file(
    scratch: Path, ffmpeg: Path, caplog: pytest.LogCaptureFixture
) -> None:
    impossible = replace(format_named("opus"), codec_arguments=("-application", "shouting"))
    with pytest.raises(SynthesisFailed) as caught:
        encoded([SPEECH], impossible, ffmpeg)
    assert caught.value.message == "encoding the speech as opus failed"
    assert "shouting" in caplog.text
    assert list(scratch.iterdir()) == []


def test_a_missing_encoder_program_is_reported(scratch: Path) -> None:
    with pytest.raises(FfmpegUnavailable, match="does not start"):
        encode_clip([SPEECH], RATE_HZ, format_named("mp3"), scratch / "no-ffmpeg")
    assert list(scratch.iterdir()) == []


def test_the_encoder_has_a_time_limit(scratch: Path, ffmpeg: Path) -> None:
    hour = [SPEECH] * 1440
    with pytest.raises(SynthesisFailed, match="failed"):
        encode_clip(hour, RATE_HZ, format_named("aac"), ffmpeg, time_limit_seconds=1)
    assert list(scratch.iterdir()) == []


def test_nothing_and_too_much_are_refused(ffmpeg: Path) -> None:
    with pytest.raises(SynthesisFailed, match="no speech"):
        encode_clip([], RATE_HZ, format_named("mp3"), ffmpeg)
    endless = np.broadcast_to(np.float32(0), (MAX_CLIP_SAMPLES + 1,))
    with pytest.raises(SynthesisFailed, match="too long"):
        encode_clip([endless], RATE_HZ, format_named("wav"), ffmpeg)


@pytest.mark.parametrize("name", FORMATS)
def test_what_an_encoder_does_to_the_level_is_known(
    ffmpeg: Path, tmp_path: Path, name: str
) -> None:
    audio = format_named(name)
    file = tmp_path / f"clip{audio.extension}"
    file.write_bytes(encoded([SPEECH], audio, ffmpeg))
    probed = probe(ffmpeg, file, *how_to_read(audio))
    there = lufs_of([probed.pcm.astype(np.float32)], probed.sample_rate_hz)
    here = lufs_of([SPEECH], RATE_HZ)
    assert there is not None
    assert here is not None
    # Telephones lose what lies above 4 kHz.
    near_db = 0.3 if audio.rate_hz(RATE_HZ) == RATE_HZ else 3
    assert there - here == pytest.approx(audio.encoder_gain_db, abs=near_db)


def minutes_of_speech(minutes: float) -> Iterator[Pcm]:
    for _ in range(round(minutes * 60 / 2.5)):
        yield SPEECH


@pytest.mark.parametrize("name", ["mp3", "wav", "pcm"])
def test_long_speech_is_not_in_memory(
    ffmpeg: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complete clip goes through the disk, from the samples to the file."""
    monkeypatch.setattr("app.audio.spool.SPOOL_BYTES", 1_000_000)
    tracemalloc.start()
    with (
        PcmSpool(minutes_of_speech(3)) as sound,
        normalized_clip(sound, RATE_HZ) as leveled,
        encode_clip(leveled, RATE_HZ, format_named(name), ffmpeg) as file,
    ):
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert file.seek(0, os.SEEK_END) > 2.5e6
    # The samples alone are 17 MB.
    assert peak_bytes < 12e6


@pytest.mark.skipif(sys.platform != "linux", reason="children are counted on Linux")
def test_encoding_ends_when_nobody_waits(ffmpeg: Path, scratch: Path) -> None:
    """FFmpeg is killed, and its files are removed, within a tenth of a second."""
    before, token = children(), CancelToken()
    left_seconds: list[float] = []

    def leave() -> None:
        while children() <= before:
            time.sleep(0.005)
        left_seconds.append(time.monotonic())
        token.cancel()

    threading.Thread(target=leave).start()
    with pytest.raises(WorkCancelled):
        encode_clip(minutes_of_speech(10), RATE_HZ, format_named("aac"), ffmpeg, token)
    assert time.monotonic() - left_seconds[0] < 0.1
    assert children() <= before
    assert list(scratch.iterdir()) == []


def test_the_disk_is_full_while_a_clip_is_made(ffmpeg: Path) -> None:
    """Whatever of it does not fit, the error says so, and the log in one line."""
    for name in ("mp3", "wav", "pcm"):
        with full_disk(), pytest.raises(StorageFailed, match="cannot write temporary files"):
            encode_clip(minutes_of_speech(5), RATE_HZ, format_named(name), ffmpeg)
