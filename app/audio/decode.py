"""Reads uploaded clips with FFmpeg, without trusting them.

An upload chooses how FFmpeg reads it: a playlist names other files, a QuickTime file may keep
its samples elsewhere. Three walls stand against that. FFmpeg gets the clip as an open file on its
standard input, so no path is ever passed; `fd` is the only protocol it may use, and that protocol
takes no names; and only demuxers and decoders of plain audio files are let in.
"""

from __future__ import annotations

import logging
import math
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from app.audio.pcm import F32_BYTES
from app.errors import Field, InvalidClip
from app.speech import Clip, Pcm

logger = logging.getLogger(__name__)

MIN_CLIP_SECONDS = 1.0
SILENCE_PEAK = 1e-3
"""A clip whose samples all stay below this (-60 dB of full scale) holds no voice."""

# What has more is mixed down to two by FFmpeg, which knows where each of them belongs.
_CHANNELS = 2
# FFmpeg makes stereo of mono 3 dB softer.
_AS_LOUD_AS_MONO = "volume='if(eq(nb_channels,1),sqrt(2),1)'"
# Half of it is gone where one channel is silent, and all where they are inverse.
_LEAST_KEPT_ENERGY = 0.5
_BLOCK_SAMPLES = 1 << 16
_STDERR_KEPT_BYTES = 4000
# FFmpeg may allocate this much at once, which is more than any audio packet needs, but less than
# a forged index could ask for.
_MAX_ALLOCATION_BYTES = 128 << 20

_DEMUXERS = "aac,aiff,amr,asf,au,caf,flac,matroska,mov,mp3,mpegts,ogg,w64,wav"
# This list also keeps FFmpeg from opening video decoders while it looks at the streams of a film.
_DECODERS = (
    "aac,aac_latm,ac3,eac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,alac,amrnb,amrwb,flac,"
    "gsm,gsm_ms,mp1float,mp2float,mp3,mp3float,opus,libopus,speex,vorbis,libvorbis,"
    "wmalossless,wmapro,wmav1,wmav2,wmavoice,pcm_alaw,pcm_mulaw,pcm_s8,pcm_u8,"
    "pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,"
    "pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le"
)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Holds what FFmpeg wrote before it ended, and how it ended."""

    data: bytes
    exit_status: int
    timed_out: bool
    messages: str


def decode_clip(
    clip: Clip,
    *,
    ffmpeg: Path,
    max_seconds: float,
    sample_rate_hz: int,
    time_limit_seconds: float = 20.0,
) -> Pcm:
    """Decode the first `max_seconds` of a recording to mono PCM, shape [samples]. Blocks.

    Args:
        clip: any common audio file.
        sample_rate_hz: rate of the PCM that is returned.

    Raises:
        InvalidClip: it is empty, not audio, too slow to decode, shorter than a second, or silent.
    """
    if not clip.data:
        raise InvalidClip(f"{clip.field} is empty", field=clip.field)
    max_samples = math.ceil(max_seconds * sample_rate_hz)
    with _opened(clip.data) as file:
        max_bytes = max_samples * _CHANNELS * F32_BYTES
        decoded = _decode(
            [str(ffmpeg), *_arguments(max_seconds, sample_rate_hz)],
            file,
            max_bytes=max_bytes,
            time_limit_seconds=time_limit_seconds,
        )
    _check_exit(decoded, max_bytes, clip.field)
    whole = len(decoded.data) - len(decoded.data) % (_CHANNELS * F32_BYTES)
    channels = np.frombuffer(decoded.data[:whole], dtype="<f4").reshape(-1, _CHANNELS)
    pcm = _one_channel(channels)
    _check_sound(pcm, sample_rate_hz, clip.field)
    return np.clip(pcm, -1.0, 1.0, out=pcm)


def _one_channel(channels: NDArray[np.float32]) -> Pcm:
    """The mean of both channels, or the louder one where they cancel each other."""
    left, right = channels[:, 0], channels[:, 1]
    mean: Pcm = left + right
    mean *= np.float32(0.5)
    louder: Pcm = left if _energy(left) >= _energy(right) else right
    if _energy(mean) < _LEAST_KEPT_ENERGY * _energy(louder):
        return louder.copy()
    return mean


def _energy(pcm: Pcm) -> float:
    blocks = range(0, len(pcm), _BLOCK_SAMPLES)
    squares = (np.square(pcm[at : at + _BLOCK_SAMPLES], dtype=np.float64).sum() for at in blocks)
    return float(sum(squares))


@contextmanager
def _opened(data: bytes) -> Iterator[IO[bytes]]:
    """Open a file with `data` that FFmpeg can seek in: an M4A may keep its index at the end."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        yield file


def _arguments(max_seconds: float, sample_rate_hz: int) -> list[str]:
    reading = ["-format_whitelist", _DEMUXERS, "-codec_whitelist", _DECODERS]
    reading += ["-protocol_whitelist", "fd", "-threads", "1", "-i", "fd:"]
    writing = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-t", f"{max_seconds:.6f}"]
    writing += [
        "-af",
        _AS_LOUD_AS_MONO,
        "-ac",
        str(_CHANNELS),
        "-ar",
        str(sample_rate_hz),
        "-c:a",
        "pcm_f32le",
    ]
    general = ["-hide_banner", "-nostdin", "-loglevel", "error", "-filter_threads", "1"]
    general += ["-max_alloc", str(_MAX_ALLOCATION_BYTES)]
    return [*general, *reading, *writing, "-f", "f32le", "pipe:1"]


def _decode(
    command: list[str], file: IO[bytes], *, max_bytes: int, time_limit_seconds: float
) -> _Decoded:
    timed_out = threading.Event()
    kept: list[bytes] = []

    with subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
        command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None  # noqa: PT018

        def stop() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(time_limit_seconds, stop)
        messages = threading.Thread(target=_keep_start, args=(process.stderr, kept))
        timer.start()
        messages.start()
        try:
            data = process.stdout.read(max_bytes)
            process.stdout.close()
            exit_status = process.wait()
        finally:
            timer.cancel()
            process.kill()
            messages.join()
            timer.join()
    return _Decoded(data, exit_status, timed_out.is_set(), b"".join(kept).decode(errors="replace"))


def _keep_start(stream: IO[bytes], kept: list[bytes]) -> None:
    """Read a stream to its end, so that FFmpeg never waits, and keep what a log can use."""
    room = _STDERR_KEPT_BYTES
    while piece := stream.read(4096):
        kept.append(piece[:room])
        room -= len(kept[-1])


def _check_exit(decoded: _Decoded, max_bytes: int, field: Field) -> None:
    if decoded.timed_out:
        raise InvalidClip(f"{field} takes too long to decode", field=field)
    # As much as was asked for is success, even if FFmpeg then stumbles over the rest.
    failed = decoded.exit_status != 0 and len(decoded.data) < max_bytes
    if failed or not decoded.data:
        logger.info("unreadable clip: %s", decoded.messages.strip())
        raise InvalidClip(f"{field} is not audio FFmpeg can read", field=field)


def _check_sound(pcm: Pcm, sample_rate_hz: int, field: Field) -> None:
    if len(pcm) < MIN_CLIP_SECONDS * sample_rate_hz:
        raise InvalidClip(f"{field} is shorter than {MIN_CLIP_SECONDS:g} second", field=field)
    if not np.isfinite(pcm).all():
        raise InvalidClip(f"{field} has samples that are not numbers", field=field)
    if np.abs(pcm).max() < SILENCE_PEAK:
        raise InvalidClip(f"{field} is silent", field=field)
