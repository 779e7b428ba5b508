"""Runs a command's work over a backend, from start to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from app.cli.backend import Backend
from app.cli.progress import ProgressLine

Work = Callable[[Backend, ProgressLine], Awaitable[None]]


def run_work(work: Work, *, server: str | None, quiet: bool) -> None:
    """Do `work` in this process, or at a server.

    Raises:
        Refused, KeyboardInterrupt: after everything has been cleaned up.
    """
    # What ends a service or a container is to leave no half file either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ProgressLine(quiet=quiet) as progress:
        backend = _backend(server, progress)

        async def work_over_backend() -> None:
            async with backend.opened():
                await work(backend, progress)

        asyncio.run(work_over_backend())


def _backend(server: str | None, progress: ProgressLine) -> Backend:
    """Each imports what the other has no need of: an HTTP client, or everything else."""
    if server is not None:
        from app.cli.remote import RemoteBackend  # noqa: PLC0415

        return RemoteBackend(server, progress)
    progress.status("starting")
    from app.cli.local import LocalBackend  # noqa: PLC0415

    return LocalBackend(progress)
