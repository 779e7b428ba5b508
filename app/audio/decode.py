"""Reads uploaded clips with FFmpeg, without trusting them.

An upload chooses how FFmpeg reads it: a playlist names other files, a QuickTime file may keep
its samples elsewhere, and some take for ever. Four walls stand against that. FFmpeg gets the clip
as an open file on its standard input, so no path is ever passed; `fd` is the only protocol it may
use, and that protocol takes no names; only demuxers and decoders of plain audio files are let in;
and the process may use only so much of the machine (app/child_limits.py).
"""

from __future__ import annotations

import logging
import math
import re
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from app.audio.ffmpeg import ffmpeg_gone
from app.audio.pcm import F32_BYTES
from app.bounds import DECODER, ChildLimits
from app.child_limits import ChildOutcome, run_limited
from app.errors import FfmpegFailed, Field, InvalidClip
from app.files import scratch_file
from app.speech import Clip, DecodedClip, Pcm
from app.work import NEVER_CANCELLED, CancelToken

logger = logging.getLogger(__name__)

MIN_CLIP_SECONDS = 1.0
SILENCE_PEAK = 1e-3
"""A clip whose samples all stay below this (-60 dB of full scale) holds no voice."""

# FFmpeg mixes more channels down to two, since it knows where each of them belongs.
_CHANNELS = 2
# FFmpeg makes mono 3 dB softer when it makes stereo of it; this makes up for that.
_AS_LOUD_AS_MONO = "volume='if(eq(nb_channels,1),sqrt(2),1)'"
# The mean of two channels has half the level of one if the other is silent, and none if they are
# inverse. If less than this share of the louder one's energy is left, the louder one is taken.
_LEAST_KEPT_ENERGY = 0.5
_BLOCK_SAMPLES = 1 << 16
# FFmpeg says these when it refuses a file.
_FORMAT_REFUSED = "Format not on whitelist"
_FOUND_FORMAT = re.compile(r"Format (\w+)\S* probed .{0,200}Format not on whitelist", re.DOTALL)
_CODEC_REFUSED = re.compile(r"Codec \((\w{1,40})\) not on whitelist")
_NO_STREAM = "matches no streams"
_UNKNOWN = "Error opening input: Invalid data found"
# FFmpeg may allocate this much at once, which is more than any audio packet needs, but less than
# a forged index could ask for.
_MAX_ALLOCATION_BYTES = 128 << 20

READABLE = (
    "WAV, MP3, M4A, OGG, Opus, FLAC, WebM, AAC, WMA, AIFF, CAF, AU, AMR, AC-3, DTS, WavPack, "
    "Monkey's Audio, TTA, VOC, or a film (MP4, MOV, MKV, AVI, FLV, MPG, TS)"
)
"""These are the files that can be read, in words for people."""

# Files of all these formats have their samples in themselves.
_DEMUXERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,"
    "voc,w64,wav,wv"
)
# This list also keeps FFmpeg from opening video decoders while it looks at the streams of a film.
_DECODERS = (
    "aac,aac_latm,ac3,eac3,adpcm_ct,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_sbpro_2,"
    "adpcm_sbpro_3,adpcm_sbpro_4,adpcm_swf,adpcm_yamaha,alac,amrnb,amrwb,ape,dca,flac,"
    "g722,adpcm_g722,g726,adpcm_g726,gsm,gsm_ms,mp1,mp1float,mp2,mp2float,mp3,mp3float,nellymoser,"
    "opus,libopus,speex,tta,vorbis,libvorbis,wavpack,"
    "wmalossless,wmapro,wmav1,wmav2,wmavoice,pcm_alaw,pcm_dvd,pcm_mulaw,pcm_s8,pcm_u8,"
    "pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,"
    "pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le"
)


