"""A format is made at the sample rate and the bitrate asked for, or the request is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.audio.formats import FORMATS, AudioFormat, format_named
from app.audio.live import LiveEncoder
from app.audio.output import bitrates_kbps, output_format, sample_rates_hz
from app.errors import InvalidRequest, Parameter
from tests.audio.probe import (
    RATE_HZ,
    Probed,
    encoded,
    how_to_read,
    in_pieces,
    loudness_over_time,
    probe,
    voice_like,
)

SPEECH = voice_like(1.0)


def live(audio: AudioFormat, ffmpeg: Path) -> bytes:
    async def collect() -> bytes:
        async with LiveEncoder(audio, RATE_HZ, ffmpeg) as encoder:
            return b"".join([data async for data in encoder.encode(in_pieces(SPEECH))])

    return asyncio.run(collect())


def probed(data: bytes, audio: AudioFormat, ffmpeg: Path, folder: Path) -> Probed:
    file = folder / f"speech{audio.extension}"
    file.write_bytes(data)
    return probe(ffmpeg, file, *how_to_read(audio))


def seconds_of(made: Probed) -> float:
    return len(made.pcm) / made.sample_rate_hz


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("end", [0, -1])
def test_clips_and_streams_have_the_rate_asked_for(
    ffmpeg: Path, tmp_path: Path, name: str, end: int
) -> None:
    rate_hz = sample_rates_hz(format_named(name))[end]
    audio = output_format(name, speech_rate_hz=RATE_HZ, sample_rate_hz=rate_hz)
    clip = probed(encoded([SPEECH], audio, ffmpeg), audio, ffmpeg, tmp_path)
    stream = probed(live(audio, ffmpeg), audio, ffmpeg, tmp_path)
    # AAC's and a live MP3's frames cannot say how much of them is padding; 1152 samples each.
    for made, frames in ((clip, 2 if name == "aac" else 0), (stream, 3)):
        assert made.sample_rate_hz == (48000 if name == "opus" else rate_hz)
        assert 1.0 - 0.001 <= seconds_of(made) <= 1.0 + 0.001 + frames * 1152 / rate_hz
        loud = loudness_over_time(made.pcm, made.sample_rate_hz).mean()
        assert loud == pytest.approx(loudness_over_time(SPEECH, RATE_HZ).mean(), rel=0.2)


@pytest.mark.parametrize("name", ["mp3", "ogg", "opus", "aac"])
def test_every_bitrate_that_is_allowed_is_made(ffmpeg: Path, name: str) -> None:
    for rate_hz in (8000, 12000, 24000, 48000):
        allowed = bitrates_kbps(format_named(name), rate_hz)
        assert allowed is not None
        sizes = []
        for kbps in allowed:
            audio = output_format(
                name, speech_rate_hz=RATE_HZ, sample_rate_hz=rate_hz, bitrate_kbps=kbps
            )
            sizes.append(len(encoded([SPEECH], audio, ffmpeg)))
        assert sizes[0] < sizes[1] / 1.5


def test_a_constant_bitrate_is_true(ffmpeg: Path) -> None:
    for name, kbps in (("mp3", 64), ("mp3", 160), ("aac", 64)):
        audio = output_format(name, speech_rate_hz=RATE_HZ, bitrate_kbps=kbps)
        size = len(encoded([SPEECH], audio, ffmpeg))
        assert size * 8 / 1000 == pytest.approx(kbps, rel=0.25)


def test_what_is_not_asked_for_stays(ffmpeg: Path) -> None:
    for name in FORMATS:
        assert output_format(name, speech_rate_hz=RATE_HZ) is format_named(name)


@pytest.mark.parametrize(
    ("name", "rate_hz", "message"),
    [
        ("mp3", 0, "sample_rate must be one of 8000, 11025"),
        ("wav", 7999, "for wav; it is 7999"),
        ("pcm", 96000, "for pcm; it is 96000"),
        ("flac", -24000, "for flac; it is -24000"),
        ("ulaw", 16000, "must be 8000 for ulaw; it is 16000"),
        ("wav_alaw", 24000, "must be 8000 for wav_alaw"),
        ("opus", 44100, "one of 8000, 12000, 16000, 24000, 48000 for opus"),
    ],
)
def test_a_rate_the_format_lacks_is_refused(name: str, rate_hz: int, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        output_format(name, speech_rate_hz=RATE_HZ, sample_rate_hz=rate_hz)
    assert caught.value.field is Parameter.SAMPLE_RATE


@pytest.mark.parametrize(
    ("name", "rate_hz", "kbps", "message"),
    [
        ("wav", None, 128, "bitrate cannot be chosen for wav, only for mp3, ogg, opus, aac"),
        ("pcm", None, 128, "cannot be chosen for pcm"),
        ("flac", None, 128, "cannot be chosen for flac"),
        ("mp3", None, 320, "bitrate must be 8 to 160 kbps for mp3 at 24000 Hz; it is 320"),
        ("mp3", 8000, 96, "8 to 64 kbps for mp3 at 8000 Hz"),
        ("mp3", 44100, 16, "32 to 320 kbps for mp3 at 44100 Hz"),
        ("opus", None, 0, "6 to 256"),
        ("ogg", 16000, 128, "16 to 96"),
        ("aac", 8000, 64, "16 to 48"),
    ],
)
def test_a_bitrate_the_format_lacks_is_refused(
    name: str, rate_hz: int | None, kbps: int, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        output_format(
            name,
            speech_rate_hz=RATE_HZ,
            sample_rate_hz=rate_hz,
            bitrate_kbps=kbps,
        )
    assert caught.value.field is Parameter.BITRATE


def test_the_content_type_of_headerless_audio_tells_the_rate_it_has() -> None:
    audio = output_format("pcm", speech_rate_hz=RATE_HZ, sample_rate_hz=16000)
    assert audio.content_type(RATE_HZ) == "audio/pcm;rate=16000;channels=1"


@pytest.mark.parametrize("name", ["ulaw", "alaw", "wav_ulaw", "wav_alaw"])
def test_telephone_audio_has_a_byte_for_each_of_8000_samples_a_second(
    ffmpeg: Path, tmp_path: Path, name: str
) -> None:
    audio = output_format(name, speech_rate_hz=RATE_HZ)
    for data in (encoded([SPEECH], audio, ffmpeg), live(audio, ffmpeg)):
        assert 0 <= len(data) - 8000 <= (0 if audio.headerless else 100)
        made = probed(data, audio, ffmpeg, tmp_path)
        assert made.codec == ("pcm_mulaw" if "ulaw" in name else "pcm_alaw")
        here, there = loudness_over_time(SPEECH, RATE_HZ), loudness_over_time(made.pcm, 8000)
        assert there == pytest.approx(here, abs=0.05)
