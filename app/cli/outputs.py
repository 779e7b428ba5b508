"""Puts bytes into a file that appears whole or not at all, or into the standard output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

import typer

from app.cli.exits import ExitCode, Refused
from app.files import partial_file

Write = Callable[[bytes], Awaitable[None]]
"""takes bytes as they come; raises Refused"""


@asynccontextmanager
async def whole_file(path: Path) -> AsyncIterator[Write]:
    """Writes a file that takes the place of `path` at the end of the block.

    An error leaves what was there, and nothing else. What is no ordinary file (a device, a named
    pipe) is written into as it is.

    Raises:
        Refused: the disk refuses.
    """
    with ExitStack() as opened:
        with _refusing(path):
            file = opened.enter_context(_opened(path))

        async def write(data: bytes) -> None:
            with _refusing(path):
                await asyncio.to_thread(file.write, data)

        yield write
        whole = opened.pop_all()
        with _refusing(path):
            await asyncio.to_thread(whole.close)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Opens what `path` leads to: a new file that takes its place, or a device as it is."""
    with ExitStack() as stack:
        if path.exists() and not path.is_file():
            written = path
        else:
            # A link stays a link: what it leads to is replaced.
            written = stack.enter_context(partial_file(Path(os.path.realpath(path))))
        file = written.open("wb")
        try:
            yield file
            file.close()
        finally:
            # Closing writes what is left, and fails once more where writing has failed.
            with contextlib.suppress(OSError):
                file.close()


@asynccontextmanager
async def standard_output() -> AsyncIterator[Write]:
    """Writes bytes as they come. A reader who is slow holds up nothing but the writing.

    Raises:
        Refused: the reader has left, or the disk is full.
    """
    # A thread of its own, which is left behind: where nobody reads, a write never ends.
    thread = ThreadPoolExecutor(1, "stdout")

    async def write(data: bytes) -> None:
        await asyncio.get_running_loop().run_in_executor(thread, _put, data)

    try:
        yield write
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def check_takes_bytes() -> None:
    """Checks that the standard output can take bytes.

    Raises:
        Refused: it is closed, or a terminal, which would show them as characters.
    """
    if sys.stdout is None:
        raise Refused("-o -: the standard output is closed")
    if sys.stdout.isatty():
        raise Refused("-o - would fill the terminal with bytes: pipe them somewhere")


def print_result(line: str) -> None:
    """Prints a line on the standard output. Raises Refused."""
    with _standard_output_refusing():
        typer.echo(line)


def _put(data: bytes) -> None:
    with _standard_output_refusing():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@contextmanager
def _standard_output_refusing() -> Iterator[None]:
    try:
        with _refusing("the standard output"):
            yield
    except Refused:
        # Python tries once more at its end, and would complain in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def _refusing(what: object) -> Iterator[None]:
    """Turns an error of the system while `what` is written into one that a command shows."""
    try:
        yield
    except BrokenPipeError:
        raise Refused(None, ExitCode.NO_READER) from None
    except OSError as error:
        raise Refused(f"{what} cannot be written: {error.strerror}", ExitCode.FAILED) from None