def decode_clip(
    clip: Clip,
    *,
    ffmpeg: Path,
    max_seconds: float,
    sample_rate_hz: int,
    cancel: CancelToken = NEVER_CANCELLED,
    limits: ChildLimits = DECODER,
) -> DecodedClip:
    """Decode the first `max_seconds` of a recording to mono PCM. Blocks.

    Args:
        clip: any common audio file.
        sample_rate_hz: rate of the PCM that is returned.
        cancel: ends the decoding, and its process, when nobody waits for it.

    Raises:
        InvalidClip: it is empty, not audio, too slow to decode, shorter than a second, or silent.
        FfmpegFailed: somebody has ended it.
        FfmpegUnavailable, StorageFailed: this server cannot decode anything now.
    """
    if not clip.data:
        raise InvalidClip(f"{clip.field} is empty", field=clip.field)
    max_samples = math.ceil(max_seconds * sample_rate_hz)
    with scratch_file() as file:
        # FFmpeg can seek in it: an M4A may keep its index at the end.
        file.write(clip.data)
        file.flush()
        file.seek(0)
        max_bytes = max_samples * _CHANNELS * F32_BYTES
        decode = partial(_decode, file, max_bytes=max_bytes, limits=limits, cancel=cancel)
        arguments = _arguments(max_seconds, sample_rate_hz)
        decoded = decode([str(ffmpeg), "-loglevel", "error", *arguments])
        if _FORMAT_REFUSED in decoded.messages:
            # FFmpeg says only in its debug messages which format it found.
            file.seek(0)
            decoded = decode([str(ffmpeg), "-loglevel", "debug", *arguments])
    _check_exit(decoded, max_bytes, clip.field)
    whole = len(decoded.data) - len(decoded.data) % (_CHANNELS * F32_BYTES)
    channels = np.frombuffer(decoded.data[:whole], dtype="<f4").reshape(-1, _CHANNELS)
    cancel.check()
    pcm, only_channel = _one_channel(channels)
    del decoded, channels  # for ten minutes they are more than a hundred megabytes
    cancel.check()
    _check_sound(pcm, sample_rate_hz, clip.field)
    return DecodedClip(np.clip(pcm, -1.0, 1.0, out=pcm), only_channel)


def _one_channel(channels: NDArray[np.float32]) -> DecodedClip:
    """Return the mean of both channels, or the louder one where they cancel each other."""
    left, right = channels[:, 0], channels[:, 1]
    mean: Pcm = left + right
    mean *= np.float32(0.5)
    if _energy(mean) >= _LEAST_KEPT_ENERGY * max(_energy(left), _energy(right)):
        return DecodedClip(mean)
    if _energy(left) >= _energy(right):
        return DecodedClip(left.copy(), "left")
    return DecodedClip(right.copy(), "right")


def _energy(pcm: Pcm) -> float:
    blocks = range(0, len(pcm), _BLOCK_SAMPLES)
    squares = (np.square(pcm[at : at + _BLOCK_SAMPLES], dtype=np.float64).sum() for at in blocks)
    return float(sum(squares))


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
    general = ["-hide_banner", "-nostdin", "-filter_threads", "1"]
    general += ["-max_alloc", str(_MAX_ALLOCATION_BYTES)]
    return [*general, *reading, *writing, "-f", "f32le", "pipe:1"]


def _decode(
    file: IO[bytes],
    command: list[str],
    *,
    max_bytes: int,
    limits: ChildLimits,
    cancel: CancelToken,
) -> ChildOutcome:
    try:
        return run_limited(command, limits, stdin=file, max_bytes=max_bytes, cancel=cancel)
    except OSError as error:
        raise ffmpeg_gone(error) from error


def _check_exit(decoded: ChildOutcome, max_bytes: int, field: Field) -> None:
    if decoded.timed_out:
        raise InvalidClip(f"{field} takes too long to decode", field=field)
    if decoded.was_killed:
        status, said = decoded.exit_status, decoded.messages.strip()
        logger.error("the decoder ended with status %s: %s", status, said)
        raise FfmpegFailed(f"the decoder broke while {field} was read")
    # As much as was asked for is success, even if FFmpeg then stumbles over the rest.
    failed = decoded.exit_status != 0 and len(decoded.data) < max_bytes
    if failed or not decoded.data:
        logger.info("unreadable clip: %s", decoded.messages.strip())
        raise InvalidClip(f"{field} is not audio {_why_not(decoded.messages)}", field=field)


def _why_not(messages: str) -> str:
    """Say what FFmpeg found wrong with a recording, in words that follow "not audio"."""
    if found := _FOUND_FORMAT.search(messages):
        return f"that is read here: it is {found[1]}, as FFmpeg calls it; send {READABLE}"
    if _NO_STREAM in messages:
        return "but pictures without sound, or nothing at all"
    if found := _CODEC_REFUSED.search(messages):
        return f"that is read here: its codec is {found[1]}; send it in another, such as WAV"
    if _UNKNOWN in messages:
        return (
            "in a format that is recognised: it is damaged, or raw sound without a header, such as "
            f"PCM or G.722, which has to be put into a WAV file; send {READABLE}"
        )
    return "that can be read: it is damaged"


def _check_sound(pcm: Pcm, sample_rate_hz: int, field: Field) -> None:
    if len(pcm) < MIN_CLIP_SECONDS * sample_rate_hz:
        raise InvalidClip(f"{field} is shorter than {MIN_CLIP_SECONDS:g} second", field=field)
    if not np.isfinite(pcm).all():
        raise InvalidClip(f"{field} has samples that are not numbers", field=field)
    if max(pcm.max(), -pcm.min()) < SILENCE_PEAK:
        raise InvalidClip(f"{field} is silent", field=field)
