"""Plays audio through a player program of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cli.exits import ExitCode, Refused
from app.cli.outputs import Write

_STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Player:
    """A player is a program that plays a file and then ends.

    Attributes:
        arguments: stand before the name of the file.
        standard_input: stands for the standard input in place of a file; None if it reads no pipe.
        formats: the formats it plays; None for every format that has a header.
        failed: finds an error in the program's messages that its exit code does not show.
    """

    program: str
    arguments: tuple[str, ...]
    standard_input: str | None
    formats: tuple[str, ...] | None = None
    failed: re.Pattern[str] | None = None

    async def play(self, path: Path) -> None:
        """Play a file to its end.

        Raises:
            Refused: the player fails.
        """
        async with self._running(str(path), asyncio.subprocess.DEVNULL) as process:
            await self._end(process)

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[Write]:
        """Play what is written during the block, while it is written.

        Raises:
            Refused: the player fails.
        """
        assert self.standard_input is not None
        async with self._running(self.standard_input, asyncio.subprocess.PIPE) as process:
            pipe = process.stdin
            assert pipe is not None

            async def write(data: bytes) -> None:
                try:
                    pipe.write(data)
                    await pipe.drain()
                except ConnectionError:
                    await self._end(process)
                    raise Refused(f"{self.program} has ended early", ExitCode.FAILED) from None

            yield write
            pipe.close()
            await self._end(process)

    @asynccontextmanager
    async def _running(self, source: str, stdin: int) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            self.program,
            *self.arguments,
            source,
            stdin=stdin,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            if process.returncode is None:
                process.kill()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        messages = (await process.stderr.read()).decode("utf-8", "replace").strip()
        code = await process.wait()
        lines = messages.splitlines()
        found = self.failed and self.failed.search(messages)
        if found:
            lines.append(found[0])
        if found or code != 0:
            said = lines[-1] if lines else f"exit code {code}"
            raise Refused(f"{self.program} does not play: {said}", ExitCode.FAILED)


PLAYERS = (
    Player(
        "ffplay",
        ("-nodisp", "-autoexit", "-loglevel", "error", "-i"),
        "pipe:0",
        failed=re.compile(r".*(audio open failed|Invalid data found|Could not initialize SDL).*"),
    ),
    Player("afplay", (), None),
    Player("aplay", ("--quiet",), "-", ("wav",)),
)
"""Players are tried in this order."""


def find_player(audio_format: str, *, live: bool) -> Player:
    """Find the first player on this machine that can play a format.

    Args:
        live: whether the audio is played while it is made, from a pipe.

    Raises:
        Refused: there is none; the message says what to install.
    """
    if audio_format == "pcm":
        raise Refused("--play needs a format with a header: pcm has none; use --format wav")
    found = [each for each in PLAYERS if shutil.which(each.program)]
    if not found:
        names = ", ".join(each.program for each in PLAYERS)
        raise Refused(
            f"--play needs one of {names} on the PATH; ffplay comes with FFmpeg", ExitCode.FAILED
        )
    for each in found:
        plays = each.formats is None or audio_format in each.formats
        if plays and (each.standard_input is not None or not live):
            return each
    streamed = " while it is made" if live else ""
    raise Refused(
        f"{found[0].program} cannot play {audio_format}{streamed}: install ffplay, which comes "
        "with FFmpeg",
        ExitCode.FAILED,
    )
