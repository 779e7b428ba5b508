"""Writes bytes into a file that appears whole or not at all, or to the standard output."""

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
"""Takes bytes as they come; raises Refused if they cannot be written."""


@asynccontextmanager
async def whole_file(path: Path) -> AsyncIterator[Write]:
    """Write a file that takes the place of `path` at the end of the block.

    After an error the old file is still there, and nothing else. Bytes for a device or a named
    pipe go straight into it.

    Raises:
        Refused: the file cannot be written.
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
    """Open a new file that takes the place of `path`, or the device that `path` is."""
    with ExitStack() as stack:
        if path.exists() and not path.is_file():
            written = path
        else:
            # Replace what a link leads to, not the link.
            written = stack.enter_context(partial_file(Path(os.path.realpath(path))))
        file = written.open("wb")
        try:
            yield file
            file.close()
        finally:
            # Closing writes what is buffered, which fails again where writing has failed.
            with contextlib.suppress(OSError):
                file.close()


@asynccontextmanager
async def standard_output() -> AsyncIterator[Write]:
    """Write to the standard output from a thread, so that a slow reader does not block the loop.

    Raises:
        Refused: the reader has left, or the disk is full.
    """
    # The thread is never waited for: where nobody reads, a write never ends.
    thread = ThreadPoolExecutor(1, "stdout")

    async def write(data: bytes) -> None:
        await asyncio.get_running_loop().run_in_executor(thread, _put, data)

    try:
        yield write
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def check_takes_bytes() -> None:
    """Check that the standard output can take bytes.

    Raises:
        Refused: it is closed, or a terminal, which would show the bytes as characters.
    """
    if sys.stdout is None:
        raise Refused("-o -: the standard output is closed")
    if sys.stdout.isatty():
        raise Refused("-o - would fill the terminal with bytes: pipe them somewhere")


def print_result(line: str) -> None:
    """Print a line on the standard output.

    Raises:
        Refused: nobody takes it.
    """
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
        # Python flushes the standard output when it ends, and would print an error of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def _refusing(what: object) -> Iterator[None]:
    """Turn an OSError while `what` is written into a Refused."""
    try:
        yield
    except BrokenPipeError:
        raise Refused(None, ExitCode.NO_READER) from None
    except OSError as error:
        raise Refused(f"{what} cannot be written: {error.strerror}", ExitCode.FAILED) from None
