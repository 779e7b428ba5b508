"""A live stream flows while speech is made, waits for its reader, and never ends as if whole."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.audio.formats import FORMATS, format_named
from app.audio.live import LiveEncoder
from app.errors import FfmpegUnavailable, SynthesisFailed
from app.speech import Pcm
from tests.audio.probe import (
    RATE_HZ,
    assert_same_speech,
    decoded_rate_hz,
    how_to_read,
    in_pieces,
    probe,
    voice_like,
)
from tests.audio.processes import children, nothing_left_behind

SPEECH = voice_like(2.0)
FRAME_SAMPLES = 1920
PIPED = [name for name, each in FORMATS.items() if not each.is_native]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks at processes the POSIX way")


async def collect(encoder: LiveEncoder, pieces: AsyncIterator[Pcm]) -> bytes:
    return b"".join([data async for data in encoder.encode(pieces)])


async def endless() -> AsyncIterator[Pcm]:
    while True:
        yield SPEECH[:FRAME_SAMPLES]


@pytest.fixture
async def nothing_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    with nothing_left_behind(caplog):
        yield


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("piece_samples", [FRAME_SAMPLES, 37, 48_000])
async def test_a_stream_decodes_to_the_speech(
    ffmpeg: Path, tmp_path: Path, name: str, piece_samples: int
) -> None:
    audio_format = format_named(name)
    async with LiveEncoder(audio_format, RATE_HZ, ffmpeg) as encoder:
        data = await collect(encoder, in_pieces(SPEECH, piece_samples))
    file = tmp_path / f"stream{audio_format.extension}"
    file.write_bytes(data)
    probed = probe(ffmpeg, file, *how_to_read(audio_format))
    assert probed.channels == 1
    assert probed.sample_rate_hz == decoded_rate_hz(audio_format)
    decoded = len(probed.pcm) * RATE_HZ / probed.sample_rate_hz
    # The padding of frames, which only MP3's and AAC's stream forms cannot tell.
    padding = {"mp3": 3 * 576, "aac": 2048}.get(name, 0)
    assert len(SPEECH) <= decoded <= len(SPEECH) + padding
    assert_same_speech(probed, SPEECH)


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        *(("mp3", 1), ("opus", 1), ("flac", 1), ("aac", 2), ("ogg", 2), ("wav", 1), ("pcm", 1)),
        *(("ulaw", 1), ("wav_ulaw", 1)),
    ],
)
async def test_the_first_sound_needs_no_more_than_so_many_frames_of_80_ms(
    ffmpeg: Path, name: str, frames: int
) -> None:
    """The stream is read while the next frame is never given: what comes is all there is."""
    more = asyncio.Event()

    async def first_frames_only() -> AsyncIterator[Pcm]:
        yield SPEECH[: frames * FRAME_SAMPLES]
        await more.wait()

    headers = {"ogg": 3700, "opus": 135, "flac": 42, "wav": 44}
    received = 0
    async with LiveEncoder(format_named(name), RATE_HZ, ffmpeg) as encoder:
        stream = encoder.encode(first_frames_only())
        while received <= headers.get(name, 0) + 20:
            received += len(await asyncio.wait_for(anext(stream), 10))


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", [*PIPED, "wav"])
async def test_a_reader_that_leaves_early_ends_everything(ffmpeg: Path, name: str) -> None:
    async with LiveEncoder(format_named(name), RATE_HZ, ffmpeg) as encoder:
        async for data in encoder.encode(endless()):
            assert data
            break


@pytest.mark.usefixtures("nothing_left")
async def test_an_encoder_that_was_never_used_leaves_nothing(ffmpeg: Path) -> None:
    async with LiveEncoder(format_named("mp3"), RATE_HZ, ffmpeg):
        pass


@pytest.mark.usefixtures("nothing_left")
async def test_a_reader_that_is_cancelled_ends_everything(ffmpeg: Path) -> None:
    started = asyncio.Event()

    async def never_more() -> AsyncIterator[Pcm]:
        yield SPEECH
        started.set()
        await asyncio.Event().wait()

    async def read() -> None:
        async with LiveEncoder(format_named("mp3"), RATE_HZ, ffmpeg) as encoder:
            await collect(encoder, never_more())

    reader = asyncio.create_task(read())
    await asyncio.wait_for(started.wait(), 10)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", ["flac", "wav"])
async def test_a_slow_reader_stops_the_writer(ffmpeg: Path, name: str) -> None:
    taken = 0

    async def noise() -> AsyncIterator[Pcm]:
        nonlocal taken
        generator = np.random.default_rng(1)
        while True:
            taken += 1
            yield generator.uniform(-1, 1, FRAME_SAMPLES).astype(np.float32)

    async with LiveEncoder(format_named(name), RATE_HZ, ffmpeg) as encoder:
        stream = encoder.encode(noise())
        await asyncio.wait_for(anext(stream), 10)
        await asyncio.sleep(0.5)
        after_a_while = taken
        await asyncio.sleep(0.3)
        assert taken == after_a_while < 200
        for _ in range(50):
            await asyncio.wait_for(anext(stream), 10)
        await asyncio.sleep(0.1)
        assert taken > after_a_while


@pytest.mark.skipif(sys.platform != "linux", reason="finds the encoder's process in /proc")
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("source", ["endless", "waiting"])
async def test_a_killed_encoder_is_an_error_not_an_end(ffmpeg: Path, source: str) -> None:
    async def waiting() -> AsyncIterator[Pcm]:
        yield SPEECH
        await asyncio.Event().wait()

    before = children()
    async with LiveEncoder(format_named("mp3"), RATE_HZ, ffmpeg) as encoder:
        (child,) = children() - before
        stream = encoder.encode(endless() if source == "endless" else waiting())
        await anext(stream)
        os.kill(child, signal.SIGKILL)
        with pytest.raises(SynthesisFailed, match="encoder broke"):
            async for _ in stream:
                pass


@pytest.mark.usefixtures("nothing_left")
async def test_an_encoder_that_refuses_is_an_error_and_its_words_stay_in_the_log(
    ffmpeg: Path, caplog: pytest.LogCaptureFixture
) -> None:
    impossible = replace(format_named("opus"), codec_arguments=("-application", "shouting"))
    async with LiveEncoder(impossible, RATE_HZ, ffmpeg) as encoder:
        with pytest.raises(SynthesisFailed) as caught:
            await collect(encoder, in_pieces(SPEECH))
    assert "shouting" not in caught.value.message
    assert "shouting" in caplog.text


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", ["mp3", "wav"])
async def test_a_source_that_fails_is_the_error_that_is_raised(ffmpeg: Path, name: str) -> None:
    async def failing() -> AsyncIterator[Pcm]:
        yield SPEECH
        raise SynthesisFailed("the model broke")

    with pytest.raises(SynthesisFailed, match="the model broke"):
        async with LiveEncoder(format_named(name), RATE_HZ, ffmpeg) as encoder:
            await collect(encoder, failing())


@pytest.mark.usefixtures("nothing_left")
async def test_samples_that_are_no_numbers_are_an_error(ffmpeg: Path) -> None:
    broken = np.full(FRAME_SAMPLES, np.nan, dtype=np.float32)
    async with LiveEncoder(format_named("mp3"), RATE_HZ, ffmpeg) as encoder:
        with pytest.raises(SynthesisFailed, match="not numbers"):
            await collect(encoder, in_pieces(broken))


@pytest.mark.usefixtures("nothing_left")
async def test_a_missing_encoder_program_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FfmpegUnavailable, match="does not start"):
        async with LiveEncoder(format_named("mp3"), RATE_HZ, tmp_path / "no-ffmpeg"):
            pass


async def test_a_wav_stream_has_one_header_of_unknown_size_and_pcm_none() -> None:
    unused = Path("not-needed")
    async with LiveEncoder(format_named("wav"), RATE_HZ, unused) as encoder:
        wav = await collect(encoder, in_pieces(SPEECH))
    async with LiveEncoder(format_named("pcm"), RATE_HZ, unused) as encoder:
        pcm = await collect(encoder, in_pieces(SPEECH))
    assert wav[44:] == pcm
    assert len(pcm) == 2 * len(SPEECH)
    assert wav[4:8] == wav[40:44] == b"\xff" * 4


async def test_empty_pieces_send_nothing_but_the_header() -> None:
    async def with_gaps() -> AsyncIterator[Pcm]:
        for pcm in (SPEECH[:0], SPEECH[:100], SPEECH[:0]):
            yield pcm

    async def nothing() -> AsyncIterator[Pcm]:
        for pcm in list[Pcm]():
            yield pcm

    for name, header_bytes in (("wav", 44), ("pcm", 0)):
        for pieces, sound_bytes in ((with_gaps(), 200), (nothing(), 0)):
            async with LiveEncoder(format_named(name), RATE_HZ, Path("not-needed")) as encoder:
                assert len(await collect(encoder, pieces)) == header_bytes + sound_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="lists children as Linux does")
async def test_ctrl_c_does_not_reach_the_encoder(ffmpeg: Path) -> None:
    """A terminal signals the server's group alone, so that what is heard can come to its end."""
    before = children()
    async with LiveEncoder(format_named("mp3"), RATE_HZ, ffmpeg) as encoder:
        body = encoder.encode(endless())
        assert await anext(body)
        (child,) = children() - before
        assert os.getpgid(child) != os.getpgid(0)
        await body.aclose()
