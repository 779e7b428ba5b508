"""Speaks texts side by side, and puts each into its file, a pipe or a player."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.cli.backend import Backend, Spoken, TextToSpeak
from app.cli.exits import ExitCode, Refused
from app.cli.outputs import Write, standard_output, whole_file
from app.cli.player import Player
from app.cli.progress import ProgressLine

_HOPELESS = (ExitCode.UNREACHABLE, ExitCode.UNAUTHORIZED, ExitCode.NO_READER)
"""After these errors every other text would fail as well."""


@dataclass(frozen=True, slots=True)
class Take:
    """A take is one text to speak, and where its audio goes.

    Attributes:
        origin: where the text came from, for error messages.
        path: the file to write; None for the standard output, or for a player that plays live.
        shown: whether the path is printed once the file is written.
    """

    wanted: TextToSpeak
    origin: str
    path: Path | None
    shown: bool = True


async def speak_all(
    backend: Backend, takes: Sequence[Take], progress: ProgressLine, player: Player | None
) -> None:
    """Speak every take, even if some of them fail.

    Args:
        player: plays the takes, in their order; None plays nothing.

    Raises:
        Refused: the last failure; those before it have been printed.
    """
    progress.expect([take.wanted.text for take in takes])
    # Audio that is played or piped while it is made must come in order, one text at a time.
    is_live = any(take.path is None for take in takes)
    room = asyncio.Semaphore(1 if is_live else backend.side_by_side)

    async def make(number: int, take: Take) -> None:
        async with room:
            await _make(backend, take, partial(progress.spoken, number), player)
        progress.finished(number)

    tasks = [asyncio.create_task(make(number, take)) for number, take in enumerate(takes)]
    failures: list[Refused] = []
    try:
        for take, task in zip(takes, tasks, strict=True):
            refusal = await _finish(take, task, progress, player)
            if refusal is not None:
                failures.append(refusal.about(take.origin) if len(takes) > 1 else refusal)
                if refusal.code in _HOPELESS:
                    break
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for failure in failures[:-1]:
        progress.say(failure.line)
    if failures:
        raise failures[-1]


async def _finish(
    take: Take, task: Awaitable[None], progress: ProgressLine, player: Player | None
) -> Refused | None:
    """Wait for a take, print its path, and play it; return the failure, if there was one."""
    try:
        await task
        if take.path is not None:
            if take.shown:
                progress.result(str(take.path))
            if player is not None:
                await player.play(take.path)
    except Refused as refusal:
        return refusal
    return None


async def _make(backend: Backend, take: Take, spoken: Spoken, player: Player | None) -> None:
    if take.path is not None and take.wanted.captions:
        await _make_captioned(backend, take.wanted, take.path, spoken)
        return
    async with (
        _opened(take, player) as write,
        aclosing(backend.speak(take.wanted, spoken)) as pieces,
    ):
        async for data in pieces:
            await write(data)


async def _make_captioned(
    backend: Backend, wanted: TextToSpeak, path: Path, spoken: Spoken
) -> None:
    """Write the audio, and beside it a file of the same name for each kind of captions."""
    data, captions = await backend.speak_captioned(wanted, spoken)
    async with AsyncExitStack() as files:
        for name, text in captions.items():
            write = await files.enter_async_context(whole_file(path.with_suffix(f".{name}")))
            await write(text.encode())
        write = await files.enter_async_context(whole_file(path))
        await write(data)


def _opened(take: Take, player: Player | None) -> AbstractAsyncContextManager[Write]:
    if take.path is not None:
        return whole_file(take.path)
    return standard_output() if player is None else player.playing()
