"""Jobs are kept alike in every database."""

from __future__ import annotations

import threading

import pytest

from app.errors import JobNotFound, SegmentNotFound
from app.jobs.database import SqliteDatabase
from app.jobs.job import GOING_ON, NewChapter, NewJob, NewSegment
from app.jobs.postgres import PostgresDatabase
from app.jobs.sql import Database
from app.jobs.store import JobStore
from app.marks import Marks
from app.owners import Viewer


def book(owner: str | None = None, key: str | None = None, *, title: str = "50 % off?") -> NewJob:
    chapters = (
        NewChapter("One", (NewSegment("First."), NewSegment("Second.")), "alba"),
        NewChapter(None, (NewSegment("Third.", "bruno", 1.5, 2.0),)),
    )
    return NewJob(owner, {"format": "wav", "script": "a: b?"}, 2**52, chapters, title, key=key)


def test_a_job_comes_back_as_it_was(store: JobStore) -> None:
    job_id, is_new = store.add(book("alice"))
    assert is_new
    job = store.get(job_id)
    assert (job.owner, job.state, job.seed, job.title) == ("alice", "queued", 2**52, "50 % off?")
    assert job.asked == {"format": "wav", "script": "a: b?"}
    assert job.has_cover is False
    assert [(each.number, each.segments, each.heading) for each in store.chapters(job_id)] == [
        (1, 2, "One"),
        (2, 1, None),
    ]
    third = store.segment(job_id, 3)
    assert (third.text, third.voice, third.last) == ("Third.", "bruno", True)
    assert (third.start_seconds, third.most_seconds) == (1.5, 2.0)
    assert third.seed == store.segments(job_id)[2].seed


def test_segments_are_spoken_and_spoken_anew(store: JobStore) -> None:
    """Progress counts what is spoken; a take that is not wanted any more does not count."""
    job_id, _ = store.add(book())
    first, *_ = store.unspoken(job_id, most=2)
    assert store.spoken(job_id, first, 24_000, Marks(), 48_044)
    progress = store.progress(job_id)
    assert (progress.segments, progress.segments_done, progress.samples) == (3, 1, 24_000)
    assert (progress.characters, progress.characters_done) == (19, 6)
    assert all(type(each) is int for each in (progress.samples, progress.characters_done))
    anew = store.change_segment(job_id, 1, {"text": "Other."})
    assert (anew.take, anew.done) == (2, False)
    assert not store.spoken(job_id, first, 24_000, Marks(), 48_044)
    with pytest.raises(SegmentNotFound):
        store.segment(job_id, 4)


def test_states_and_what_is_told_of_them(store: JobStore) -> None:
    job_id, _ = store.add(book())
    assert store.change_state(job_id, "paused", only_from=GOING_ON, reason=None)
    assert not store.change_state(job_id, "speaking", only_from=GOING_ON, reason=None)
    events = store.events(job_id, after=0, most=10)
    assert [each.data["state"] for each in events] == ["queued", "paused"]
    assert store.events(job_id, after=events[0].number, most=10) == events[1:]


def test_a_finished_job(store: JobStore) -> None:
    job_id, _ = store.add(book("alice"))
    assert not store.finished(job_id, "book.wav", 100)
    for segment in store.segments(job_id):
        store.spoken(job_id, segment, 10, Marks(), 64)
    assert store.finished(job_id, "book.wav", 100)
    assert store.get(job_id).state == "done"
    assert store.unfinished() == []
    assert store.bytes_of("alice") == 3 * 64 + 100
    store.remove(job_id)
    assert store.ids() == set()
    with pytest.raises(JobNotFound):
        store.get(job_id)


def test_whose_they_are(store: JobStore) -> None:
    """Each sees their own; the operator's are nobody's."""
    made = {owner: store.add(book(owner))[0] for owner in ("alice", "bob", None)}
    for owner, job_id in made.items():
        assert [job.id for job in store.all_for(Viewer(owner, "own"))] == [job_id]
    assert {job.id for job in store.all_for(Viewer())} == set(made.values())


def test_one_job_of_a_key(database: Database) -> None:
    """Whoever asks twice, of several servers at once, gets the same job."""
    servers = [JobStore(_another(database)) for _ in range(4)]
    made: list[tuple[str, bool]] = []
    threads = [
        threading.Thread(target=lambda each=each: made.append(each.add(book("alice", "key"))))
        for each in servers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in servers:
        each._database.close()
    assert len({job_id for job_id, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1


def _another(database: Database) -> Database:
    """Open the same database as another server does."""
    if isinstance(database, PostgresDatabase):
        opened: Database = PostgresDatabase(database._url)
    else:
        assert isinstance(database, SqliteDatabase)
        opened = SqliteDatabase(database._path)
    opened.open()
    return opened
