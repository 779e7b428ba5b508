"""Tells how much sound the bytes of a live stream hold, as they come out of its encoder."""

from __future__ import annotations

from collections.abc import Callable

from app.audio.formats import AudioFormat
from app.audio.pcm import S16_BYTES, live_wav_header

_OPUS_RATE_HZ = 48_000
"""Ogg counts the samples of Opus at this rate, whatever rate it was made of."""
_PAGE = b"OggS"
_COUNT_AT, _COUNT_END = 6, 14
_HEAD_BYTES = 47
"""The first page of Opus is so long."""
_OPUS_HEAD, _SKIP_AT = b"OpusHead", 2
_NOTHING_ENDS = (1 << 64) - 1
"""A page on which no packet ends has this for a count."""

_MP3_REST_SECONDS = 0.3
"""MP3 looks ahead, and at low bitrates its frames wait until a reservoir of bits is full."""
_REST_SECONDS = 0.1


def rest_seconds(audio: AudioFormat, speech_rate_hz: int) -> float:
    """Return how much silence brings all that came before it out of the encoder of a stream."""
    if audio.is_native and audio.rate_hz(speech_rate_hz) == speech_rate_hz:
        return 0.0
    return _MP3_REST_SECONDS if audio.muxer == "mp3" else _REST_SECONDS


class Sounding:
    """Counts the sound in the bytes of one live stream.

    Args:
        audio: the format; raises ValueError for one of which this cannot be told.
        speech_rate_hz: the rate of the speech that it is made of.
    """

    def __init__(self, audio: AudioFormat, speech_rate_hz: int) -> None:
        self.seconds = 0.0
        """All of the speech up to here is in the bytes."""
        self._delay_seconds = audio.delay_seconds(speech_rate_hz, live=True)
        self._count = _counter(audio, audio.rate_hz(speech_rate_hz))

    def feed(self, data: bytes) -> None:
        """Count more bytes."""
        self.seconds = max(0.0, self._count(data) - self._delay_seconds)


def _counter(audio: AudioFormat, rate_hz: int) -> Callable[[bytes], float]:
    """Return what takes the bytes of a stream, and tells how many seconds these are by then."""
    if audio.is_native:
        header = b"" if audio.headerless else live_wav_header(rate_hz)
        return _Bytes(S16_BYTES * rate_hz, skipped=len(header))
    if audio.muxer == "ogg" and audio.codec == "libopus":
        return _Pages()
    if audio.muxer == "mp3" and audio.bitrate_kbps is not None:
        return _Bytes(audio.bitrate_kbps * 125)
    if audio.headerless:  # of telephones, a byte for each sample
        return _Bytes(rate_hz)
    raise ValueError(f"how much sound is in bytes of {audio.name} is not known")


class _Bytes:
    """Counts a format whose every second takes as many bytes."""

    def __init__(self, bytes_per_second: int, skipped: int = 0) -> None:
        self._bytes_per_second = bytes_per_second
        self._bytes = -skipped

    def __call__(self, data: bytes) -> float:
        self._bytes += len(data)
        return self._bytes / self._bytes_per_second


class _Pages:
    """Reads the counts of samples in the heads of Ogg's pages, which a piece may cut in two."""

    def __init__(self) -> None:
        self._left = b""
        self._samples = 0
        self._head = b""

    def __call__(self, data: bytes) -> float:
        self._left += data
        self._head += data[: _HEAD_BYTES - len(self._head)]
        while (at := self._left.find(_PAGE)) >= 0 and len(self._left) >= at + _COUNT_END:
            count = int.from_bytes(self._left[at + _COUNT_AT : at + _COUNT_END], "little")
            if count != _NOTHING_ENDS:
                self._samples = count
            self._left = self._left[at + len(_PAGE) :]
        self._left = self._left[at:] if at >= 0 else self._left[1 - len(_PAGE) :]
        return max(0, self._samples - self._skipped) / _OPUS_RATE_HZ

    @property
    def _skipped(self) -> int:
        """Return how many samples players leave out at the beginning."""
        at = self._head.find(_OPUS_HEAD) + len(_OPUS_HEAD) + _SKIP_AT
        return int.from_bytes(self._head[at : at + 2], "little")
