"""Decides which sequences run and what a worker computes next: no tensors, no clock, no lock.

Deadlines of playback decide. A sequence's deadline is when its listener, who started with the
first PCM and plays without a pause, needs its next frame. Sequences that are comfortably ahead
share large batches; one that is not goes first, with few others in the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, NamedTuple

from app.engine.keeping_up import Need, keeps_up
from app.engine.pace import MAX_LATENTS_PER_DECODE, Pace
from app.engine.sequence import EngineJob, RowT, Sequence
from app.engine.waiting import Asking, WaitingJobs
from app.errors import Overloaded, QueueFull
from app.returning import ReturnTimes, seconds_until_free
from app.speech import SPEECH_CHARACTERS_PER_SECOND
from app.speech_engine import EngineOptions

COMFORT_SECONDS = 1.0
"""Sequences further ahead of their deadline than this are equally (not) urgent."""
LATE_SECONDS = 0.5
"""Who hears gaps already and is further behind than this is equally late, and takes turns: else all
that one asks of a machine beyond what it can would go before any newcomer."""
URGENT_SECONDS = 0.1
"""A sequence with less slack than this is served with others of its kind only."""
LATENT_LEAD_SECONDS = 0.12
"""A latent is due this much earlier than its PCM, so that the codec rarely waits for one."""
MAX_PENDING_FRAMES = 6
"""At most this many latents of one sequence may wait for the codec."""
MAX_FRAMES_PER_DECODE = 4
"""The codec takes at most this many latents of one sequence at once."""
TARGET_DECODE_SECONDS = 0.06
"""Decoding a batch should take this long: larger ones need less time for each latent."""
OPENING_DECODE_SECONDS = 0.04
"""This long while somebody waits for first sounds: its worker sees nobody else until it is done."""
UNHEARD_DECODE_SECONDS = 0.015
"""This long where nobody listens: a newcomer who does is not to wait for it."""
MIN_SAMPLED_SEQUENCES = 8
"""A batch of the language model is not divided among workers below this size."""
BATCH_SHARE = 0.6
"""The language model waits for this part of the speaking sequences, if nobody is in a hurry."""
STRAIN_SECONDS = 0.1
"""Each listener is to have so much left to play, a second after the first sound."""
MAX_BEGINNING_JOBS = 4
"""No newcomer is admitted while so many have nothing or hardly anything to play."""
SURE_SHARE = 0.95
"""So much of the pace is counted on: texts may take longer than they look, and readers are many."""
PATIENCE_SECONDS = 10.0
"""A newcomer is admitted all the same once none has been for so long."""
FIRST_PATIENCE_SECONDS = 1.0
"""One whose caller has fewer jobs running than another is admitted after this long."""
SHORTEST_RETURN_SECONDS = 1.0
"""Nobody is told to come back sooner: many clients only read whole seconds."""


@dataclass(frozen=True, slots=True)
class SampleBatch(Generic[RowT]):
    """Holds sequences that get one more latent each; new ones read their text before it."""

    sequences: tuple[Sequence[RowT], ...]
    started_at_seconds: float


@dataclass(frozen=True, slots=True)
class DecodeBatch(Generic[RowT]):
    """Holds sequences of which the codec makes the next `frames` latents into PCM."""

    sequences: tuple[Sequence[RowT], ...]
    frames: int
    started_at_seconds: float


Batch = SampleBatch[RowT] | DecodeBatch[RowT]


class GivenWay(NamedTuple, Generic[RowT]):
    """Names a job that waited and does so no longer, and says what its caller is to be told."""

    job: EngineJob[RowT]
    error: Overloaded


class Scheduler(Generic[RowT]):
    """Decides from the jobs' progress; all methods are called under the engine's lock.

    `now` is the time in seconds on the engine's clock.

    Attributes:
        expected: how many who listen are about to submit a job. What nobody hears rests meanwhile,
            so that they find workers free, and cores while their text is read.

    Args:
        options: how many rows and queued jobs there may be, and how far ahead of its reader a job
            may run.
        workers: how many threads compute batches.
        frame_seconds: audio of one latent.
        max_latents_per_decode: see `Pace`.
    """

    def __init__(
        self,
        options: EngineOptions,
        *,
        workers: int,
        frame_seconds: float,
        max_latents_per_decode: int = MAX_LATENTS_PER_DECODE,
    ) -> None:
        self._options = options
        self._workers = workers
        self._frame_seconds = frame_seconds
        self._waiting: WaitingJobs[RowT] = WaitingJobs(
            options.max_queued_jobs, options.max_queued_seconds
        )
        self._returning = ReturnTimes(options.max_queued_jobs)
        self._started: list[EngineJob[RowT]] = []
        self._running: list[Sequence[RowT]] = []
        self._served = 0
        self._last_newcomer_at_seconds = 0.0
        self.expected = 0
        self._pace = Pace(workers, frame_seconds, max_latents_per_decode)

    @property
    def running_rows(self) -> int:
        """Tell how many sequences are in the batch."""
        return len(self._running)

    @property
    def queued_jobs(self) -> int:
        """Tell how many jobs wait for their first row."""
        return len(self._waiting)

    @property
    def queued_seconds(self) -> float:
        """Tell how much audio of jobs that wait for their first row is to be made."""
        return self._waiting.seconds

    @property
    def audio_rate(self) -> float:
        """Tell how much audio was made lately in a second in which all workers are busy."""
        return self._pace.audio_seconds_per_second

    @property
    def jobs(self) -> tuple[EngineJob[RowT], ...]:
        """List the jobs that still have something to compute."""
        return (*self._started, *self._waiting)

    def submit(self, job: EngineJob[RowT]) -> GivenWay[RowT] | None:
        """Queue a job; return one that had to give way to it, if the queue was full.

        Raises:
            Overloaded, QueueFull: as `require_room`.
        """
        given_way = None
        now = job.submitted_at_seconds
        longest = self.require_room(job, now)
        if longest is not None:
            given_way = GivenWay(longest, self._over_share(longest, now))
            longest.cancelled = True
            self._waiting.leave(longest)
        self._waiting.join(job)
        return given_way

    def require_room(self, asking: Asking, now: float) -> EngineJob[RowT] | None:
        """Refuse who finds no place in the queue; return the job that has to give way, if one has.

        Raises:
            Overloaded: the queue is full, and the caller has its share of it.
            QueueFull: it is full of jobs of others, all of whom have no more than their share.
        """
        if asking.unhurried or not self._waiting.is_full:
            return None
        if self._waiting.exceeds_share(asking):
            raise self._over_share(asking, now)
        longest = self._waiting.gives_way_to(asking)
        if longest is None:
            raise QueueFull(
                f"{self.queued_jobs} requests of others are waiting already; try again later",
                retry_after_seconds=self._returns_in_seconds(asking, now, own=False),
            )
        return longest

    def _over_share(self, asking: Asking, now: float) -> Overloaded:
        jobs, seconds = self._waiting.held_by(asking)
        return Overloaded(
            f"{jobs} requests of yours are waiting already, about {seconds:.0f} s of speech, "
            "which is your share of the queue; try again later",
            retry_after_seconds=self._returns_in_seconds(asking, now, own=True),
        )

    def _returns_in_seconds(self, asking: Asking, now: float, *, own: bool) -> float:
        """Tell after how long a job that is refused now finds a place in the queue."""
        # Of those that begin it is each caller's turn once.
        turns = self._waiting.callers if own else 1
        seconds = self._returning.tell(
            asking.caller, now, lambda places: self._seconds_until_begun(places * turns), own=own
        )
        return max(SHORTEST_RETURN_SECONDS, seconds)

    def _seconds_until_begun(self, jobs: int) -> float:
        """Estimate how long it takes until so many jobs that wait have got their first row."""
        running = {each.job for each in self._running}
        seconds = seconds_until_free(
            jobs,
            left_seconds=[each.left_seconds(self._frame_seconds) for each in running],
            mean_seconds=self._waiting.seconds / max(1, len(self._waiting)),
            rate=self._rate_with(self._options.max_running_rows),
        )
        if len(self._running) < self._options.max_running_rows:
            seconds = min(seconds, jobs * PATIENCE_SECONDS)
        return seconds

    def next_batch(self, now: float) -> Batch[RowT] | None:
        """Choose what to compute next and mark its sequences as busy; None if there is nothing."""
        self._admit(now)
        to_sample = self._by_deadline(filter(self._can_sample, self._running), now)
        to_decode = self._by_deadline(filter(self._can_decode, self._running), now)
        if not to_sample and not to_decode:
            return None
        self._served += 1
        if not to_decode or (to_sample and self._sample_first(to_sample, to_decode, now)):
            return self._sample_batch(to_sample, now)
        return self._decode_batch(to_decode, now)

    def sample_done(self, batch: SampleBatch[RowT], now: float) -> None:
        """Let go of sequences whose new latents have been counted."""
        busy_seconds = now - batch.started_at_seconds
        if any(each.sampled <= 1 for each in batch.sequences):
            self._pace.read(busy_seconds)
        else:
            self._pace.sampled(len(batch.sequences), busy_seconds)
        for sequence in batch.sequences:
            sequence.being_sampled = False
            if sequence.finished:
                sequence.job.speaking -= 1
                later = sum(len(part.text) for part in islice(sequence.parts, 1, None))
                sequence.expected_seconds = sequence.before_seconds + self._seconds(
                    sequence.emitted
                )
                sequence.expected_seconds += later / SPEECH_CHARACTERS_PER_SECOND
                sequence.job.lengths_changed()

    def decode_done(self, batch: DecodeBatch[RowT], now: float) -> None:
        """Count the PCM that has been delivered, and let go of its sequences."""
        for sequence in batch.sequences:
            sequence.being_decoded = False
            sequence.decoded += batch.frames
            job = sequence.job
            job.decoded += batch.frames
            if job.playing_since_seconds is None:
                earlier = job.sequences[: sequence.index]
                job.playing_since_seconds = now if all(each.closed for each in earlier) else None
        latents = len(batch.sequences) * batch.frames
        self._pace.decoded(latents, now - batch.started_at_seconds)

    def turned(self, sequence: Sequence[RowT]) -> None:
        """Let a chunk that is in the batch begin another take, in its place."""
        job = sequence.job
        if sequence.finished:
            job.speaking += 1
        if sequence.part_over:
            sequence.before_seconds += self._seconds(sequence.decoded)
        else:
            job.decoded -= sequence.decoded
        sequence.restart()
        job.lengths_changed()

    def retire(self) -> list[Sequence[RowT]]:
        """Drop the sequences and jobs that are through; return those sequences."""
        retired = [sequence for sequence in self._running if sequence.retired]
        if retired:
            self._running = [sequence for sequence in self._running if not sequence.retired]
        alive = {sequence.job for sequence in self._running}
        self._started = [job for job in self._started if not job.exhausted or job in alive]
        for job in [each for each in self._waiting if each.cancelled]:
            self._waiting.leave(job)
        return retired

    @property
    def _crowded(self) -> bool:
        """Tell whether newcomers wait and all rows are taken."""
        full = len(self._running) >= self._options.max_running_rows
        return full and self.queued_jobs > 0

    def _admit(self, now: float) -> None:
        """Make waiting sequences rows of the batch while there is room."""
        while len(self._running) < self._options.max_running_rows:
            sequence = self._next_admission(now)
            if sequence is None:
                return
            job = sequence.job
            if job.queued:
                self._waiting.admit(job)
                self._started.append(job)
                self._last_newcomer_at_seconds = now
            job.admitted += 1
            job.speaking += 1
            self._running.append(sequence)

    def _next_admission(self, now: float) -> Sequence[RowT] | None:
        """Choose whom to admit: first who is listened to, then newcomers, then who runs ahead.

        Chunks that run ahead take no more than half of the rows, so that newcomers find room.
        """
        waiting = [each for each in (job.waiting for job in self._started) if each is not None]
        started = [each for each in waiting if not self._paused(each)]
        running = Counter(job.caller for job in {each.job for each in self._running})
        running.update(self._options.elsewhere())
        newcomer = self._waiting.next(running)
        next_up = [each for each in started if not each.job.speaking]
        if next_up:
            due = min(next_up, key=lambda each: each.job.due_at_seconds(each.index, 0.0))
            last_row = len(self._running) + 1 == self._options.max_running_rows
            # Who has most of the rows lets others in, in the pause between two chunks.
            if newcomer is None or not last_row:
                return due
            fewer = running[newcomer.caller] < running[due.job.caller]
            if not (fewer and self._may_come(newcomer, running, now)):
                return due
        if newcomer is not None and not newcomer.unhurried:
            return newcomer.waiting if self._may_come(newcomer, running, now) else None
        return self._runs_ahead(started) or self._unheard(newcomer, started)

    def _runs_ahead(self, started: list[Sequence[RowT]]) -> Sequence[RowT] | None:
        """Choose a chunk that is made before it is needed, of a job that somebody hears.

        A row is taken to the end of its chunk, so half of them stay free for newcomers.
        """
        bound = self._options.max_running_rows
        ahead = [
            each
            for each in started
            if not each.job.unhurried
            and each.job.ahead_seconds <= self._options.stream_buffer_seconds
        ]
        heard = sum(not each.job.unhurried for each in self._running)
        if not ahead or heard >= bound // 2 or len(self._running) >= bound - bound // 8:
            return None
        return min(ahead, key=lambda each: each.job.due_at_seconds(each.index, 0.0))

    def _unheard(
        self, newcomer: EngineJob[RowT] | None, started: list[Sequence[RowT]]
    ) -> Sequence[RowT] | None:
        """Choose a chunk that nobody waits for; a quarter of the rows stay free of such."""
        bound = self._options.max_running_rows
        if len(self._running) >= max(1, bound - bound // 4):
            return None
        if newcomer is not None:
            return newcomer.waiting
        return next((each for each in started if each.job.unhurried), None)

    def _may_come(self, newcomer: EngineJob[RowT], running: Counter[str], now: float) -> bool:
        """Tell whether a newcomer may be admitted, though others listen already.

        Args:
            running: how many jobs of each caller run.
        """
        if self._beginning(now) >= MAX_BEGINNING_JOBS:
            return False
        # The comfort of one caller's many listeners does not keep out another's first.
        others_have_more = max(running.values(), default=0) > running[newcomer.caller] + 1
        patience = FIRST_PATIENCE_SECONDS if others_have_more else PATIENCE_SECONDS
        patient = now - self._last_newcomer_at_seconds < patience
        return not (patient and self._strained(newcomer, now))

    def _beginning(self, now: float) -> int:
        """Tell how many jobs that somebody hears have no more than their first sounds yet."""
        jobs = {each.job: each for each in reversed(self._running) if not each.job.unhurried}
        return sum(
            job.playing_since_seconds is None or self._slack_seconds(each, now) < STRAIN_SECONDS
            for job, each in jobs.items()
        )

    def _strained(self, newcomer: EngineJob[RowT], now: float) -> bool:
        """Tell whether a listener would hear a gap if `newcomer` were admitted now."""
        heard_next = {
            each.job: each
            for each in reversed(self._running)
            if not self._paused(each) and not each.job.unhurried
        }
        needs = [self._need(each, now) for each in heard_next.values()]
        needs.append(Need(0.0, newcomer.expected_seconds))
        # Even on a machine slower than speech one may speak; else none ever would.
        return not keeps_up(needs, max(1.0, SURE_SHARE * self._rate_with(len(needs))))

    def _rate_with(self, rows: int) -> float:
        """Tell how much audio is made in a second while so many sequences speak."""
        # While newcomers wait, batches are as small as this.
        latents = self._pace.latents_in(OPENING_DECODE_SECONDS)
        return self._pace.audio_seconds_per_second_with(rows, latents)

    def _need(self, sequence: Sequence[RowT], now: float) -> Need:
        """Tell what the listener of a job needs, given the sequence of it that is heard next."""
        job = sequence.job
        # What speaks on although its text should be over needs some more.
        left_seconds = max(COMFORT_SECONDS, job.left_seconds(self._frame_seconds))
        if job.playing_since_seconds is None:
            return Need(0.0, left_seconds)
        slack_seconds = self._slack_seconds(sequence, now)
        if now - job.playing_since_seconds > COMFORT_SECONDS:
            slack_seconds -= STRAIN_SECONDS
        return Need(slack_seconds, left_seconds)

    @property
    def _opening(self) -> int:
        """Tell how many running jobs have not been heard yet, though somebody listens."""
        jobs = {
            each.job
            for each in self._running
            if each.job.playing_since_seconds is None and not each.job.unhurried
        }
        return len(jobs)

    def _rests(self, sequence: Sequence[RowT]) -> bool:
        """Tell whether the sequence, which nobody hears, gives way to who waits for first audio.

        It goes on if somebody waits for its row.
        """
        if not sequence.job.unhurried:  # most are not, and the rest costs a look at all rows
            return False
        return (self.expected > 0 or self._opening > 0) and not self._crowded

    def _paused(self, sequence: Sequence[RowT]) -> bool:
        """Tell whether the sequence's reader has enough to read.

        The chunk that is being read is never held up by what cannot be read before it has ended.
        """
        progress = sequence.job.stream.progress
        is_read = sequence.index <= progress.chunk_index
        waits_seconds = progress.readable_seconds if is_read else progress.buffered_seconds
        return waits_seconds >= self._options.stream_buffer_seconds

    def _can_sample(self, sequence: Sequence[RowT]) -> bool:
        """Tell whether the language model may compute the sequence's next latent now."""
        if sequence.being_sampled or sequence.finished or sequence.job.cancelled:
            return False
        if sequence.turning:
            return False
        if sequence.pending >= MAX_PENDING_FRAMES or self._rests(sequence):
            return False
        # A sequence whose reader is slow rests, unless a newcomer needs its place: then it goes
        # on, when nobody else is due, to the end of its chunk.
        return not self._paused(sequence) or self._crowded

    def _can_decode(self, sequence: Sequence[RowT]) -> bool:
        """Tell whether the codec may make the sequence's next PCM now."""
        free = not (sequence.being_decoded or sequence.job.cancelled or sequence.turning)
        return sequence.pending > 0 and free and not self._rests(sequence)

    def _pcm_due(self, sequence: Sequence[RowT], now: float) -> float:
        """Return when the sequence's next PCM is due; all that have plenty share one deadline."""
        return now + min(self._urgency_seconds(sequence, now), COMFORT_SECONDS)

    def _latent_due(self, sequence: Sequence[RowT], now: float) -> float:
        """Return when the sequence's next latent is due."""
        lead = LATENT_LEAD_SECONDS if sequence.decoded else 0.0
        slack = self._urgency_seconds(sequence, now) + self._seconds(sequence.pending)
        return now + min(slack, COMFORT_SECONDS) - lead

    def _urgency_seconds(self, sequence: Sequence[RowT], now: float) -> float:
        """Return the slack of a sequence; who hears gaps already is equally late as others."""
        slack = self._slack_seconds(sequence, now)
        listens = sequence.job.playing_since_seconds is not None
        return max(slack, -LATE_SECONDS) if listens else slack

    def _slack_seconds(self, sequence: Sequence[RowT], now: float) -> float:
        """Tell how soon the listener needs the sequence's next PCM; negative if it is late."""
        job = sequence.job
        made_seconds = self._made_seconds(sequence)
        unread = job.unread_seconds(sequence.index, made_seconds)
        slack = job.due_at_seconds(sequence.index, made_seconds) - now
        # A reader that has yet to read so much is not waiting for us, whatever the clock says.
        return max(slack, unread) if unread >= COMFORT_SECONDS else slack

    def _made_seconds(self, sequence: Sequence[RowT]) -> float:
        """Tell how much of a sequence's sound has been made, with the parts that are over."""
        return sequence.before_seconds + self._seconds(sequence.decoded)

    def _seconds(self, frames: int) -> float:
        """Tell how much audio so many frames are."""
        return frames * self._frame_seconds

    def _sample_first(
        self, to_sample: list[Sequence[RowT]], to_decode: list[Sequence[RowT]], now: float
    ) -> bool:
        """Tell whether the language model goes before the codec, given the sequences by deadline.

        Unless one is in a hurry, it waits for company: a large batch reads the weights once.
        """
        due = self._pcm_due(to_sample[0], now)
        if due - now >= URGENT_SECONDS:
            speaking = sum(not each.finished and not self._paused(each) for each in self._running)
            if BATCH_SHARE * speaking > len(to_sample):
                return False
        return self._latent_due(to_sample[0], now) < self._pcm_due(to_decode[0], now)

    def _by_deadline(self, sequences: Iterable[Sequence[RowT]], now: float) -> list[Sequence[RowT]]:
        """Sort by when PCM is due, then by who has waited longest for the codec."""
        return sorted(sequences, key=lambda each: (self._pcm_due(each, now), each.served))

    def _companions(self, sequences: list[Sequence[RowT]], now: float) -> list[Sequence[RowT]]:
        """Choose, of sequences by deadline, those to be served with the first."""
        first = self._pcm_due(sequences[0], now)
        if first - now >= URGENT_SECONDS:
            return sequences
        latest = max(first, now) + URGENT_SECONDS
        return [each for each in sequences if self._pcm_due(each, now) < latest]

    def _sample_batch(self, sequences: list[Sequence[RowT]], now: float) -> SampleBatch[RowT]:
        """Take from sequences by deadline a batch for the language model."""
        chosen: list[Sequence[RowT]] = []
        reads = False
        # One large batch reads the weights once; many workers are fed by more than one.
        portion = -(-len(sequences) // max(1, self._workers // 2))
        for sequence in self._companions(sequences, now)[: max(MIN_SAMPLED_SEQUENCES, portion)]:
            if sequence.sampled == 0:
                if reads:  # two texts take as long in one batch as one after the other
                    continue
                reads = True
            sequence.being_sampled = True
            chosen.append(sequence)
        return SampleBatch(tuple(chosen), now)

    def _decode_batch(self, sequences: list[Sequence[RowT]], now: float) -> DecodeBatch[RowT]:
        """Take from sequences by deadline a worker's portion for the codec."""
        seconds = OPENING_DECODE_SECONDS if self._opening else TARGET_DECODE_SECONDS
        if all(each.job.unhurried for each in sequences):
            seconds = UNHEARD_DECODE_SECONDS
        latents = self._pace.latents_in(seconds)
        portion = min(latents, -(-len(sequences) // self._workers))
        chosen = self._companions(sequences, now)[:portion]
        frames = min(MAX_FRAMES_PER_DECODE, *(sequence.pending for sequence in chosen))
        frames = min(frames, max(1, latents // len(chosen)))
        for sequence in chosen:
            sequence.being_decoded = True
            sequence.served = self._served
        return DecodeBatch(tuple(chosen), frames, now)
