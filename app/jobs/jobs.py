"""Makes, shows and changes jobs for those who ask: the way in for every front end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from app.captions.files import CAPTION_FORMATS
from app.documents.document import Document
from app.errors import (
    Conflict,
    JobNotFound,
    ModelUnavailable,
    SegmentNotFound,
    StoreUnreachable,
)
from app.jobs.board import Board
from app.jobs.cutting import cut_into_chapters
from app.jobs.heard import HeardSoFar
from app.jobs.job import (
    ENDED,
    GOING_ON,
    Chapter,
    Job,
    JobEvent,
    NewJob,
    Progress,
    Segment,
)
from app.jobs.runner import JobRunner
from app.jobs.store import JobStore, new_id
from app.jobs.takes import TAKE_BYTES_PER_SECOND, JobFiles
from app.jobs.timeline import Placed, laid_out, marks_of
from app.jobs.wish import JobControls
from app.owners import Room, WhoAsks
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speech import SPEECH_CHARACTERS_PER_SECOND, SPEECH_RATE_HZ, SpeechRequest
from app.text.script import clean_script
from app.work import ThreadPool

EVENTS_AT_ONCE = 500
HEARTBEAT_SECONDS = 10.0
_MOST_SEED = 1 << 31


@dataclass(frozen=True, slots=True)
class JobView:
    """Holds a job and how far it has come, for whoever looks at it."""

    job: Job
    progress: Progress
    seconds_left: float | None

    @property
    def percent(self) -> float:
        """Return how much has been done; 100 only once all has."""
        if self.job.state == "done":
            return 100.0
        share = self.progress.characters_done / max(1, self.progress.characters)
        return min(99.9, round(100 * share, 1))

    @property
    def audio_seconds(self) -> float:
        """Return how long what is spoken sounds, without the pauses between chapters."""
        return self.progress.samples / SPEECH_RATE_HZ


class Jobs:
    """Makes, shows and changes jobs, each for who asks. Use from the event loop.

    Each method that takes an id raises JobNotFound where who asks has no such job.

    Args:
        room: bounds what each of those who ask keeps.
        max_characters: so long a job may be.
        look_seconds: what another server has changed is seen after so long.
    """

    def __init__(
        self,
        store: JobStore,
        files: JobFiles,
        runner: JobRunner,
        board: Board,
        speech: Speech,
        cast: Cast,
        *,
        who_asks: WhoAsks,
        room: Room,
        pool: ThreadPool,
        cutting: ThreadPool,
        max_characters: int,
        look_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._look_seconds = look_seconds
        self.store = store
        self.files = files
        self.runner = runner
        self._board = board
        self._speech = speech
        self._cast = cast
        self._who_asks = who_asks
        self._room = room
        self._pool = pool
        self._cutting = cutting
        self._max_characters = max_characters

    def open(self) -> None:
        """Open what is kept of the jobs; call it before anything else.

        Raises:
            SchemaError, OSError: it cannot be used.
        """
        self.runner.open()

    async def add(
        self,
        controls: JobControls,
        work: Document | str,
        *,
        key: str | None = None,
        cover: bytes | None = None,
    ) -> Job:
        """Make a job of a document or a script; what can be refused at once is.

        Args:
            key: where there is a job of this key already, that is returned instead.
            cover: a JPEG.

        Raises:
            InvalidRequest, VoiceNotFound: as for any speech.
            StorageFailed: the disk refuses.
            LimitReached: who asks would keep more than they may.
        """
        owner = self._who_asks().owner
        if key is not None:
            found = await self._pool.run(partial(self.store.with_key, owner, key))
            if found is not None:
                return await self.get(found)
        audio = controls.book_format()
        await self._check_voices(controls)
        cut = partial(
            cut_into_chapters,
            work,
            controls,
            voice_called=self._voice_called,
            max_characters=self._max_characters,
            max_segment_characters=self._speech.max_script_chars,
        )
        chapters = await self._cutting.run_cancellable(lambda cancel: cut(cancel=cancel))
        told = work if isinstance(work, Document) else Document(None, None, None, ())
        language = (told.language or "").partition("-")[0].lower() or None
        seed = controls.seed if controls.seed is not None else secrets.randbelow(_MOST_SEED)
        new = NewJob(
            owner,
            self._asked(controls),
            seed,
            chapters,
            controls.title or told.title,
            controls.author or told.author,
            language,
            key,
            cover,
        )
        expected_seconds = new.characters / SPEECH_CHARACTERS_PER_SECOND
        bytes_per_second = TAKE_BYTES_PER_SECOND + audio.bytes_per_second(SPEECH_RATE_HZ)

        def add() -> str:
            with self._room(size_bytes=int(expected_seconds * bytes_per_second)):
                return self._add_with_cover(new)

        job_id = await self._pool.run(add)
        self.runner.look()
        return await self.get(job_id)

    def _add_with_cover(self, new: NewJob) -> str:
        """Keep a new job; its cover is there once the job is."""
        if new.cover is None:
            return self.store.add(new)[0]
        own_id, kept = new_id(), False
        try:
            self.files.write(self.files.cover_path(own_id), new.cover)
            job_id, kept = self.store.add(new, own_id)
        finally:
            if not kept:
                self._remove_files(own_id)
        return job_id

    def _remove_files(self, job_id: str) -> None:
        with suppress(StoreUnreachable):  # they are swept once they are old
            self.files.remove(job_id)

    def _asked(self, controls: JobControls) -> Mapping[str, Any]:
        """Return what is kept of the controls: the voice too, since the server's may change."""
        asked = dict(controls.asked())
        if controls.model is not None:
            asked["model"] = self._cast.required_model(controls.model)
        with suppress(ModelUnavailable):
            asked["voice"] = self._cast.voice_named(controls.voice)
        return asked

    async def _check_voices(self, controls: JobControls) -> None:
        """Refuse voices that are not there; a model that is not there yet will tell later."""
        names = {controls.voice, *controls.chapter_voices.values(), *controls.speakers.values()}
        for name in names:
            await self._check_voice(name, controls)

    async def _check_voice(self, name: str | None, controls: JobControls) -> None:
        model = self._cast.required_model(controls.model)
        with suppress(ModelUnavailable):
            voice = self._cast.voice_named(name)
            request = SpeechRequest("", voice, language=controls.language, model=model)
            await self._speech.check_voice(request)

    def _voice_called(self, name: str) -> str | None:
        return self._cast.voice_named(name) if self._cast.knows(name) else None

    async def get(self, job_id: str) -> Job:
        """Return a job of who asks."""
        viewer = self._who_asks()
        job = await self._pool.run(partial(self.store.get, job_id))
        if not viewer.may_change(job.owner):
            raise JobNotFound(f"there is no job {job_id[:40]!r}")
        return job

    async def all(self) -> list[JobView]:
        """List the jobs of who asks, the newest first."""
        viewer = self._who_asks()
        jobs = await self._pool.run(partial(self.store.all_for, viewer))
        return [await self._view(job) for job in jobs]

    async def view(self, job_id: str) -> JobView:
        """Return a job and how far it has come."""
        return await self._view(await self.get(job_id))

    async def _view(self, job: Job) -> JobView:
        job = self.runner.as_it_is(job)
        progress = await self._pool.run(partial(self.store.progress, job.id))
        rate = self.runner.characters_per_second(job.id)
        if rate is None:
            engine = self._cast.current.supervisor.status().engine
            rate = engine.audio_rate * SPEECH_CHARACTERS_PER_SECOND if engine else None
        left = progress.characters - progress.characters_done
        going_on = job.state in GOING_ON and rate
        seconds_left = round(left / rate, 1) if rate and going_on else None
        return JobView(job, progress, 0.0 if job.state == "done" else seconds_left)

    async def chapters(self, job_id: str) -> list[Chapter]:
        """List the chapters of a job."""
        job = await self.get(job_id)
        return await self._pool.run(partial(self.store.chapters, job.id))

    async def segments(self, job_id: str, *, chapter: int | None = None) -> list[Segment]:
        """List the segments of a job, or of one chapter."""
        job = await self.get(job_id)
        return await self._pool.run(partial(self.store.segments, job.id, chapter=chapter))

    async def pause(self, job_id: str) -> None:
        """Let a job rest; what is spoken at the moment is given up.

        Raises:
            Conflict: it has ended.
        """
        await self._change(job_id, "paused", (*GOING_ON, "paused"))

    async def cancel(self, job_id: str) -> None:
        """End a job for good; what is finished can still be heard.

        Raises:
            Conflict: it has ended.
        """
        await self._change(job_id, "cancelled", (*GOING_ON, "paused", "cancelled"))

    async def resume(self, job_id: str) -> None:
        """Let a job go on that rests, waits or has failed, with the model that is there now.

        Raises:
            Conflict: it is done or was cancelled.
        """
        job = await self.get(job_id)
        if job.state == "waiting":
            await self._pool.run(partial(self.store.set_model, job.id, None, None))
        await self._change(job_id, "queued", (*GOING_ON, "paused", "failed"))

    async def _change(self, job_id: str, state: Any, only_from: Sequence[Any]) -> None:
        job = await self.get(job_id)
        change = partial(self.store.change_state, job.id, state, only_from=only_from, reason=None)
        if not await self._pool.run(change):
            raise Conflict(f"the job is {job.state}, so it cannot be {state} any more")
        await self.runner.drop(job.id)
        self._board.changed(job.id)
        self.runner.look()

    async def remove(self, job_id: str) -> None:
        """Remove a job with all its takes."""
        job = await self.get(job_id)
        await self._pool.run(partial(self.store.remove, job.id))
        await self.runner.drop(job.id)
        await self._pool.run(partial(self._remove_files, job.id))
        self._board.changed(job.id)

    async def change_segment(self, job_id: str, number: int, values: Mapping[str, Any]) -> Segment:
        """Have one segment spoken anew, with another text, voice or seed.

        Raises:
            SegmentNotFound, InvalidRequest, VoiceNotFound.
            Conflict: the job was cancelled.
        """
        job = await self.get(job_id)
        if job.state == "cancelled":
            raise Conflict("the job was cancelled; make a new one")
        if "text" in values:
            clean_script(values["text"], max_chars=self._speech.max_script_chars)
        if values.get("voice") is not None:
            await self._check_voice(values["voice"], JobControls.model_validate(job.asked))
        change = partial(self.store.change_segment, job.id, number, values)
        segment = await self._pool.run(change)
        await self.runner.forget(job.id, number)
        self._board.changed(job.id)
        self.runner.look()
        return segment

    async def take(self, job_id: str, number: int, take: int | None) -> Path:
        """Return the file of a take of a segment, None for the newest that is spoken.

        Raises:
            SegmentNotFound: there is no such segment, or no such take of it.
        """
        job = await self.get(job_id)

        def find() -> Path:
            segment = self.store.segment(job.id, number)
            wanted = range(segment.take, 0, -1) if take is None else (take,)
            paths = (self.files.take_path(job.id, replace(segment, take=each)) for each in wanted)
            found = next((path for path in paths if self.files.fetched(path).is_file()), None)
            if found is None:
                which = "take" if take is None else f"take {take}"
                raise SegmentNotFound(f"there is no {which} of segment {number} yet")
            return found

        return await self._pool.run(find)

    async def placed(self, job_id: str, *, marked: bool = False) -> tuple[Job, list[Placed], bool]:
        """Return a job, where its finished takes are heard, and whether they are all."""
        job = await self.get(job_id)
        segments = await self._pool.run(partial(self.store.segments, job.id, marked=marked))
        controls = JobControls.model_validate(job.asked)
        placed = laid_out(segments, chapter_pause_seconds=controls.chapter_pause)
        return job, placed, len(placed) == len(segments)

    async def heard(self, job_id: str) -> HeardSoFar:
        """Return the sound that is finished.

        Raises:
            SegmentNotFound: nothing is finished yet.
        """
        job, placed, complete = await self.placed(job_id)
        if not placed:
            raise SegmentNotFound("nothing of the job is finished yet")
        return HeardSoFar(self.files, job.id, placed, complete=complete)

    async def captions(self, job_id: str, name: str) -> bytes:
        """Write captions of what is finished.

        Args:
            name: of `CAPTION_FORMATS`.
        """
        job, placed, _ = await self.placed(job_id, marked=True)
        limits = JobControls.model_validate(job.asked).limits
        seconds = placed[-1].end / SPEECH_RATE_HZ if placed else 0.0
        write = CAPTION_FORMATS[name].write
        return await self._cutting.run(lambda: write(marks_of(placed), seconds, limits).encode())

    async def events(self, job_id: str, after: int) -> AsyncGenerator[JobEvent | None, None]:
        """Yield what happened to a job and what happens, until it has ended; None now and then."""
        job = await self.get(job_id)
        with self._board.watching(job.id) as changed:
            while True:
                changed.clear()
                try:
                    job = await self._pool.run(partial(self.store.get, job.id))
                except JobNotFound:
                    return
                read = partial(self.store.events, job.id, after=after, most=EVENTS_AT_ONCE)
                found = await self._pool.run(read)
                for event in found:
                    after = event.number
                    yield event
                if found:
                    continue
                if job.state in ENDED:
                    return
                try:
                    async with asyncio.timeout(self._look_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield None
