"""The one table of audio formats: name, media type, extension, and how FFmpeg makes each.

The bitrate and the encoder's arguments are plain fields, so a variant of a format is
`dataclasses.replace(format_named("mp3"), bitrate_kbps=64)`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType

from app.errors import InvalidRequest, Parameter


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One container and codec. Every format can be made as a complete clip and as a live stream."""

    name: str
    media_type: str
    extension: str
    """with its dot"""
    muxer: str
    """FFmpeg's name of the container"""
    codec: str | None = None
    """FFmpeg's name of the encoder; None where this package writes the bytes itself"""
    bitrate_kbps: int | None = None
    sample_rate_hz: int | None = None
    """None means that of the speech"""
    codec_arguments: tuple[str, ...] = ()
    """for complete clips and live streams alike"""
    clip_arguments: tuple[str, ...] = ()
    """for complete clips, whose file can be sought: true durations in the header"""
    live_arguments: tuple[str, ...] = ()
    """for live streams, whose header is gone before the end is known: low latency"""
    headerless: bool = False
    """nothing in the bytes tells their rate and channels: the content type has to"""

    @property
    def is_native(self) -> bool:
        """Made without FFmpeg."""
        return self.codec is None

    def rate_hz(self, speech_rate_hz: int) -> int:
        """The sample rate of what is made from speech at `speech_rate_hz`."""
        return self.sample_rate_hz or speech_rate_hz

    def content_type(self, speech_rate_hz: int) -> str:
        """The HTTP Content-Type of mono audio made from speech at `speech_rate_hz`."""
        if self.headerless:
            return f"{self.media_type};rate={self.rate_hz(speech_rate_hz)};channels=1"
        return self.media_type

    def encoder_arguments(self, *, live: bool) -> list[str]:
        """FFmpeg's output options, without the encoder's and the container's names."""
        bitrate = [] if self.bitrate_kbps is None else ["-b:a", f"{self.bitrate_kbps}k"]
        own = self.live_arguments if live else self.clip_arguments
        return [*bitrate, *self.codec_arguments, *own]


# Ogg pages of 20 ms instead of a second: what a listener waits for before the first sound.
_SHORT_PAGES = ("-page_duration", "20000")

_TABLE = (
    AudioFormat(
        name="mp3",
        media_type="audio/mpeg",
        extension=".mp3",
        muxer="mp3",
        codec="libmp3lame",
        bitrate_kbps=128,
        # The LAME header carries the length and the encoder's delay, so players show the true
        # duration and cut the padding. A stream cannot go back to fill it in.
        clip_arguments=("-write_xing", "1"),
        live_arguments=("-write_xing", "0", "-id3v2_version", "0"),
    ),
    AudioFormat(name="wav", media_type="audio/wav", extension=".wav", muxer="wav"),
    # People who ask for "ogg" mean Vorbis, which all that reads Ogg plays. libvorbis refuses
    # high bitrates at low sample rates, so it gets a quality.
    AudioFormat(
        name="ogg",
        media_type="audio/ogg",
        extension=".ogg",
        muxer="ogg",
        codec="libvorbis",
        codec_arguments=("-q:a", "6"),
        live_arguments=_SHORT_PAGES,
    ),
    # RFC 7845's type for Opus in Ogg, which browsers play; audio/opus (RFC 7587) is for RTP.
    AudioFormat(
        name="opus",
        media_type="audio/ogg; codecs=opus",
        extension=".opus",
        muxer="ogg",
        codec="libopus",
        bitrate_kbps=64,
        live_arguments=_SHORT_PAGES,
    ),
    # Left alone, FFmpeg's encoder makes a block of whatever piece it is handed, and a stream
    # of uneven blocks breaks the sample numbers of its frame headers.
    AudioFormat(
        name="flac",
        media_type="audio/flac",
        extension=".flac",
        muxer="flac",
        codec="flac",
        clip_arguments=("-frame_size", "4096"),
        live_arguments=("-frame_size", "960", "-metadata_header_padding", "0"),
    ),
    AudioFormat(
        name="aac",
        media_type="audio/aac",
        extension=".aac",
        muxer="adts",
        codec="aac",
        bitrate_kbps=96,
    ),
    AudioFormat(
        name="pcm", media_type="audio/pcm", extension=".pcm", muxer="s16le", headerless=True
    ),
)

FORMATS = MappingProxyType({audio_format.name: audio_format for audio_format in _TABLE})
"""By name, in the order in which they are listed to users."""

TELEPHONE_FORMATS = MappingProxyType(
    {
        name: AudioFormat(
            name=name,
            media_type=media_type,
            extension=f".{name}",
            muxer=muxer,
            codec=f"pcm_{muxer}",
            sample_rate_hz=8000,
            headerless=True,
        )
        # RFC 2046 names µ-law at 8 kHz; A-law has no registered type for files.
        for name, media_type, muxer in (
            ("ulaw", "audio/basic", "mulaw"),
            ("alaw", "audio/x-alaw-basic", "alaw"),
        )
    }
)
"""Raw G.711, for callers who know their names; listed to nobody."""


def format_named(name: str, *, allowed: Collection[str] | None = None) -> AudioFormat:
    """The format a caller asked for, in small or capital letters, with or without a dot.

    Args:
        allowed: the names this caller may use, in the order to list them; None for `FORMATS`.

    Raises:
        InvalidRequest: names the parameter and the allowed values.
    """
    names = list(FORMATS if allowed is None else allowed)
    asked, name = name, name.strip().lower().removeprefix(".")
    if name not in names:
        raise InvalidRequest(
            f"{Parameter.FORMAT} must be one of {', '.join(names)}; it is {asked[:40]!r}",
            field=Parameter.FORMAT,
        )
    return FORMATS[name] if name in FORMATS else TELEPHONE_FORMATS[name]


def format_with_extension(extension: str) -> AudioFormat | None:
    """The format of a file by its extension (with the dot, lower case), None if unknown."""
    found = (each for each in FORMATS.values() if each.extension == extension)
    return next(found, None)
