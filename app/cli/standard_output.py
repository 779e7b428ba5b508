"""Audio for a pipe: `… | ffplay -`."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from app.cli.exits import ExitCode, Refused


def refuse_terminal() -> None:
    """Raises: Refused: audio would be shown as characters."""
    if sys.stdout.isatty():
        raise Refused("-o - would write audio to the terminal: pipe it somewhere, or use --play")


class StandardOutput:
    """Writes bytes as they come. A reader who is slow holds up nothing but the writing.

    The thread is its own, and left behind: where nobody reads, a write never ends.
    """

    def __enter__(self) -> StandardOutput:
        self._thread = ThreadPoolExecutor(1, "stdout")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def write(self, data: bytes) -> None:
        """Raises: Refused: the reader has left, or the disk is full."""
        await asyncio.get_running_loop().run_in_executor(self._thread, _put, data)


def _put(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise Refused(None, ExitCode.NO_READER) from None
    except OSError as error:
        raise Refused(f"standard output: {error.strerror}", ExitCode.FAILED) from None
