"""Asks for jobs and keeps them, on a thread that waits for nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial

from app.errors import SpeechError, StorageFailed
from app.jobs.job import Job
from app.jobs.leases import RENEW_SECONDS, Claims
from app.jobs.store import JobStore
from app.network.connections import ended
from app.work import ThreadPool

logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Says that another server may have taken a job over, so that nothing of it is written here."""


class Leasing:
    """Knows which jobs are this server's. Use from the event loop, but for `require`.

    Args:
        pool: has a thread for this alone; others may hang with a store that does.
    """

    def __init__(self, store: JobStore, claims: Claims, pool: ThreadPool) -> None:
        self._store = store
        self._claims = claims
        self._pool = pool
        self.alone = claims.alone
        self.worker = claims.worker

    @property
    def lost(self) -> bool:
        """Tell whether others may have taken the jobs over."""
        return self._claims.lost

    async def ours(self, at_work: Collection[str], *, has_room: bool) -> list[Job]:
        """Return the jobs to work on now; see `Claims.ours`."""
        unfinished = await self._pool.run(self._store.unfinished)
        claim = partial(self._claims.ours, unfinished, at_work, has_room=has_room)
        ours = await self._pool.run(claim)
        return [job for job in unfinished if job.id in ours]

    def require(self, job_id: str) -> None:
        """Refuse to write anything of a job that others may work on by now. Blocks.

        Raises:
            LeaseLost.
            StorageFailed: the database does not answer.
        """
        if self.lost or not self._store.works(job_id, self.worker):
            raise LeaseLost(job_id)

    @asynccontextmanager
    async def kept(self, at_work: Callable[[], Collection[str]]) -> AsyncIterator[None]:
        """Keep the jobs that are worked on while the block runs, and give them back at its end."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(RENEW_SECONDS)
                try:
                    await self._pool.run(partial(self._claims.renew, at_work()))
                except SpeechError as error:
                    logger.warning("the jobs of this server cannot be kept: %s", error.message)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            await ended(renewing)
            with suppress(StorageFailed):  # then others go on a little later
                await self._pool.run(self._claims.give_back)
