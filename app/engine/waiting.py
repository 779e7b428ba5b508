"""Queues the jobs that wait for their first row, fairly between callers: no clock, no lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, NamedTuple, Protocol, TypeAlias

from app.engine.sequence import EngineJob, RowT
from app.rounds import Rounds

_Party: TypeAlias = tuple[bool, str]
"""Whether nobody listens, and the caller."""


class Asking(Protocol):
    """Says for whom a place is asked: a job does, and so does `Asker` before there is one."""

    @property
    def caller(self) -> str: ...

    @property
    def unhurried(self) -> bool: ...


class Asker(NamedTuple):
    """Names a caller whose job is yet to be made."""

    caller: str
    unhurried: bool = False


class WaitingJobs(Generic[RowT]):
    """Queues jobs by caller. Callers are only told apart here; who they are nobody asks.

    The queue is full with so many jobs, or once so much audio waits. Then a caller that has more
    than an equal share of it is refused; for anybody else the one that has most gives way.

    Jobs that nobody listens to are behind all others, and do not count: whoever submits them bounds
    them, and nobody who listens finds no place because of them.

    Args:
        max_jobs: how many jobs may wait.
        max_seconds: with so much audio the queue is full; the job that reaches it still waits.
    """

    def __init__(self, max_jobs: int, max_seconds: float) -> None:
        self._max_jobs = max_jobs
        self._max_seconds = max_seconds
        self._rounds: Rounds[_Party, EngineJob[RowT]] = Rounds()

    def __len__(self) -> int:
        return len(self._rounds)

    def __iter__(self) -> Iterator[EngineJob[RowT]]:
        return iter(self._rounds)

    @property
    def seconds(self) -> float:
        """Tell how much audio waits to be made."""
        return sum(job.expected_seconds for job in self._rounds)

    @property
    def callers(self) -> int:
        """Tell how many callers wait."""
        return len(self._rounds.parties)

    @property
    def is_full(self) -> bool:
        """Tell whether no further job may wait."""
        return self._heard_jobs >= self._max_jobs or self._heard_seconds >= self._max_seconds

    def exceeds_share(self, asking: Asking) -> bool:
        """Tell whether its caller would have more of the full queue than others with one job more.

        Everybody may have one job there.
        """
        return self._is_over_share(_party(asking), self._parties_with(asking), more=1)

    def gives_way_to(self, asking: Asking) -> EngineJob[RowT] | None:
        """Return the newest job of who has most of the full queue; None if all have their share."""
        parties = self._parties_with(asking)
        over = [each for each in self._heard_parties if self._is_over_share(each, parties)]
        if not over:
            return None
        *_, newest = self._rounds.line(max(over, key=self._part_of_queue))
        return newest

    def held_by(self, asking: Asking) -> tuple[int, float]:
        """Tell how many jobs of its caller wait, and how much audio they are."""
        return self._held_by(_party(asking))

    def next(self, running: Mapping[str, int]) -> EngineJob[RowT] | None:
        """Return the job whose turn it is; None if none waits.

        It is one of the caller that has the fewest jobs running; among those, callers take turns.

        Args:
            running: how many jobs of each caller have rows.
        """
        return self._rounds.next(lambda party: (party[0], running.get(party[1], 0)))

    def join(self, job: EngineJob[RowT]) -> None:
        """Queue a job."""
        self._rounds.join(_party(job), job)

    def admit(self, job: EngineJob[RowT]) -> None:
        """Take out a job that `next` returned: its caller has had a turn."""
        self._rounds.take(_party(job))

    def leave(self, job: EngineJob[RowT]) -> None:
        """Take out a job that waits no longer."""
        self._rounds.leave(_party(job), job)

    def _parties_with(self, asking: Asking) -> int:
        return len({*self._heard_parties, _party(asking)})

    @property
    def _heard_parties(self) -> list[_Party]:
        return [each for each in self._rounds.parties if not each[0]]

    @property
    def _heard_jobs(self) -> int:
        return sum(len(self._rounds.line(each)) for each in self._heard_parties)

    @property
    def _heard_seconds(self) -> float:
        return sum(self._held_by(each)[1] for each in self._heard_parties)

    def _is_over_share(self, party: _Party, parties: int, *, more: int = 0) -> bool:
        jobs, seconds = self._held_by(party)
        if jobs + more <= 1:
            return False
        is_long = self._heard_seconds >= self._max_seconds
        too_many = self._heard_jobs >= self._max_jobs and (jobs + more) * parties > self._max_jobs
        too_long = is_long and seconds * parties > self._max_seconds
        return too_many or too_long

    def _part_of_queue(self, party: _Party) -> float:
        jobs, seconds = self._held_by(party)
        return max(jobs / self._max_jobs, seconds / self._max_seconds)

    def _held_by(self, party: _Party) -> tuple[int, float]:
        line = self._rounds.line(party)
        return len(line), sum(job.expected_seconds for job in line)


def _party(asking: Asking) -> _Party:
    return asking.unhurried, asking.caller
