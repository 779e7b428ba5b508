"""Narrates a book in this process: `narrate` without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.cli.backend import BookToNarrate, Told, why_ended
from app.cli.exits import ExitCode, Refused
from app.documents.document import ReadingOptions
from app.errors import Conflict
from app.jobs.book import read_book
from app.jobs.job import Job
from app.jobs.jobs import Jobs
from app.jobs.schema import SchemaError
from app.jobs.wish import JobControls
from app.services import Services
from app.wording.validation import validated

DRAW_SECONDS = 0.2


async def narrate_here(
    services: Services, wanted: BookToNarrate, told: Told
) -> tuple[str, Mapping[str, Path | bytes]]:
    """Narrate a book to its end; a job of it that is there already goes on.

    Returns:
        The id of the job, and what was made: the path of the `output`, and `captions.srt` or so.

    Raises:
        Refused: the jobs cannot be opened, or the job has failed.
        SpeechError: the book cannot be read or spoken.
    """
    jobs = services.jobs
    try:
        jobs.open()
    except (OSError, SchemaError) as error:
        raise Refused(f"JOBS_DIR: the jobs cannot be opened: {error}") from None
    async with jobs.runner.running():
        controls = validated(JobControls, wanted.fields)
        job = await _job_of(services, wanted, controls)
        try:
            await _follow(jobs, job.id, told)
        except asyncio.CancelledError:
            with suppress(Conflict):  # it has just ended
                await jobs.pause(job.id)
            raise
        captions = {
            f"captions.{each}": await jobs.captions(job.id, each) for each in controls.captions
        }
        output = jobs.files.output_path(job.id, str((await jobs.get(job.id)).output))
        return job.id, {"output": output, **captions}


async def _job_of(services: Services, wanted: BookToNarrate, controls: JobControls) -> Job:
    document, cover = await read_book(
        wanted.data,
        wanted.filename,
        ReadingOptions(**wanted.read),
        ffmpeg=services.ffmpeg,
        pool=services.pools.documents,
    )
    job = await services.jobs.add(controls, document, key=wanted.key, cover=cover)
    if job.state in ("paused", "failed"):
        await services.jobs.resume(job.id)
    return job


async def _follow(jobs: Jobs, job_id: str, told: Told) -> None:
    """Watch a job until it is done."""
    while (view := await jobs.view(job_id)).job.state != "done":
        job = view.job
        if job.state in ("failed", "cancelled"):
            raise Refused(why_ended(job.state, job.reason, job.id), ExitCode.FAILED)
        told(
            {
                "state": job.state,
                "reason": job.reason,
                "characters": view.progress.characters,
                "percent": view.percent,
            }
        )
        await asyncio.sleep(DRAW_SECONDS)
