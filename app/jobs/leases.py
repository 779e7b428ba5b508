"""Says which server works on which job: on all of a folder alone, or on those it has leased."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from app.files import held_alone
from app.jobs.job import Job
from app.jobs.sql import Connection, Database

LEASE_SECONDS = 15.0
"""Who has not been heard of for so long has died, and others go on."""
RENEW_SECONDS = 3.0
LOST_SECONDS = 10.0
"""Who could not renew its leases for so long gives its jobs up, before others may have them."""
OVERDUE_SECONDS = 3.0
"""A job that nobody with room has taken by then is taken by whoever sees it first."""

_NOW = "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8"


class Claims(Protocol):
    """Tells a server which jobs are its own to work on. Blocks."""

    def alone(self) -> AbstractContextManager[None]:
        """Work for the time of the block; raises BlockingIOError if only another server may."""

    @property
    def worker(self) -> str | None:
        """Return the name under which jobs are leased; None where nobody else works on them."""

    def ours(self, jobs: Sequence[Job], at_work: Collection[str], *, has_room: bool) -> set[str]:
        """Return the jobs to work on now, of those that are not finished, the oldest first.

        Args:
            at_work: the ids of those that this server works on.
            has_room: whether it could do more.

        Raises:
            StorageFailed: the database does not answer.
        """

    def renew(self, at_work: Collection[str]) -> None:
        """Keep jobs that are worked on, unless others have taken them; raises StorageFailed."""

    @property
    def lost(self) -> bool:
        """Tell whether others may have taken the jobs over."""

    def give_back(self) -> None:
        """Let others go on at once; raises StorageFailed."""


class AloneInFolder:
    """Lets the server that holds the folder work on all jobs; see `Claims`."""

    lost = False
    worker = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def alone(self) -> AbstractContextManager[None]:
        return held_alone(self._folder)

    def ours(self, jobs: Sequence[Job], at_work: Collection[str], *, has_room: bool) -> set[str]:  # noqa: ARG002
        return {job.id for job in jobs}

    def renew(self, at_work: Collection[str]) -> None:
        """The folder is held for as long as `alone` lasts."""

    def give_back(self) -> None:
        """The folder is free once `alone` has ended."""


class Leases:
    """Leases jobs in a database that several servers share; see `Claims`.

    Time is the database's, so that no server's clock matters.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.worker = secrets.token_hex(8)
        self._renewed_seconds = time.monotonic()

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    @property
    def lost(self) -> bool:
        return time.monotonic() - self._renewed_seconds > LOST_SECONDS

    def ours(self, jobs: Sequence[Job], at_work: Collection[str], *, has_room: bool) -> set[str]:
        # What is written lasts from then on at least, however late the answer comes.
        asked_seconds = time.monotonic()
        with self._database.reading() as connection:
            wanted = self._wanted(connection, jobs, at_work, has_room=has_room)
            leased = self._held(connection)
        held = leased & {*at_work} & {job.id for job in jobs}
        if wanted is None and held == leased:
            if not held:
                self._renewed_seconds = asked_seconds
            return held
        asked_seconds = time.monotonic()
        with self._database.writing() as connection:
            now_seconds = _now(connection)
            # Another may have been quicker since.
            wanted = self._wanted(connection, jobs, at_work, has_room=has_room)
            held = self._held(connection) & {*at_work} & {job.id for job in jobs}
            connection.execute("DELETE FROM leases WHERE worker = ?", (self.worker,))
            for job_id in {*held, *([wanted] if wanted else [])}:
                connection.execute(
                    # It may have been deleted since it was listed.
                    "INSERT INTO leases (job, worker, until_seconds) "
                    "SELECT id, CAST(? AS VARCHAR), CAST(? AS DOUBLE PRECISION) "
                    "FROM jobs WHERE id = ? "
                    "ON CONFLICT (job) DO UPDATE SET worker = EXCLUDED.worker, "
                    "until_seconds = EXCLUDED.until_seconds",
                    (self.worker, now_seconds + LEASE_SECONDS, job_id),
                )
        self._renewed_seconds = asked_seconds
        return held | ({wanted} if wanted else set())

    def renew(self, at_work: Collection[str]) -> None:
        if not at_work:
            return
        asked_seconds = time.monotonic()
        with self._database.writing() as connection:
            until_seconds = _now(connection) + LEASE_SECONDS
            for job_id in at_work:
                connection.execute(
                    "UPDATE leases SET until_seconds = ? WHERE job = ? AND worker = ?",
                    (until_seconds, job_id, self.worker),
                )
        self._renewed_seconds = asked_seconds

    def give_back(self) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM leases WHERE worker = ?", (self.worker,))

    def _held(self, connection: Connection) -> set[str]:
        """List what this server has leased and nobody else has taken since."""
        found = connection.execute("SELECT job FROM leases WHERE worker = ?", (self.worker,))
        return {job_id for (job_id,) in found}

    def _wanted(
        self,
        connection: Connection,
        jobs: Sequence[Job],
        at_work: Collection[str],
        *,
        has_room: bool,
    ) -> str | None:
        """Return the first job that this server should take, if there is one."""
        now_seconds = _now(connection)
        leased = {
            str(job_id): float(until_seconds)
            for job_id, worker, until_seconds in connection.execute(
                "SELECT job, worker, until_seconds FROM leases"
            )
            # What was given up here, as for a rest, anybody may have.
            if worker != self.worker or job_id in at_work
        }
        for job in jobs:
            free_since_seconds = leased.get(job.id, job.created_seconds)
            waited_seconds = now_seconds - free_since_seconds
            is_free = job.id not in leased or waited_seconds > 0
            if is_free and (has_room or waited_seconds > OVERDUE_SECONDS):
                return job.id
        return None


def _now(connection: Connection) -> float:
    return float(connection.execute(_NOW).fetchone()[0])
