"""Encodes complete clips at once, with true durations in their headers."""

from __future__ import annotations

import logging
import mmap
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import IO

from app.audio import pydub_export
from app.audio.formats import AudioFormat
from app.audio.pcm import S16_BYTES, to_s16
from app.audio.resample import resampled_clip
from app.audio.spool import spool
from app.bounds import ENCODER_CPU_SECONDS
from app.errors import FfmpegFailed, StorageFailed, SynthesisFailed
from app.files import CANNOT_WRITE, scratch_failed, scratch_file
from app.speech import Pcm
from app.work import NEVER_CANCELLED, CancelToken

logger = logging.getLogger(__name__)

# RIFF counts bytes in 32 bits, and pydub hands every clip to FFmpeg as a WAV file.
MAX_CLIP_SAMPLES = (0xFFFFFFFF - 1024) // S16_BYTES
_LOGGED_CHARACTERS = 2000
_DISK_FULL = "No space left on device"


def encode_clip(
    pieces: Iterable[Pcm],
    sample_rate_hz: int,
    audio_format: AudioFormat,
    ffmpeg: Path,
    cancel: CancelToken = NEVER_CANCELLED,
    *,
    time_limit_seconds: int = ENCODER_CPU_SECONDS,
) -> IO[bytes]:
    """Encode mono audio as a complete file. Blocks: at worst a second for each minute of speech.

    Long audio is never in memory as a whole.

    Args:
        pieces: consecutive pieces.
        sample_rate_hz: rate of `pieces`; the format may ask for another one in the file.
        cancel: ends the work, and the encoder, when nobody waits for it.
        time_limit_seconds: how much CPU time the encoder may take.

    Returns:
        The file, to be read from its beginning; whoever gets it closes it.

    Raises:
        SynthesisFailed: the samples are no numbers, none or too many.
        FfmpegFailed: the encoder failed.
        FfmpegUnavailable, StorageFailed: this server cannot encode anything now.
    """
    rate_hz = audio_format.rate_hz(sample_rate_hz)
    if rate_hz != sample_rate_hz:
        pieces = resampled_clip(pieces, sample_rate_hz, rate_hz)
    try:
        if audio_format.is_native and audio_format.headerless:
            return _from_beginning(spool(), lambda made: _write_s16(made, pieces, cancel))
        with scratch_file() as samples:
            _write_s16(samples, pieces, cancel)
            arguments = _arguments(audio_format, time_limit_seconds)
            export = partial(_export, samples, rate_hz, audio_format, arguments, ffmpeg, cancel)
            return _from_beginning(spool(samples.tell()), export)
    except OSError as error:
        raise scratch_failed(error) from error


def _from_beginning(made: IO[bytes], write: Callable[[IO[bytes]], None]) -> IO[bytes]:
    """Write a file and go back to its beginning; close it if that fails."""
    try:
        write(made)
        made.seek(0)
    except BaseException:
        made.close()
        raise
    return made


def _write_s16(file: IO[bytes], pieces: Iterable[Pcm], cancel: CancelToken) -> None:
    samples = 0
    for piece in pieces:
        cancel.check()
        samples += len(piece)
        if samples > MAX_CLIP_SAMPLES:
            raise SynthesisFailed("the speech is too long for one complete file; stream it instead")
        file.write(to_s16(piece).data)
    if samples == 0:
        raise SynthesisFailed("there is no speech to encode")
    file.flush()


def _arguments(audio_format: AudioFormat, time_limit_seconds: int) -> list[str] | None:
    if audio_format.is_native:
        return None
    return ["-timelimit", str(time_limit_seconds), *audio_format.encoder_arguments(live=False)]


def _export(
    samples: IO[bytes],
    rate_hz: int,
    audio_format: AudioFormat,
    arguments: list[str] | None,
    ffmpeg: Path,
    cancel: CancelToken,
    made: IO[bytes],
) -> None:
    # pydub wants all samples in one piece; mapped, they stay on the disk.
    with mmap.mmap(samples.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        try:
            pydub_export.export(
                mapped,
                rate_hz,
                made,
                muxer=audio_format.muxer,
                codec=audio_format.codec,
                arguments=arguments,
                ffmpeg=ffmpeg,
                cancel=cancel,
            )
        except pydub_export.CouldntEncodeError as error:
            cancel.check()
            logger.error(  # noqa: TRY400 - the encoder's words are enough
                "encoding %s failed: %s", audio_format.name, str(error)[-_LOGGED_CHARACTERS:]
            )
            if _DISK_FULL in str(error):
                raise StorageFailed(f"{CANNOT_WRITE}: {_DISK_FULL}") from error
            raise FfmpegFailed(f"encoding the speech as {audio_format.name} failed") from error
