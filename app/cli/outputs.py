"""Where bytes go: into a file that appears whole or not at all, or to the standard output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import typer

from app.cli.exits import ExitCode, Refused

Write = Callable[[bytes], Awaitable[None]]
"""Takes bytes as they come; raises Refused"""


@asynccontextmanager
async def whole_file(path: Path) -> AsyncIterator[Write]:
    """Writes beside `path` and takes its place at the end of the block; an error leaves nothing.

    What is no ordinary file (a device, a named pipe) is written into as it is.

    Raises:
        Refused: the disk refuses.
    """
    with _refusing(path):
        final, written = _places(path)
        file = written.open("wb")

    async def write(data: bytes) -> None:
        with _refusing(path):
            await asyncio.to_thread(file.write, data)

    try:
        yield write
        with _refusing(path):
            file.close()
            if written != final:
                written.replace(final)
    finally:
        with contextlib.suppress(OSError):
            file.close()
        if written != final:
            with contextlib.suppress(OSError):
                written.unlink(missing_ok=True)


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
    """Raises: Refused: the standard output is closed, or would show bytes as characters."""
    if sys.stdout is None:
        raise Refused("-o -: the standard output is closed")
    if sys.stdout.isatty():
        raise Refused("-o - would fill the terminal with bytes: pipe them somewhere")


def print_result(line: str) -> None:
    """A line on the standard output. Raises Refused."""
    with _standard_output_refusing():
        typer.echo(line)


def _places(path: Path) -> tuple[Path, Path]:
    """What `path` leads to, and what to write in its place until that is whole."""
    if path.exists() and not path.is_file():
        return path, path
    # A link stays a link: what it leads to is replaced.
    final = Path(os.path.realpath(path))
    return final, final.with_name(f".{final.name[:50]}.{secrets.token_hex(4)}.partial")


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
    """Turns what the system says while `what` is written into what a command tells."""
    try:
        yield
    except BrokenPipeError:
        raise Refused(None, ExitCode.NO_READER) from None
    except OSError as error:
        raise Refused(f"{what} cannot be written: {error.strerror}", ExitCode.FAILED) from None
