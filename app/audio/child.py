"""Runs an FFmpeg that works on a stream: bytes go into one pipe and come out of another."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import IO, Any

from app.audio.ffmpeg import ffmpeg_gone
from app.errors import FfmpegFailed
from app.files import scratch_failed

logger = logging.getLogger(__name__)

# This much may wait in this process on each side of FFmpeg: a third of a second of 16-bit PCM.
_BUFFERED_BYTES = 1 << 14
_LOGGED_BYTES = 2000


@asynccontextmanager
async def closed_at_the_end(pieces: AsyncIterable[Any]) -> AsyncGenerator[None, None]:
    """Close `pieces` after the block if it is a generator, which may not have come to its end.

    A generator that is left in the middle would live on until it is garbage-collected.
    """
    try:
        yield
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


class FfmpegChild:
    """Holds one FFmpeg process. Whoever starts it must call `kill` and then `reap` at the end."""

    def __init__(self, process: asyncio.subprocess.Process, messages: IO[bytes], task: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._messages = messages
        self._task = task
        self._killed = False
        self._stdin.transport.set_write_buffer_limits(high=_BUFFERED_BYTES)

    @classmethod
    async def start(cls, command: list[str], task: str) -> FfmpegChild:
        """Start an FFmpeg with `command`.

        Args:
            task: what this process does, as a noun, for messages.

        Raises:
            FfmpegUnavailable: the program does not start.
            StorageFailed: there is no room for its messages.
        """
        with ExitStack() as on_failure:
            # A file takes FFmpeg's messages without anybody having to read along.
            try:
                messages = on_failure.enter_context(tempfile.TemporaryFile())
            except OSError as error:
                raise scratch_failed(error) from error
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=messages,
                    limit=_BUFFERED_BYTES,
                    process_group=0,  # Ctrl-C ends this server, which lets it finish first
                )
            except OSError as error:
                raise ffmpeg_gone(error) from error
            on_failure.pop_all()
        return cls(process, messages, task)

    async def run(self, pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield what FFmpeg makes of `pieces`, as soon as it gives it. Call it once.

        A consumer that pauses makes the reading of `pieces` pause too. If `pieces` is a generator,
        it is closed at the end.

        Raises (while iterating):
            FfmpegFailed: what was yielded so far is not the whole.
            Whatever iterating `pieces` raises, likewise.
        """
        writer = asyncio.create_task(self._write(pieces))
        try:
            while data := await self._stdout.read(_BUFFERED_BYTES):
                yield data
            await self._check_end(writer)
        finally:
            writer.cancel()
            # If it failed, _check_end has raised its error, or the error no longer matters.
            await asyncio.wait({writer})
            if not writer.cancelled():
                writer.exception()

    async def _write(self, pieces: AsyncIterable[bytes]) -> bool:
        """Feed FFmpeg to the end of `pieces`; return False if it stopped taking them before."""
        try:
            async with closed_at_the_end(pieces):
                async for data in pieces:
                    self._stdin.write(data)
                    await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return False
        except BaseException:
            # FFmpeg must write no trailer, since a stream that breaks off must not look whole.
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
            logger.error("the %s ended with status %s: %s", self._task, exit_status, said)
            raise FfmpegFailed(f"the {self._task} broke while the speech was being made")

    def kill(self) -> None:
        """End the process if it is still there. It may be called again."""
        # A second signal would look at the process first, and so take its exit status away from
        # asyncio.
        if self._process.returncode is None and not self._killed:
            self._killed = True
            with suppress(ProcessLookupError):
                self._process.kill()

    async def reap(self) -> None:
        """Wait until the process and its pipes are gone, after `kill` and with nobody reading."""
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
