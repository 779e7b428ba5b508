"""Deadlines decide what runs; the batch and the queue are bounded; nobody starves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.scheduler import (
    MAX_FRAMES_PER_DECODE,
    MAX_PENDING_FRAMES,
    PATIENCE_SECONDS,
    Batch,
    DecodeBatch,
    SampleBatch,
)
from app.errors import Overloaded
from tests.engine.policy import (
    FRAME_SECONDS,
    Machine,
    finish,
    hindered,
    job,
    policy,
    read_nothing,
    sequences_of,
)


def test_there_is_nothing_to_do_without_jobs() -> None:
    assert policy().next_batch(0.0) is None


def test_the_queue_is_bounded_and_says_when_to_come_back() -> None:
    scheduler = policy(max_queued_jobs=2)
    scheduler.submit(job())
    scheduler.submit(job())
    with pytest.raises(Overloaded) as refusal:
        scheduler.submit(job())
    assert 1.0 <= refusal.value.retry_after_seconds <= 60.0
    assert scheduler.queued_jobs == 2


def test_an_admitted_job_makes_room_in_the_queue() -> None:
    scheduler = policy(max_queued_jobs=1)
    scheduler.submit(job())
    scheduler.next_batch(0.0)
    assert (scheduler.queued_jobs, scheduler.running_rows) == (0, 1)
    scheduler.submit(job())


def test_a_row_is_never_in_two_steps_at_once_but_in_a_step_and_the_codec() -> None:
    scheduler = policy()
    scheduler.submit(job())
    first = scheduler.next_batch(0.0)
    assert isinstance(first, SampleBatch)
    assert scheduler.next_batch(0.0) is None
    finish(scheduler, first, 0.0)
    together = [scheduler.next_batch(0.0), scheduler.next_batch(0.0)]
    assert {type(work) for work in together} == {SampleBatch, DecodeBatch}
    assert scheduler.next_batch(0.0) is None


def test_newcomers_read_their_texts_one_after_the_other() -> None:
    scheduler = policy()
    waiting = [job() for _ in range(4)]
    for each in waiting:
        scheduler.submit(each)
    assert [each.job for each in sequences_of(scheduler.next_batch(0.0))] == waiting[:1]
    assert [each.job for each in sequences_of(scheduler.next_batch(0.0))] == waiting[1:2]


def test_a_newcomers_first_frames_come_before_a_books_later_chunks() -> None:
    scheduler = policy(max_running_rows=8)
    machine = Machine(scheduler)
    scheduler.submit(job(chunks=20))
    machine.run(2.0)
    newcomer = job(at=machine.now)
    scheduler.submit(newcomer)
    machine.run(0.3)
    assert machine.first_audio_seconds(newcomer) < 0.1


@pytest.mark.parametrize("books", [0, 1])
def test_listeners_hear_no_gap_while_others_come_and_go(books: int) -> None:
    scheduler = policy(max_running_rows=32, max_queued_jobs=64)
    machine = Machine(scheduler, workers=2)  # makes some 25 seconds of audio a second
    for _ in range(books):
        scheduler.submit(job(chunks=60))
    listeners = []
    for _ in range(80):  # every 0.25 seconds one who listens for four: sixteen at a time
        listeners.append(job(at=machine.now))
        scheduler.submit(listeners[-1])
        machine.run(0.25)
    machine.run(5.0)
    assert max(map(machine.worst_gap_seconds, listeners)) < 0.05
    assert max(map(machine.first_audio_seconds, listeners)) < 0.15


def test_under_overload_newcomers_wait_and_listeners_hear_no_gap() -> None:
    scheduler = policy(max_running_rows=64, max_queued_jobs=64, workers=1)
    machine = Machine(scheduler, workers=1, step_seconds=0.01, decode_seconds_per_frame=0.01)
    crowd = [job() for _ in range(30)]  # three times what this machine can sustain
    for one in crowd:
        scheduler.submit(one)
    machine.run(60.0)
    assert all(one.sequences[0].drained for one in crowd)
    assert max(map(machine.worst_gap_seconds, crowd)) < 0.1


def test_a_device_that_takes_little_longer_for_many_serves_hundreds() -> None:
    """On a GPU a pass costs about the same for one row as for all: batches have to be large."""
    scheduler = policy(max_running_rows=256, max_queued_jobs=256, max_latents_per_decode=256)
    gpu = Machine(
        scheduler,
        step_seconds=0.004,
        step_seconds_per_row=0.00001,
        prefill_seconds=0.002,
        decode_seconds=0.004,
        decode_seconds_per_frame=0.00001,
    )
    listeners = []
    for _ in range(400):  # every 0.02 seconds one who listens for four: two hundred at a time
        listeners.append(job(at=gpu.now))
        scheduler.submit(listeners[-1])
        gpu.run(0.02)
    gpu.run(5.0)
    assert max(map(gpu.worst_gap_seconds, listeners)) < 0.05
    assert max(map(gpu.first_audio_seconds, listeners)) < 0.15


def test_a_machine_that_is_too_slow_still_admits_a_newcomer_now_and_then() -> None:
    scheduler = policy(max_running_rows=4, workers=1)
    machine = Machine(scheduler, workers=1, decode_seconds_per_frame=0.1)
    scheduler.submit(job(chunks=50))
    machine.run(1.0)
    newcomer = job(at=machine.now)
    scheduler.submit(newcomer)
    machine.run(2 * PATIENCE_SECONDS)
    assert not newcomer.queued


@pytest.mark.parametrize("resting", [True, False])
def test_a_machine_slower_than_speech_never_leaves_a_newcomer_alone(resting: bool) -> None:
    scheduler = policy(workers=1, buffer_seconds=2.0)
    machine = Machine(scheduler, workers=1, decode_seconds_per_frame=0.8, chunk_frames=5)
    earlier = job(chunks=3 if resting else 1)
    scheduler.submit(earlier)
    machine.run(PATIENCE_SECONDS / 2)
    if resting:
        earlier.stream.progress = read_nothing(buffered_seconds=2.0)
        machine.run(PATIENCE_SECONDS / 2 - 1)
    newcomer = job(at=machine.now)
    scheduler.submit(newcomer)
    assert newcomer.sequences[0] in sequences_of(scheduler.next_batch(machine.now))


def test_a_reader_that_rests_does_not_count_as_a_listener_in_distress() -> None:
    scheduler = policy(buffer_seconds=10.0)
    resting = job(chunks=20, progress=read_nothing())
    scheduler.submit(resting)
    machine = Machine(scheduler, workers=2)
    machine.run(60.0)
    resting.stream.progress = read_nothing(buffered_seconds=10.0)
    newcomer = job(at=machine.now)
    scheduler.submit(newcomer)
    machine.run(0.2)
    assert machine.first_audio_seconds(newcomer) < 0.1


def test_all_workers_are_kept_busy_by_one_job() -> None:
    scheduler = policy(max_running_rows=32, max_queued_jobs=64, buffer_seconds=1000.0)
    machine = Machine(scheduler, workers=2)
    scheduler.submit(job(chunks=100))
    machine.run(10.0)
    made = FRAME_SECONDS * sum(map(len, machine.heard.values()))
    assert made / machine.now > 22.0


def test_chunks_that_run_ahead_leave_half_of_the_rows_to_others() -> None:
    scheduler = policy(max_running_rows=8, buffer_seconds=1000.0)
    scheduler.submit(job(chunks=20))
    scheduler.next_batch(0.0)
    assert scheduler.running_rows == 4


def test_a_job_runs_ahead_of_its_reader_by_a_bounded_time() -> None:
    scheduler = policy(buffer_seconds=12.0)
    book = job(chunks=20, progress=read_nothing())  # of four seconds each
    scheduler.submit(book)
    scheduler.next_batch(0.0)
    assert book.admitted == 3


def test_audio_that_cannot_be_read_yet_does_not_hold_up_the_chunk_before_it() -> None:
    scheduler = policy(buffer_seconds=10.0)
    book = job(chunks=6)
    scheduler.submit(book)
    machine = Machine(scheduler)
    machine.run(0.05)
    book.stream.progress = hindered(buffered_seconds=1000.0)
    machine.run(5.0)
    assert book.sequences[0].drained
    assert not any(chunk.drained for chunk in book.sequences[1:])
    book.stream.progress = hindered(buffered_seconds=1000.0, chunk_index=1)
    machine.run(5.0)
    assert book.sequences[1].drained


def test_a_slow_reader_pauses_its_own_rows_only() -> None:
    scheduler = policy(buffer_seconds=10.0)
    slow = job(progress=read_nothing(buffered_seconds=10.0))
    other = job()
    scheduler.submit(slow)
    scheduler.submit(other)
    assert {each.job for each in sequences_of(scheduler.next_batch(0.0))} == {other}


def test_paused_rows_make_room_when_newcomers_wait() -> None:
    scheduler = policy(max_running_rows=2)
    stalled = [job(chunks=3), job(chunks=3)]
    machine = Machine(scheduler)
    for one in stalled:
        scheduler.submit(one)
    machine.run(0.1)
    for one in stalled:
        one.stream.progress = read_nothing(buffered_seconds=1000.0)
    machine.run(1.0)
    assert scheduler.running_rows == 2
    newcomer = job(at=machine.now)
    scheduler.submit(newcomer)
    machine.run(3.0)
    assert newcomer.sequences[0].drained
    assert [one.admitted for one in stalled] == [1, 1]


def test_the_next_chunk_of_a_running_job_comes_before_a_new_job() -> None:
    scheduler = policy(max_running_rows=1)
    running, waiting = job(chunks=2), job()
    scheduler.submit(running)
    machine = Machine(scheduler)
    machine.run(0.1)
    scheduler.submit(waiting)
    machine.run(3.0)
    assert (running.admitted, waiting.admitted) == (2, 1)
    assert running.sequences[1].drained


def test_a_row_far_ahead_waits_for_one_that_is_due() -> None:
    scheduler = policy(workers=1)
    early, late = job(), job()
    for one in (early, late):
        scheduler.submit(one)
    machine = Machine(scheduler)
    machine.run(0.2)
    early.playing_since_seconds = machine.now + 100.0
    late.playing_since_seconds = machine.now - 100.0
    before = {one: len(machine.heard[one]) for one in (early, late)}
    machine.run(0.2)
    gained = {one: len(machine.heard[one]) - before[one] for one in (early, late)}
    assert gained[early] <= MAX_FRAMES_PER_DECODE  # was under way
    assert gained[late] > 10


def test_the_language_model_still_waits_for_company_once_all_are_late() -> None:
    """Else it would go as soon as it can, for few at a time, and all would be later still."""
    sampled = []

    class Noting(Machine):
        def cost_seconds(self, batch: Batch[None]) -> float:
            if isinstance(batch, SampleBatch):
                sampled.append(len(batch.sequences))
            return super().cost_seconds(batch)

    scheduler = policy(max_queued_jobs=8)
    jobs = [job() for _ in range(8)]
    for one in jobs:
        scheduler.submit(one)
    machine = Noting(
        scheduler,
        workers=2,
        step_seconds=0.01,
        decode_seconds_per_frame=0.01,
        chunk_frames=500,
    )
    while not all(one.playing_since_seconds is not None for one in jobs):
        machine.run(0.1)
    for one in jobs:
        one.playing_since_seconds = machine.now - 100.0
    machine.run(0.5)
    sampled.clear()
    machine.run(5.0)
    assert sum(sampled) / len(sampled) > 4


def test_the_language_model_stays_a_bounded_number_of_frames_ahead_of_the_codec() -> None:
    scheduler = policy()
    scheduler.submit(job())
    stuck = None
    for _ in range(50):
        work = scheduler.next_batch(0.0)
        if isinstance(work, SampleBatch):
            finish(scheduler, work, 0.0)
        elif stuck is None:
            stuck = work
    assert sequences_of(stuck)[0].pending == MAX_PENDING_FRAMES


def test_a_cancelled_job_leaves_when_its_work_is_done() -> None:
    scheduler = policy()
    gone = job(chunks=3)
    scheduler.submit(gone)
    work = scheduler.next_batch(0.0)
    gone.cancelled = True
    assert work is not None
    busy = [row for row in gone.sequences[: gone.admitted] if row.busy]
    assert len(scheduler.retire()) == gone.admitted - len(busy)
    finish(scheduler, work, 0.0)
    assert (scheduler.running_rows, scheduler.jobs) == (0, ())
    assert scheduler.next_batch(0.0) is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.floats(0, 2)), min_size=1, max_size=12),
    st.integers(1, 6),
    st.integers(1, 3),
    st.sampled_from([0.001, 0.005, 0.1]),
)
def test_every_job_is_spoken_in_the_end(
    jobs: list[tuple[int, float]], max_rows: int, workers: int, decode_seconds: float
) -> None:
    scheduler = policy(max_running_rows=max_rows, max_queued_jobs=12, workers=workers)
    machine = Machine(scheduler, workers=workers, decode_seconds_per_frame=decode_seconds)
    made = []
    for chunks, pause in jobs:
        made.append(job(chunks, at=machine.now))
        scheduler.submit(made[-1])
        machine.run(pause)
        assert scheduler.running_rows <= max_rows
    machine.run(1000.0)
    assert scheduler.jobs == ()
    assert all(chunk.decoded == 50 for one in made for chunk in one.sequences)


def test_a_job_that_nobody_hears_hurts_nobody_and_gets_done() -> None:
    """On a machine that is busy with its listeners, they hardly wait longer and hear no gap."""
    scheduler = policy(max_running_rows=32, max_queued_jobs=64)
    machine = Machine(scheduler, workers=2, decode_seconds_per_frame=0.03)
    unheard = job(chunks=16)
    unheard.unhurried = True
    scheduler.submit(unheard)
    listeners = []
    for _ in range(20):
        listeners.append(job(at=machine.now))
        scheduler.submit(listeners[-1])
        machine.run(1.0)
    machine.run(30.0)
    # A batch of two latents takes 0.06 s here.
    assert max(map(machine.worst_gap_seconds, listeners)) < 0.08
    assert max(map(machine.first_audio_seconds, listeners)) < 0.6  # 2.0 if it were in a hurry
    assert all(sequence.drained for sequence in unheard.sequences)


def test_what_nobody_hears_rests_for_who_is_expected() -> None:
    """Nothing of it is begun until the one who was expected is heard, or does not come."""
    scheduler = policy()
    unheard = job()
    unheard.unhurried = True
    scheduler.submit(unheard)
    batch = scheduler.next_batch(0.0)
    assert isinstance(batch, SampleBatch)
    scheduler.expected = 1
    scheduler.sample_done(batch, 0.1)
    assert scheduler.next_batch(0.1) is None
    listener = job(at=0.2)
    scheduler.submit(listener)
    scheduler.expected = 0
    first = scheduler.next_batch(0.2)
    assert isinstance(first, SampleBatch)
    scheduler.sample_done(first, 0.3)
    assert [each.job for each in first.sequences] == [listener]
    listener.cancelled = True
    scheduler.retire()
    again = scheduler.next_batch(1.0)
    assert again is not None
    assert [each.job for each in again.sequences] == [unheard]


def test_jobs_that_nobody_hears_use_the_rows_and_leave_some() -> None:
    """Alone they take three quarters of the rows; a listener who comes is heard at once."""
    scheduler = policy(max_running_rows=16, max_queued_jobs=4)
    machine = Machine(scheduler, workers=2, decode_seconds_per_frame=0.002, chunk_frames=200)
    for number in range(40):
        unheard = job(chunks=2)
        unheard.unhurried = True
        unheard.caller = str(number)
        assert scheduler.submit(unheard) is None  # they count for nothing in the queue
    machine.run(2.0)
    assert scheduler.running_rows == 12
    listener = job(at=machine.now)
    scheduler.submit(listener)
    machine.run(5.0)
    alone = Machine(policy(max_running_rows=16), workers=2, decode_seconds_per_frame=0.002)
    only = job()
    alone.scheduler.submit(only)
    alone.run(5.0)
    waited = machine.first_audio_seconds(listener) - alone.first_audio_seconds(only)
    assert waited < 0.03  # the batch that was under way
    assert machine.worst_gap_seconds(listener) < 0.05


@pytest.mark.parametrize(("elsewhere", "first"), [({}, "many"), ({"many": 3}, "few")])
def test_what_other_servers_speak_counts_when_callers_take_turns(
    elsewhere: dict[str, int], first: str
) -> None:
    """Who is spoken for on other servers already lets others in here, though they came later."""
    scheduler = policy(max_running_rows=1, elsewhere=elsewhere)
    waiting = {caller: job(caller=caller) for caller in ("many", "few")}
    for each in waiting.values():
        scheduler.submit(each)
    scheduler.next_batch(0.0)
    assert [caller for caller, each in waiting.items() if each.admitted] == [first]
