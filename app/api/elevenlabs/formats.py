"""Reads ElevenLabs' names of formats, which have codec, sample rate and bitrate in one word."""

from __future__ import annotations

from app.audio.formats import AudioFormat
from app.audio.output import output_format
from app.errors import InvalidRequest, Parameter
from app.speech import SPEECH_RATE_HZ

DEFAULT_OUTPUT_FORMAT = "mp3_44100_128"

_PCM_RATES_HZ = (8000, 16000, 22050, 24000, 32000, 44100, 48000)

OUTPUT_FORMATS = (
    "mp3_22050_32",
    "mp3_24000_48",
    *(f"mp3_44100_{kbps}" for kbps in (32, 64, 96, 128, 192)),
    *(f"opus_48000_{kbps}" for kbps in (32, 64, 96, 128, 192)),
    *(f"pcm_{rate_hz}" for rate_hz in _PCM_RATES_HZ),
    *(f"wav_{rate_hz}" for rate_hz in _PCM_RATES_HZ),
    "ulaw_8000",
    "alaw_8000",
)


def audio_format_of(name: str) -> AudioFormat:
    """Return the format that ElevenLabs calls `name`.

    Raises:
        InvalidRequest: there is no such format; the message lists those there are.
    """
    name = name.strip().lower()
    if name not in OUTPUT_FORMATS:
        raise InvalidRequest(
            f"{Parameter.FORMAT} must be one of {', '.join(OUTPUT_FORMATS)}; it is {name[:40]!r}",
            field=Parameter.FORMAT,
        )
    codec, rate_hz, *kbps = name.split("_")
    return output_format(
        codec,
        speech_rate_hz=SPEECH_RATE_HZ,
        sample_rate_hz=int(rate_hz),
        bitrate_kbps=int(kbps[0]) if kbps else None,
        allowed=(codec,),
    )
