"""Encodes complete clips at once, with true durations in their headers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.audio import pydub_export
from app.audio.formats import AudioFormat
from app.audio.pcm import S16_BYTES, to_s16
from app.audio.resample import resampled_clip
from app.errors import SynthesisFailed
from app.speech import Pcm

logger = logging.getLogger(__name__)

# RIFF counts bytes in 32 bits, and pydub hands every clip to FFmpeg as a WAV file.
MAX_CLIP_SAMPLES = (0xFFFFFFFF - 1024) // S16_BYTES
_LOGGED_CHARACTERS = 2000


def encode_clip(
    pcm: Pcm | Sequence[Pcm],
    sample_rate_hz: int,
    audio_format: AudioFormat,
    ffmpeg: Path,
    *,
    time_limit_seconds: int = 900,
) -> bytes:
    """Encode mono audio as a complete file. Blocks: at worst a second for each minute of speech.

    Args:
        pcm: one piece, or consecutive pieces (which spares joining an hour of them first).
        sample_rate_hz: rate of `pcm`; the format may ask for another one in the file.
        time_limit_seconds: how much CPU time the encoder may take.

    Raises:
        SynthesisFailed: the samples are no numbers, none or too many, or the encoder failed.
    """
    pieces = [pcm] if isinstance(pcm, np.ndarray) else pcm
    encoded_rate_hz = audio_format.rate_hz(sample_rate_hz)
    if encoded_rate_hz != sample_rate_hz:
        pieces = resampled_clip(pieces, sample_rate_hz, encoded_rate_hz)
    samples = sum(map(len, pieces))
    if samples == 0:
        raise SynthesisFailed("there is no speech to encode")
    if samples > MAX_CLIP_SAMPLES:
        raise SynthesisFailed("the speech is too long for one complete file; stream it instead")
    s16 = to_s16(pieces)
    if audio_format.is_native and audio_format.headerless:
        return s16.tobytes()
    arguments = None
    if not audio_format.is_native:
        limit = ["-timelimit", str(time_limit_seconds)]
        arguments = [*limit, *audio_format.encoder_arguments(live=False)]
    try:
        return pydub_export.export(
            s16,
            encoded_rate_hz,
            muxer=audio_format.muxer,
            codec=audio_format.codec,
            arguments=arguments,
            ffmpeg=ffmpeg,
        )
    except (pydub_export.CouldntEncodeError, OSError) as error:
        logger.error("encoding %s failed: %s", audio_format.name, str(error)[-_LOGGED_CHARACTERS:])  # noqa: TRY400 - the encoder's words are enough
        raise SynthesisFailed(f"encoding the speech as {audio_format.name} failed") from error
