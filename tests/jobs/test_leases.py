"""Each job is worked on by one server, and by another if that one dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from app.errors import StorageFailed
from app.jobs.job import GOING_ON, Segment
from app.jobs.leases import LEASE_SECONDS, LOST_SECONDS, OVERDUE_SECONDS, Leases
from app.jobs.postgres import PostgresDatabase
from app.jobs.sql import Database
from app.jobs.store import JobStore
from app.marks import Marks
from tests.jobs.postgres import Postgres
from tests.jobs.test_store import book


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    opened = PostgresDatabase(postgres.database())
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def leases(database: Database) -> tuple[Leases, Leases]:
    """What two servers have."""
    return Leases(database), Leases(database)


def grow_old(database: Database, seconds: float) -> None:
    """Let all leases and jobs be so much older."""
    with database.writing() as connection:
        connection.execute("UPDATE leases SET until_seconds = until_seconds - ?", (seconds,))
        connection.execute("UPDATE jobs SET created_seconds = created_seconds - ?", (seconds,))


def test_each_takes_one(leases: tuple[Leases, Leases], store: JobStore) -> None:
    """Who has room takes the oldest that is free, and nobody takes what another has."""
    mine, other = leases
    first, second = store.add(book())[0], store.add(book())[0]
    jobs = store.unfinished()
    assert mine.ours(jobs, [], has_room=True) == {first}
    assert other.ours(jobs, [], has_room=True) == {second}
    assert mine.ours(jobs, [first], has_room=True) == {first}
    assert other.ours(jobs, [second], has_room=True) == {second}


def test_nobody_waits_for_room_for_ever(
    leases: tuple[Leases, Leases], store: JobStore, database: Database
) -> None:
    """A job that no server had room for is taken all the same, after a while."""
    mine, _ = leases
    (job_id, _) = store.add(book())
    assert mine.ours(store.unfinished(), [], has_room=False) == set()
    grow_old(database, OVERDUE_SECONDS + 1)
    assert mine.ours(store.unfinished(), [], has_room=False) == {job_id}


def test_a_server_that_dies(
    leases: tuple[Leases, Leases], store: JobStore, database: Database
) -> None:
    """Once its lease has ended another goes on; the first gives up what it takes for its own."""
    mine, other = leases
    (job_id, _) = store.add(book())
    jobs = store.unfinished()
    assert mine.ours(jobs, [], has_room=True) == {job_id}
    assert other.ours(jobs, [], has_room=True) == set()
    grow_old(database, LEASE_SECONDS + 1)
    assert other.ours(jobs, [], has_room=True) == {job_id}
    assert mine.ours(jobs, [job_id], has_room=True) == set()


def test_leases_are_renewed(
    leases: tuple[Leases, Leases], store: JobStore, database: Database
) -> None:
    """As long as a server lives nobody takes its jobs."""
    mine, other = leases
    (job_id, _) = store.add(book())
    jobs = store.unfinished()
    mine.ours(jobs, [], has_room=True)
    for _ in range(4):
        grow_old(database, LEASE_SECONDS / 2)
        mine.renew([job_id])
        assert mine.ours(jobs, [job_id], has_room=False) == {job_id}
        assert other.ours(jobs, [], has_room=True) == set()


def test_a_server_that_stops(leases: tuple[Leases, Leases], store: JobStore) -> None:
    """What it gives back is free at once."""
    mine, other = leases
    (job_id, _) = store.add(book())
    mine.ours(store.unfinished(), [], has_room=True)
    mine.give_back()
    assert other.ours(store.unfinished(), [], has_room=True) == {job_id}


def test_a_job_that_rested(leases: tuple[Leases, Leases], store: JobStore) -> None:
    """What was given up here, as for a pause, is free for whoever asks first when it goes on."""
    mine, other = leases
    (job_id, _) = store.add(book())
    mine.ours(store.unfinished(), [], has_room=True)
    assert mine.ours([], [], has_room=True) == set()
    assert other.ours(store.unfinished(), [], has_room=True) == {job_id}
    assert mine.ours(store.unfinished(), [], has_room=True) == set()


def test_a_job_that_was_deleted(leases: tuple[Leases, Leases], store: JobStore) -> None:
    """One that was listed a moment ago is not leased, and the others are."""
    mine, _ = leases
    gone, there = store.add(book())[0], store.add(book())[0]
    listed = store.unfinished()
    store.remove(gone)
    mine.ours(listed, [], has_room=True)
    assert mine.ours(store.unfinished(), [], has_room=True) == {there}


def test_what_another_has_taken_is_not_renewed(
    leases: tuple[Leases, Leases], store: JobStore, database: Database
) -> None:
    """A server that was away for long does not take its jobs back from who goes on."""
    mine, other = leases
    (job_id, _) = store.add(book())
    mine.ours(store.unfinished(), [], has_room=True)
    grow_old(database, LEASE_SECONDS + 1)
    other.ours(store.unfinished(), [], has_room=True)
    mine.renew([job_id])
    assert store.works(job_id, other.worker)
    assert not store.works(job_id, mine.worker)


def test_what_comes_too_late_is_not_kept(
    leases: tuple[Leases, Leases], store: JobStore, database: Database
) -> None:
    """Who has lost a job changes nothing of it any more; who has it does, once for each take."""
    mine, other = leases
    (job_id, _) = store.add(book("alice"))
    mine.ours(store.unfinished(), [], has_room=True)
    grow_old(database, LEASE_SECONDS + 1)
    other.ours(store.unfinished(), [], has_room=True)

    def spoken(segment: Segment, worker: str | None) -> bool:
        return store.spoken(job_id, segment, 10, Marks(), 64, worker=worker)

    def failed(worker: str | None) -> bool:
        return store.change_state(job_id, "failed", only_from=GOING_ON, reason=None, worker=worker)

    for segment in store.segments(job_id):
        assert not spoken(segment, mine.worker)
        assert spoken(segment, other.worker)
        assert not spoken(segment, other.worker), "it was spoken already"
    assert not failed(mine.worker)
    assert not store.finished(job_id, "mine.wav", 100, worker=mine.worker)
    assert store.finished(job_id, "other.wav", 100, worker=other.worker)
    assert store.get(job_id).output == "other.wav"


def test_when_leases_are_lost(
    leases: tuple[Leases, Leases],
    store: JobStore,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who could not renew for long takes its jobs for lost before others may have them."""
    assert LOST_SECONDS < LEASE_SECONDS
    mine, _ = leases
    (job_id, _) = store.add(book())
    now_seconds = time.monotonic()
    clock = SimpleNamespace(monotonic=lambda: now_seconds)
    monkeypatch.setattr("app.jobs.leases.time", clock)
    mine.ours(store.unfinished(), [], has_room=True)
    now_seconds += LOST_SECONDS - 1
    lost = [mine.lost]
    now_seconds += 2
    lost.append(mine.lost)
    database.close()
    with pytest.raises(StorageFailed):
        mine.renew([job_id])
    lost.append(mine.lost)
    database.open()
    mine.renew([job_id])
    lost.append(mine.lost)
    assert lost == [False, True, True, False]
