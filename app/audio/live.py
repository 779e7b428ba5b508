"""Encodes live streams, whose bytes leave while the speech is still being made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from pathlib import Path
from types import TracebackType

from app.audio.child import FfmpegChild, closed_at_the_end
from app.audio.formats import AudioFormat
from app.audio.pcm import live_wav_header, to_s16
from app.audio.resample import resampled
from app.speech import Pcm

# FFmpeg cuts headerless PCM into packets of a tenth of a second, rounded down to a power of two
# samples, and an engine frame shorter than a packet would wait for the next frame. So it is told a
# low rate, at which packets are 256 samples, and the asetrate filter then puts the rate right.
_DECLARED_RATE_HZ = 4000


class LiveEncoder:
    """Encodes one stream. Enter it early, so that FFmpeg starts while the model works.

        async with LiveEncoder(audio_format, 24000, ffmpeg) as encoder:
            async for data in encoder.encode(pieces):
                ...

    Leaving the block, for whatever reason, kills and reaps FFmpeg and stops reading the pieces.
    """

    def __init__(self, audio_format: AudioFormat, sample_rate_hz: int, ffmpeg: Path) -> None:
        """Prepare a stream; nothing is started before the block is entered.

        Args:
            sample_rate_hz: rate of the pieces; the format may ask for another one in the stream.
        """
        self._format = audio_format
        self._sample_rate_hz = sample_rate_hz
        self._encoded_rate_hz = audio_format.rate_hz(sample_rate_hz)
        self._ffmpeg = ffmpeg
        self._child: FfmpegChild | None = None
        self._output: AsyncGenerator[bytes, None] | None = None

    async def __aenter__(self) -> LiveEncoder:
        """Start FFmpeg if the format needs it; raise SynthesisFailed if it does not start."""
        if not self._format.is_native:
            self._child = await FfmpegChild.start(
                _command(self._format, self._encoded_rate_hz, self._ffmpeg), "encoder"
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._child.kill()
        try:
            if self._output is not None:
                await self._output.aclose()
        finally:
            if self._child is not None:
                await self._child.reap()

    def encode(self, pieces: AsyncIterable[Pcm]) -> AsyncGenerator[bytes, None]:
        """Yield the stream's bytes as soon as the encoder gives them. Call it once.

        A consumer that pauses makes the reading of `pieces` pause too. If `pieces` is a generator,
        it is closed with the stream.

        Raises (while iterating):
            SynthesisFailed: the encoder failed; what was yielded so far is not the whole stream.
            Whatever iterating `pieces` raises, likewise.
        """
        if self._encoded_rate_hz != self._sample_rate_hz:
            pieces = resampled(pieces, self._sample_rate_hz, self._encoded_rate_hz)
        if self._child is None:
            self._output = self._encode_natively(pieces)
        else:
            self._output = self._child.run(_as_s16(pieces))
        return self._output

    async def _encode_natively(self, pieces: AsyncIterable[Pcm]) -> AsyncGenerator[bytes, None]:
        # The header goes out with the first samples: a byte sent means that audio exists.
        header = b"" if self._format.headerless else live_wav_header(self._encoded_rate_hz)
        async with closed_at_the_end(pieces):
            async for pcm in pieces:
                data = header + to_s16(pcm).tobytes()
                header = b""
                if data:
                    yield data
        if header:
            yield header


async def _as_s16(pieces: AsyncIterable[Pcm]) -> AsyncGenerator[bytes, None]:
    async with closed_at_the_end(pieces):
        async for pcm in pieces:
            yield to_s16(pcm).tobytes()


def _command(audio_format: AudioFormat, sample_rate_hz: int, ffmpeg: Path) -> list[str]:
    reading = ["-f", "s16le", "-ar", str(_DECLARED_RATE_HZ), "-ac", "1", "-i", "pipe:0"]
    rate = ["-af", f"asetrate={sample_rate_hz}"]
    writing = ["-c:a", str(audio_format.codec), *audio_format.encoder_arguments(live=True)]
    muxing = ["-f", audio_format.muxer, "-flush_packets", "1", "pipe:1"]
    general = [str(ffmpeg), "-hide_banner", "-nostdin", "-loglevel", "error"]
    return [*general, *reading, *rate, *writing, *muxing]
