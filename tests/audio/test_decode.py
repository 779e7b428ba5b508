"""Uploads of every common kind become speech to clone from; nothing else can be read with them."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.audio.decode import decode_clip
from app.bounds import DECODER, ChildLimits
from app.errors import InvalidClip, Parameter
from app.speech import Clip, Pcm
from tests.audio.hostile_clips import quicktime_that_points_at
from tests.audio.probe import RATE_HZ, Probed, assert_same_speech, run_ffmpeg, voice_like

SPEECH = voice_like(3.0)
SILENCE = np.zeros(2 * RATE_HZ, dtype=np.float32)


def encode(ffmpeg: Path, directory: Path, name: str, *arguments: str, pcm: Pcm = SPEECH) -> bytes:
    file = directory / name
    reading = ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "1", "-i", "pipe:0"]
    run_ffmpeg(ffmpeg, *reading, *arguments, str(file), data=pcm.astype("<f4").tobytes())
    return file.read_bytes()


def decode(
    ffmpeg: Path, source: Path | bytes, max_seconds: float = 15, limits: ChildLimits = DECODER
) -> Pcm:
    data = source.read_bytes() if isinstance(source, Path) else source
    return decode_clip(
        Clip(data, "voice"),
        ffmpeg=ffmpeg,
        max_seconds=max_seconds,
        sample_rate_hz=RATE_HZ,
        limits=limits,
    ).pcm


def assert_refused(
    ffmpeg: Path, source: Path | bytes, reason: str, limits: ChildLimits = DECODER
) -> None:
    with pytest.raises(InvalidClip, match=reason) as caught:
        decode(ffmpeg, source, limits=limits)
    assert caught.value.field is Parameter.CLIP
    assert "/" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.wav", []),
        ("8bit.wav", ["-c:a", "pcm_u8"]),
        ("hires.wav", ["-c:a", "pcm_f32le", "-ar", "192000", "-ac", "2"]),
        ("telephone.wav", ["-c:a", "pcm_mulaw", "-ar", "8000"]),
        ("a.w64", []),
        ("a.aiff", []),
        ("a.au", []),
        ("a.caf", []),
        ("a.mp3", []),
        ("cd.mp3", ["-ar", "44100", "-ac", "2"]),
        ("index_at_the_end.m4a", []),
        ("index_at_the_start.m4a", ["-movflags", "+faststart"]),
        ("fragments.mp4", ["-movflags", "frag_keyframe+empty_moov"]),
        ("lossless.m4a", ["-c:a", "alac"]),
        ("vorbis.ogg", ["-c:a", "libvorbis"]),
        ("opus.ogg", ["-c:a", "libopus"]),
        ("a.flac", []),
        ("opus.webm", ["-c:a", "libopus"]),
        ("a.mka", ["-c:a", "flac"]),
        ("a.aac", []),
        ("a.wma", ["-ar", "44100"]),
        ("a.ts", ["-c:a", "aac"]),
        ("a.avi", []),
        ("pcm.avi", ["-c:a", "pcm_s16le"]),
        ("a.flv", ["-c:a", "aac", "-ar", "44100"]),
        ("flash.flv", ["-c:a", "adpcm_swf", "-ar", "22050"]),
        ("a.mpg", []),
        ("a.mp2", []),
        ("a.wv", []),
        ("wavpack.mka", ["-c:a", "wavpack"]),
        ("a.tta", []),
        ("tta.mka", ["-c:a", "tta"]),
        ("a.voc", ["-ar", "22050"]),
        ("a.ac3", []),
        ("a.eac3", []),
        ("a.dts", ["-c:a", "dca", "-strict", "-2", "-ar", "48000", "-ac", "2"]),
        ("wideband.wav", ["-c:a", "g722", "-ar", "16000"]),
        ("yamaha.wav", ["-c:a", "adpcm_yamaha"]),
    ],
)
def test_what_people_upload_is_read(
    ffmpeg: Path, tmp_path: Path, name: str, arguments: list[str]
) -> None:
    pcm = decode(ffmpeg, encode(ffmpeg, tmp_path, name, *arguments))
    assert pcm.dtype == np.float32
    assert len(SPEECH) - 0.03 * RATE_HZ <= len(pcm) <= len(SPEECH) + 0.2 * RATE_HZ
    assert np.abs(pcm).max() <= 1
    # FFmpeg makes stereo of mono 3 dB softer, so that is what is in those files.
    written = SPEECH * np.float32(np.sqrt(0.5) if "-ac" in arguments else 1)
    assert_same_speech(Probed(RATE_HZ, 1, "", None, pcm.astype(np.float64)), written)


def stereo(ffmpeg: Path, directory: Path, left: Pcm, right: Pcm) -> bytes:
    file = directory / "stereo.flac"
    reading = ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "2", "-i", "pipe:0"]
    pcm = np.stack([left, right], axis=1).astype("<f4")
    run_ffmpeg(ffmpeg, *reading, str(file), data=pcm.tobytes())
    return file.read_bytes()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (0.5, 0.5, 0.5),
        (0.5, 0.4, 0.45),
        (0.5, -0.5, 0.5),
        (-0.4, 0.5, 0.5),
        (0.5, 0.0, 0.5),
        (0.0, 0.5, 0.5),
        (0.5, -0.25, 0.5),
    ],
)
def test_channels_that_cancel_each_other_leave_the_louder_one(
    ffmpeg: Path, tmp_path: Path, left: float, right: float, expected: float
) -> None:
    data = stereo(ffmpeg, tmp_path, SPEECH * np.float32(left), SPEECH * np.float32(right))
    made = decode(ffmpeg, data)
    assert np.allclose(made, SPEECH * np.float32(expected), atol=1e-3)


def test_a_loud_recording_in_stereo_is_not_clipped(ffmpeg: Path, tmp_path: Path) -> None:
    loud = SPEECH / np.abs(SPEECH).max()
    assert np.allclose(decode(ffmpeg, stereo(ffmpeg, tmp_path, loud, loud)), loud, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("film.mp4", "libx264"),
        ("film.avi", "mpeg4"),
        ("film.flv", "flv"),
        ("film.mpg", "mpeg1video"),
        ("film.mkv", "libx264"),
    ],
)
def test_a_film_gives_its_sound(ffmpeg: Path, tmp_path: Path, name: str, codec: str) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc=size=160x120:duration=3", "-c:v", codec]
    sound = ["-ar", "44100", "-shortest"]
    pcm = decode(ffmpeg, encode(ffmpeg, tmp_path, name, *picture, *sound))
    assert len(pcm) > 2.5 * RATE_HZ


@pytest.mark.parametrize("name", ["cover.mp3", "cover.m4a", "cover.flac"])
def test_a_cover_picture_is_no_obstacle(ffmpeg: Path, tmp_path: Path, name: str) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x64:duration=0.04", "-map", "0", "-map", "1"]
    attached = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-disposition:v", "attached_pic"]
    data = encode(ffmpeg, tmp_path, name, *picture, *attached)
    assert len(decode(ffmpeg, data)) == pytest.approx(len(SPEECH), abs=0.2 * RATE_HZ)


def test_a_file_on_disk_is_read_like_its_bytes(ffmpeg: Path, tmp_path: Path) -> None:
    data = encode(ffmpeg, tmp_path, "a.flac")
    assert np.array_equal(decode(ffmpeg, tmp_path / "a.flac"), decode(ffmpeg, data))


def test_only_the_first_seconds_are_read(ffmpeg: Path, tmp_path: Path) -> None:
    data = encode(ffmpeg, tmp_path, "a.wav")
    start = decode(ffmpeg, data, max_seconds=1.0)
    assert len(start) == RATE_HZ
    assert np.array_equal(start, decode(ffmpeg, data)[:RATE_HZ])


def two_hours_of_flac(ffmpeg: Path, directory: Path) -> Path:
    file = directory / "long.flac"
    tone = "sine=220:sample_rate=8000:duration=20,apad=whole_dur=7200"
    run_ffmpeg(ffmpeg, "-f", "lavfi", "-i", tone, str(file))
    return file


def two_hours_of_mp3(ffmpeg: Path, directory: Path) -> Path:
    file = directory / "long.mp3"
    plain = ["-b:a", "32k", "-write_xing", "0", "-id3v2_version", "0"]
    file.write_bytes(encode(ffmpeg, directory, "short.mp3", *plain) * 2400)
    return file


@pytest.mark.parametrize("two_hours", [two_hours_of_flac, two_hours_of_mp3])
def test_two_hours_cost_no_more_than_their_start(
    ffmpeg: Path, tmp_path: Path, two_hours: Callable[[Path, Path], Path]
) -> None:
    file = two_hours(ffmpeg, tmp_path)
    started = time.monotonic()
    assert len(decode(ffmpeg, file)) == 15 * RATE_HZ
    assert time.monotonic() - started < 5


def test_a_clip_cut_off_in_the_middle_is_read_as_far_as_it_goes(
    ffmpeg: Path, tmp_path: Path
) -> None:
    for name in ("a.mp3", "a.wav", "a.ogg"):
        data = encode(ffmpeg, tmp_path, name)
        assert RATE_HZ < len(decode(ffmpeg, data[: len(data) * 2 // 3])) < len(SPEECH)


def test_samples_over_full_scale_are_clipped(ffmpeg: Path, tmp_path: Path) -> None:
    data = encode(ffmpeg, tmp_path, "loud.wav", "-c:a", "pcm_f32le", pcm=SPEECH * 20)
    assert np.abs(decode(ffmpeg, data)).max() == 1


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("a.nut", [], "is not audio that is read here: it is nut, as FFmpeg calls it; send WAV"),
        ("a.rm", ["-c:a", "ac3"], "it is rm, as FFmpeg calls it; send WAV, MP3"),
        ("a.sox", [], "it is sox, as FFmpeg calls it"),
        ("mlp.mkv", ["-c:a", "mlp", "-strict", "-2"], "its codec is mlp"),
        ("a.g722", ["-c:a", "g722", "-ar", "16000"], "raw sound without a header, such as PCM or"),
        ("a.ul", ["-f", "mulaw", "-ar", "8000"], "has to be put into a WAV file"),
    ],
)
def test_what_is_not_read_is_named(
    ffmpeg: Path, tmp_path: Path, name: str, arguments: list[str], words: str
) -> None:
    """A recording that this server does not take is told what it is and what is taken."""
    assert_refused(ffmpeg, encode(ffmpeg, tmp_path, name, *arguments), words)


def test_what_is_no_speech_is_refused_with_the_reason(ffmpeg: Path, tmp_path: Path) -> None:
    unreadable = "voice_file is not audio"
    assert_refused(ffmpeg, b"", "voice_file is empty")
    assert_refused(ffmpeg, b"This is a text file called voice.wav.\n" * 100, unreadable)
    assert_refused(ffmpeg, np.random.default_rng(3).bytes(100_000), unreadable)
    assert_refused(ffmpeg, encode(ffmpeg, tmp_path, "a.wav")[:20], unreadable)
    assert_refused(ffmpeg, encode(ffmpeg, tmp_path, "a.m4a")[:-500], unreadable)
    assert_refused(ffmpeg, encode(ffmpeg, tmp_path, "s.flac", pcm=SILENCE), "is silent")
    half = encode(ffmpeg, tmp_path, "half.mp3", pcm=SPEECH[: RATE_HZ // 2])
    assert_refused(ffmpeg, half, "is shorter than 1 second")
    broken = np.where(np.arange(len(SPEECH)) == RATE_HZ, np.nan, SPEECH).astype(np.float32)
    not_numbers = encode(ffmpeg, tmp_path, "nan.wav", "-c:a", "pcm_f32le", pcm=broken)
    assert_refused(ffmpeg, not_numbers, "not numbers")


def test_a_picture_is_not_audio(ffmpeg: Path, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    run_ffmpeg(ffmpeg, "-f", "lavfi", "-i", "testsrc=size=160x120:duration=2", str(file))
    assert_refused(ffmpeg, file, "is not audio but pictures without sound")


def test_the_field_is_named_as_the_caller_knows_it(ffmpeg: Path) -> None:
    clip = Clip(b"", "voice.wav", field="audio_sample")
    with pytest.raises(InvalidClip, match="audio_sample is empty") as caught:
        decode_clip(clip, ffmpeg=ffmpeg, max_seconds=15, sample_rate_hz=RATE_HZ)
    assert caught.value.field == "audio_sample"


@pytest.mark.skipif(sys.platform == "win32", reason="the slow decoder is a shell script")
@pytest.mark.parametrize("script", ["exec sleep 60", "exec yes complaint >&2"])
def test_decoding_has_a_time_limit(tmp_path: Path, script: str) -> None:
    slow = tmp_path / "ffmpeg"
    slow.write_text(f"#!/bin/sh\n{script}\n")
    slow.chmod(0o755)
    started = time.monotonic()
    assert_refused(
        slow, b"RIFF", "takes too long to decode", limits=DECODER._replace(wall_seconds=0.3)
    )
    assert time.monotonic() - started < 5


@pytest.mark.skipif(sys.platform == "win32", reason="the decoder is a shell script")
def test_a_decoder_that_says_too_much_is_cut_off(tmp_path: Path) -> None:
    endless = tmp_path / "ffmpeg"
    endless.write_text("#!/bin/sh\nexec tr '\\000' '?' < /dev/zero\n")
    endless.chmod(0o755)
    assert len(decode(endless, b"RIFF", max_seconds=2.0)) == 2 * RATE_HZ


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{file}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://{file}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nconcat:{file}|{file}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{file}'\n",
        (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
            'mediaPresentationDuration="PT3S"><Period><AdaptationSet mimeType="audio/mp4">'
            '<Representation id="1" bandwidth="1"><BaseURL>{file}</BaseURL></Representation>'
            "</AdaptationSet></Period></MPD>"
        ),
        "[playlist]\nFile1={file}\nNumberOfEntries=1\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    ],
)
def test_a_playlist_cannot_read_another_file(ffmpeg: Path, tmp_path: Path, playlist: str) -> None:
    encode(ffmpeg, tmp_path, "secret.mp3")
    evil = playlist.format(file=tmp_path / "secret.mp3").encode()
    assert_refused(ffmpeg, evil, "is not audio")
    for name in ("evil.m3u8", "evil.mp3"):
        (tmp_path / name).write_bytes(evil)
        assert_refused(ffmpeg, tmp_path / name, "is not audio")


def test_a_quicktime_file_cannot_take_its_samples_from_another_file(
    ffmpeg: Path, tmp_path: Path
) -> None:
    encode(ffmpeg, tmp_path, "secret.mov", "-c:a", "pcm_s16le")
    evil = tmp_path / "evil.mov"
    evil.write_bytes(quicktime_that_points_at(tmp_path / "secret.mov"))
    # The trap is real: an FFmpeg that is allowed to follows the reference.
    allowed = ["-enable_drefs", "1", "-use_absolute_path", "1"]
    followed = run_ffmpeg(ffmpeg, *allowed, "-i", str(evil), "-f", "s16le", "pipe:1")
    assert len(followed) > RATE_HZ
    assert_refused(ffmpeg, evil, "is not audio")


def test_no_temporary_file_is_left(
    ffmpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(ffmpeg, tmp_path, "a.wav")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    decode(ffmpeg, data)
    assert_refused(ffmpeg, b"nonsense", "is not audio")
    assert list(scratch.iterdir()) == []
