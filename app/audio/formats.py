"""Lists the audio formats: the name, media type and extension of each, and how FFmpeg makes it.

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
    """Describes a container and codec, each made as complete clips and as live streams alike."""

    name: str
    media_type: str
    extension: str
    """The extension of a file begins with its dot."""
    muxer: str
    """FFmpeg knows the container by this name."""
    codec: str | None = None
    """FFmpeg knows the encoder by this name; None means that this package writes the bytes."""
    bitrate_kbps: int | None = None
    sample_rate_hz: int | None = None
    """None means the rate of the speech."""
    codec_arguments: tuple[str, ...] = ()
    """FFmpeg gets these for complete clips and live streams alike."""
    clip_arguments: tuple[str, ...] = ()
    """FFmpeg gets these for complete clips, to write the true duration into the header."""
    live_arguments: tuple[str, ...] = ()
    """FFmpeg gets these for live streams, to write early and never go back to the header."""
    encoder_gain_db: float = 0.0
    """The encoder itself changes the level by this."""
    live_delay_samples: int = 0
    """A player of a live stream hears so much silence, at the encoded rate, before the speech."""
    clip_delay_samples: int = 0
    """The same of a complete clip, whose header may tell players what to leave out."""
    headerless: bool = False
    """Nothing in the bytes tells their rate and channels, so the content type has to."""

    @property
    def is_native(self) -> bool:
        """Tell whether the format is made without FFmpeg."""
        return self.codec is None

    def rate_hz(self, speech_rate_hz: int) -> int:
        """Return the sample rate of what is made from speech at `speech_rate_hz`."""
        return self.sample_rate_hz or speech_rate_hz

    def delay_seconds(self, speech_rate_hz: int, *, live: bool) -> float:
        """Return how much later players hear all of the speech, because of the encoder."""
        samples = self.live_delay_samples if live else self.clip_delay_samples
        return samples / self.rate_hz(speech_rate_hz)

    def bytes_per_second(self, speech_rate_hz: int) -> int:
        """Return how many bytes a second of sound takes at most, or about."""
        if self.bitrate_kbps is not None:
            return self.bitrate_kbps * 125
        return self.rate_hz(speech_rate_hz) * 2

    def content_type(self, speech_rate_hz: int) -> str:
        """Return the HTTP Content-Type of mono audio made from speech at `speech_rate_hz`."""
        if self.headerless:
            return f"{self.media_type};rate={self.rate_hz(speech_rate_hz)};channels=1"
        return self.media_type

    def encoder_arguments(self, *, live: bool) -> list[str]:
        """Return FFmpeg's output options, without the encoder's and the container's names."""
        bitrate = [] if self.bitrate_kbps is None else ["-b:a", f"{self.bitrate_kbps}k"]
        own = self.live_arguments if live else self.clip_arguments
        return [*bitrate, *self.codec_arguments, *own]


TELEPHONE_RATE_HZ = 8000
"""G.711 has this sample rate, whatever container it is in."""


def _g711(name: str, media_type: str, *, muxer: str, codec: str) -> AudioFormat:
    """Make a format of telephones: µ-law or A-law, raw or in WAV."""
    in_wav = muxer == "wav"
    return AudioFormat(
        name=name,
        media_type=media_type,
        extension=".wav" if in_wav else f".{name}",
        muxer=muxer,
        codec=codec,
        sample_rate_hz=TELEPHONE_RATE_HZ,
        headerless=not in_wav,
    )


# Ogg pages last 20 ms instead of a second, since a listener waits for a whole one at the start.
_SHORT_PAGES = ("-page_duration", "20000")

_TABLE = (
    AudioFormat(
        name="mp3",
        media_type="audio/mpeg",
        extension=".mp3",
        muxer="mp3",
        codec="libmp3lame",
        bitrate_kbps=128,
        # LAME multiplies by 0.95 up to 160 kbps (`abr_switch_map` in its presets.c).
        encoder_gain_db=-0.45,
        live_delay_samples=1105,  # 576 of LAME and 529 of every decoder
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
    # RFC 7845 gives Opus in Ogg this type, which browsers play; audio/opus (RFC 7587) is for RTP.
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
        live_delay_samples=1024,  # ADTS has no place to tell of it
        clip_delay_samples=1024,
    ),
    AudioFormat(
        name="pcm", media_type="audio/pcm", extension=".pcm", muxer="s16le", headerless=True
    ),
    # RFC 2046 names µ-law at 8 kHz; A-law has no registered type for files.
    _g711("ulaw", "audio/basic", muxer="mulaw", codec="pcm_mulaw"),
    _g711("alaw", "audio/x-alaw-basic", muxer="alaw", codec="pcm_alaw"),
    _g711("wav_ulaw", "audio/wav", muxer="wav", codec="pcm_mulaw"),
    _g711("wav_alaw", "audio/wav", muxer="wav", codec="pcm_alaw"),
)

FORMATS = MappingProxyType({audio_format.name: audio_format for audio_format in _TABLE})
"""The formats are here by name, in the order in which they are listed to users."""


def format_named(name: str, *, allowed: Collection[str] | None = None) -> AudioFormat:
    """Return the format that a caller asked for, in any case, with or without a dot.

    Args:
        allowed: the names this caller may use, in the order to list them; None for `FORMATS`.

    Raises:
        InvalidRequest: there is no such format; the error names the allowed ones.
    """
    names = list(FORMATS if allowed is None else allowed)
    asked, name = name, name.strip().lower().removeprefix(".")
    if name not in names:
        raise InvalidRequest(
            f"{Parameter.FORMAT} must be one of {', '.join(names)}; it is {asked[:40]!r}",
            field=Parameter.FORMAT,
        )
    return FORMATS[name]


def format_with_extension(extension: str) -> AudioFormat | None:
    """Return the first format whose files have an extension (`.mp3`); None if it is unknown."""
    found = (each for each in FORMATS.values() if each.extension == extension)
    return next(found, None)
