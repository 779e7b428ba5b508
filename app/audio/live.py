"""Live streams: bytes leave while the speech is still being made."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from app.audio.formats import AudioFormat
from app.audio.pcm import live_wav_header, to_s16
from app.errors import SynthesisFailed
from app.speech import Pcm

logger = logging.getLogger(__name__)

# What may wait in this process on each side of FFmpeg: a third of a second of PCM going in.
_BUFFERED_BYTES = 1 << 14
_LOGGED_BYTES = 2000

# FFmpeg cuts headerless PCM into packets of a tenth of a second, rounded down to a power of two
# samples, and an engine frame shorter than a packet would wait for the next frame. So it is told a
# low rate, at which packets are 256 samples, and the asetrate filter then puts the rate right.
_DECLARED_RATE_HZ = 4000


class LiveEncoder:
    """Encodes one stream. Enter it early: FFmpeg then starts while the model works.

        async with LiveEncoder(audio_format, 24000, ffmpeg) as encoder:
            async for data in encoder.encode(pieces):
                ...

    Leaving the block, for whatever reason, kills and reaps FFmpeg and stops reading the pieces.
    """

    def __init__(self, audio_format: AudioFormat, sample_rate_hz: int, ffmpeg: Path) -> None:
        self._format = audio_format
        self._sample_rate_hz = sample_rate_hz
        self._ffmpeg = ffmpeg
        self._child: _Child | None = None
        self._output: AsyncGenerator[bytes, None] | None = None

    async def __aenter__(self) -> LiveEncoder:
        """Raises SynthesisFailed if FFmpeg does not start."""
        if not self._format.is_native:
            self._child = await _Child.start(
                _command(self._format, self._sample_rate_hz, self._ffmpeg)
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
        """The stream's bytes as soon as the encoder gives them; call it once.

        A consumer that pauses makes the reading of `pieces` pause too. If `pieces` is a generator,
        it is closed with the stream.

        Raises (while iterating):
            SynthesisFailed: the encoder failed; what was yielded so far is not the whole stream.
            Whatever iterating `pieces` raises, likewise.
        """
        self._output = (
            self._encode_natively(pieces) if self._child is None else self._child.run(pieces)
        )
        return self._output

    async def _encode_natively(self, pieces: AsyncIterable[Pcm]) -> AsyncGenerator[bytes, None]:
        # The header goes out with the first samples: a byte sent means that audio exists.
        header = b"" if self._format.headerless else live_wav_header(self._sample_rate_hz)
        async with _closed_at_the_end(pieces):
            async for pcm in pieces:
                data = header + to_s16(pcm).tobytes()
                header = b""
                if data:
                    yield data
        if header:
            yield header


@asynccontextmanager
async def _closed_at_the_end(pieces: AsyncIterable[Pcm]) -> AsyncGenerator[None, None]:
    """Else a generator left in the middle would live on until it is collected."""
    try:
        yield
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def _command(audio_format: AudioFormat, sample_rate_hz: int, ffmpeg: Path) -> list[str]:
    reading = ["-f", "s16le", "-ar", str(_DECLARED_RATE_HZ), "-ac", "1", "-i", "pipe:0"]
    rate = ["-af", f"asetrate={sample_rate_hz}"]
    writing = ["-c:a", str(audio_format.codec), *audio_format.encoder_arguments(live=True)]
    muxing = ["-f", audio_format.muxer, "-flush_packets", "1", "pipe:1"]
    general = [str(ffmpeg), "-hide_banner", "-nostdin", "-loglevel", "error"]
    return [*general, *reading, *rate, *writing, *muxing]


class _Child:
    """An FFmpeg that reads PCM from one pipe and writes the encoded stream to another."""

    def __init__(self, process: asyncio.subprocess.Process, messages: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._messages = messages
        self._killed = False
        self._stdin.transport.set_write_buffer_limits(high=_BUFFERED_BYTES)

    @classmethod
    async def start(cls, command: list[str]) -> _Child:
        with ExitStack() as on_failure:
            # A file takes FFmpeg's messages without anybody having to read along.
            messages = on_failure.enter_context(tempfile.TemporaryFile())
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=messages,
                    limit=_BUFFERED_BYTES,
                )
            except OSError as error:
                raise SynthesisFailed("the encoder does not start on this server") from error
            on_failure.pop_all()
        return cls(process, messages)

    async def run(self, pieces: AsyncIterable[Pcm]) -> AsyncGenerator[bytes, None]:
        writer = asyncio.create_task(self._write(pieces))
        try:
            while data := await self._stdout.read(_BUFFERED_BYTES):
                yield data
            await self._check_end(writer)
        finally:
            writer.cancel()
            # Its error, if any, was raised by _check_end or no longer matters.
            await asyncio.wait({writer})
            if not writer.cancelled():
                writer.exception()

    async def _write(self, pieces: AsyncIterable[Pcm]) -> bool:
        """Feed FFmpeg to the end of `pieces`; False if it stopped taking them before."""
        try:
            async with _closed_at_the_end(pieces):
                async for pcm in pieces:
                    self._stdin.write(to_s16(pcm).tobytes())
                    await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return False
        except BaseException:
            # No tail and no trailer: a stream that breaks off must not look whole.
            self.kill()
            raise
        self._stdin.close()
        return True

    async def _check_end(self, writer: asyncio.Task[bool]) -> None:
        exit_status = await self._process.wait()
        # FFmpeg is gone, so the writer has ended, is about to, or waits for pieces in vain.
        await asyncio.wait({writer}, timeout=0.1)
        complete = writer.done() and await writer
        if not complete or exit_status != 0:
            self._messages.seek(0)
            said = self._messages.read(_LOGGED_BYTES).decode(errors="replace").strip()
            logger.error("the live encoder ended with status %s: %s", exit_status, said)
            raise SynthesisFailed("the encoder broke while the speech was being made")

    def kill(self) -> None:
        # Once only: a second signal would look at the process first, and so take its exit status
        # away from asyncio.
        if self._process.returncode is None and not self._killed:
            self._killed = True
            with suppress(ProcessLookupError):
                self._process.kill()

    async def reap(self) -> None:
        """After `kill`, and with nobody reading: wait until the process and its pipes are gone."""
        try:
            self._stdin.close()
            # asyncio closes a paused pipe only once it has been read to its end.
            while await self._stdout.read(_BUFFERED_BYTES):
                pass
            await self._process.wait()
            with suppress(BrokenPipeError, ConnectionResetError):
                await self._stdin.wait_closed()
        finally:
            self._messages.close()
