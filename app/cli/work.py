"""Runs the work of a command on a backend, from start to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from app.cli.backend import Backend
from app.cli.progress import ProgressLine

Work = Callable[[Backend, ProgressLine], Awaitable[None]]


def run_work(work: Work, *, server: str | None, quiet: bool) -> None:
    """Run `work` on this process's own backend, or on that of a server.

    Args:
        server: the server's URL; None for this process.
        quiet: show no progress.

    Raises:
        Refused, KeyboardInterrupt: the work has failed or was interrupted, and is cleaned up.
    """
    # SIGTERM, which ends services and containers, must leave no half file either: treat it as
    # Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ProgressLine(quiet=quiet) as progress:
        backend = backend_of(server, progress)

        async def work_over_backend() -> None:
            async with backend.opened():
                await work(backend, progress)

        asyncio.run(work_over_backend())


def backend_of(server: str | None, progress: ProgressLine) -> Backend:
    """Make a backend, and import only what it needs: an HTTP client, or the server's parts."""
    if server is not None:
        from app.cli.remote import RemoteBackend  # noqa: PLC0415

        return RemoteBackend(server, progress)
    progress.status("starting")
    from app.cli.local import LocalBackend  # noqa: PLC0415

    return LocalBackend(progress)
