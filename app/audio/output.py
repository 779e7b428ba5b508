"""Knows the sample rates and bitrates of each format, and makes the variant a caller asks for.

A rate that a codec lacks is refused rather than replaced by the nearest: a caller who names a
rate feeds the audio to something that expects it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from types import MappingProxyType

from app.audio.formats import TELEPHONE_RATE_HZ, AudioFormat, format_named
from app.errors import InvalidRequest, Parameter

COMMON_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)

_OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)

_BITRATES_KBPS = MappingProxyType(
    {
        # These are MPEG-2.5, MPEG-2 and MPEG-1 layer III; LAME takes the nearest step.
        "mp3": ((12000, 8, 64), (24000, 8, 160), (48000, 32, 320)),
        # libvorbis accepts these for one channel; its modes are made for ranges of rates.
        "ogg": (
            (8000, 8, 40),
            (12000, 12, 48),
            (16000, 16, 96),
            (24000, 16, 86),
            (32000, 32, 184),
            (48000, 32, 240),
        ),
        "opus": ((48000, 6, 256),),
        # AAC can write at most 6144 bits in a frame of 1024 samples.
        "aac": tuple((rate_hz, 16, min(256, rate_hz * 6 // 1000)) for rate_hz in COMMON_RATES_HZ),
    }
)
"""Each format that has a bitrate has rows of (up to this sample rate, lowest, highest)."""


def output_format(
    name: str,
    *,
    speech_rate_hz: int,
    sample_rate_hz: int | None = None,
    bitrate_kbps: int | None = None,
    allowed: Collection[str] | None = None,
) -> AudioFormat:
    """Return the format that a caller asked for, at the rate and the bitrate asked for.

    Args:
        speech_rate_hz: what `sample_rate_hz=None` means: the model's.
        bitrate_kbps: None for the format's own.
        allowed: as in `format_named`.

    Raises:
        InvalidRequest: something is not allowed; the error names the parameter and what is.
    """
    audio_format = format_named(name, allowed=allowed)
    name = audio_format.name
    if sample_rate_hz is not None:
        rates_hz = sample_rates_hz(audio_format)
        if sample_rate_hz not in rates_hz:
            one_of = "one of " if len(rates_hz) > 1 else ""
            raise InvalidRequest(
                f"{Parameter.SAMPLE_RATE} must be {one_of}{', '.join(map(str, rates_hz))} for "
                f"{name}; it is {sample_rate_hz}",
                field=Parameter.SAMPLE_RATE,
            )
        audio_format = replace(audio_format, sample_rate_hz=sample_rate_hz)
    if bitrate_kbps is None:
        return audio_format
    _check_bitrate(audio_format, audio_format.rate_hz(speech_rate_hz), bitrate_kbps)
    # Vorbis has a quality in the place of a bitrate.
    arguments = () if name == "ogg" else audio_format.codec_arguments
    return replace(audio_format, bitrate_kbps=bitrate_kbps, codec_arguments=arguments)


def sample_rates_hz(audio_format: AudioFormat) -> tuple[int, ...]:
    """List the sample rates at which a format can be had, ascending."""
    if audio_format.codec in ("pcm_mulaw", "pcm_alaw"):
        return (TELEPHONE_RATE_HZ,)
    return _OPUS_RATES_HZ if audio_format.name == "opus" else COMMON_RATES_HZ


def bitrates_kbps(audio_format: AudioFormat, sample_rate_hz: int) -> tuple[int, int] | None:
    """Return the (lowest, highest) bitrate at a sample rate, None for formats without a choice."""
    ranges = _BITRATES_KBPS.get(audio_format.name)
    if ranges is None:
        return None
    fitting = (each for each in ranges if sample_rate_hz <= each[0])
    _, lowest, highest = next(fitting, ranges[-1])
    return lowest, highest


def _check_bitrate(audio_format: AudioFormat, rate_hz: int, bitrate_kbps: int) -> None:
    name = audio_format.name
    allowed = bitrates_kbps(audio_format, rate_hz)
    if allowed is None:
        having = ", ".join(_BITRATES_KBPS)
        raise InvalidRequest(
            f"{Parameter.BITRATE} cannot be chosen for {name}, only for {having}",
            field=Parameter.BITRATE,
        )
    lowest, highest = allowed
    if not lowest <= bitrate_kbps <= highest:
        raise InvalidRequest(
            f"{Parameter.BITRATE} must be {lowest} to {highest} kbps for {name} at {rate_hz} Hz; "
            f"it is {bitrate_kbps}",
            field=Parameter.BITRATE,
        )
