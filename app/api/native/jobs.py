"""Serves /jobs: long recordings that are made in the background."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Form, Header, Query, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from pydantic import ConfigDict, Field
from starlette.routing import Match
from starlette.types import Scope as AsgiScope

from app.api.http.access import documented_key
from app.api.http.addresses import base_url
from app.api.http.dependencies import ServicesDep
from app.api.http.forms import ANSWER_IS_LIVE, is_form
from app.api.http.routes import REFUSALS, KeyedRoute
from app.api.native.documents import ReadingFields, uploaded
from app.audio.formats import format_named
from app.captions.files import CAPTION_FORMATS
from app.errors import InvalidRequest, Parameter, SegmentNotFound
from app.jobs.book import read_book
from app.jobs.job import JobEvent, Segment
from app.jobs.jobs import JobView
from app.jobs.timeline import overruns, stretches
from app.jobs.wish import JobControls
from app.ranges import NullIsUnset, Seed
from app.services import Services
from app.speech import SPEECH_RATE_HZ

PATH = "/jobs"
MAX_KEY_CHARS = 200


class JobsRoute(KeyedRoute):
    """Asks for a key that may run jobs."""

    scope = "jobs"


class _FormRoute(JobsRoute):
    """Takes forms only; what is JSON goes to the route after it."""

    def matches(self, scope: AsgiScope) -> tuple[Match, AsgiScope]:
        match, child_scope = super().matches(scope)
        headers = dict(scope.get("headers", ()))
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        if match is Match.FULL and not is_form(content_type):
            return Match.NONE, {}
        return match, child_scope


_OPTIONS: dict[str, Any] = {
    "dependencies": documented_key,
    "tags": ["jobs"],
    "responses": REFUSALS,
}
forms = APIRouter(route_class=_FormRoute, **_OPTIONS)
router = APIRouter(route_class=JobsRoute, **_OPTIONS)


class JobBody(JobControls):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"script": "It was a dark night. …", "format": "m4b"}]}
    )

    script: str = Field(description="The text to speak, of any length.")


class JobForm(JobControls, ReadingFields):
    script: str | None = Field(None, description="The text to speak.")
    document: UploadFile | None = Field(None, description="Or a document, as POST /documents.")


class SegmentChange(NullIsUnset):
    """Says what is to be other when a segment is spoken anew; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"seed": 7}]})

    text: str | None = None
    voice: str | None = None
    seed: Seed = None


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=MAX_KEY_CHARS,
        description="Where there is a job of this key, it is answered and none is made.",
    ),
]


@forms.post(PATH, status_code=202, include_in_schema=False)
async def add_document(
    request: Request,
    services: ServicesDep,
    body: Annotated[JobForm, Form(media_type="multipart/form-data")],
    key: IdempotencyKey = None,
) -> Response:
    """Make a job of a document, or of a script in a form."""
    if (body.document is None) == (body.script is None):
        raise InvalidRequest(
            f"send one of {Parameter.DOCUMENT} and {Parameter.TEXT}", field=Parameter.DOCUMENT
        )
    if body.document is None:
        assert body.script is not None
        job = await services.jobs.add(body, body.script, key=key)
        return _accepted(request, services, job.id)
    data = await uploaded(body.document, services.settings.max_upload_bytes)
    name = body.document.filename or ""
    document, cover = await read_book(
        data, name, body.options(), ffmpeg=services.ffmpeg, pool=services.pools.documents
    )
    job = await services.jobs.add(body, document, key=key, cover=cover)
    return _accepted(request, services, job.id)


@router.post(PATH, status_code=202)
async def add_script(
    request: Request, services: ServicesDep, body: JobBody, key: IdempotencyKey = None
) -> Response:
    """Make a job of a script. A document is sent as a form, in the field `document`."""
    job = await services.jobs.add(body, body.script, key=key)
    return _accepted(request, services, job.id)


def _accepted(request: Request, services: Services, job_id: str) -> Response:
    url = _url(request, services, job_id)
    return JSONResponse({"id": job_id, "url": url}, 202, {"Location": url})


@router.get(PATH)
async def list_jobs(request: Request, services: ServicesDep) -> dict[str, Any]:
    """List your jobs, the newest first."""
    views = await services.jobs.all()
    return {"jobs": [_shown(view, _url(request, services, view.job.id)) for view in views]}


@router.get(f"{PATH}/{{job_id}}")
async def look_at_job(request: Request, services: ServicesDep, job_id: str) -> dict[str, Any]:
    """Tell how far a job has come, chapter by chapter."""
    view = await services.jobs.view(job_id)
    _, placed, _ = await services.jobs.placed(job_id)
    chapters = await services.jobs.chapters(job_id)
    starts = {each.chapter.number: each.start for each in stretches(placed, chapters)}
    shown = _shown(view, _url(request, services, job_id))
    shown["chapters"] = [
        {
            "number": chapter.number,
            "heading": chapter.heading,
            "segments": chapter.segments,
            "segments_done": chapter.segments_done,
            "start_seconds": _seconds(starts.get(chapter.number)),
        }
        for chapter in chapters
    ]
    shown["heard_seconds"] = _seconds(placed[-1].end if placed else 0)
    shown["overruns"] = [
        {"segment": segment.number, "seconds": round(seconds, 3)}
        for segment, seconds in overruns(placed)
    ]
    return shown


def _url(request: Request, services: Services, job_id: str) -> str:
    return f"{base_url(request, services.settings)}{PATH}/{job_id}"


def _seconds(samples: int | None) -> float | None:
    return None if samples is None else round(samples / SPEECH_RATE_HZ, 3)


def _shown(view: JobView, url: str) -> dict[str, Any]:
    job, progress = view.job, view.progress
    return {
        "id": job.id,
        "url": url,
        "state": job.state,
        "reason": job.reason,
        "title": job.title,
        "author": job.author,
        "model": job.model,
        "created": int(job.created_seconds),
        "seed": job.seed,
        "characters": progress.characters,
        "segments": progress.segments,
        "segments_done": progress.segments_done,
        "percent": view.percent,
        "audio_seconds": round(view.audio_seconds, 3),
        "seconds_left": view.seconds_left,
        "audio": f"{url}/audio",
        "events": f"{url}/events",
        "captions": {name: f"{url}/captions.{name}" for name in CAPTION_FORMATS},
        "output": None
        if job.output is None or job.state != "done"
        else {"url": f"{url}/output", "filename": job.output, "bytes": job.output_bytes},
    }


@router.post(f"{PATH}/{{job_id}}/pause")
async def pause_job(request: Request, services: ServicesDep, job_id: str) -> dict[str, Any]:
    """Let a job rest."""
    await services.jobs.pause(job_id)
    return await look_at_job(request, services, job_id)


@router.post(f"{PATH}/{{job_id}}/resume")
async def resume_job(request: Request, services: ServicesDep, job_id: str) -> dict[str, Any]:
    """Let a job go on that rests, waits or has failed, with the model that is there now."""
    await services.jobs.resume(job_id)
    return await look_at_job(request, services, job_id)


@router.post(f"{PATH}/{{job_id}}/cancel")
async def cancel_job(request: Request, services: ServicesDep, job_id: str) -> dict[str, Any]:
    """End a job for good; what is finished stays until the job is deleted."""
    await services.jobs.cancel(job_id)
    return await look_at_job(request, services, job_id)


@router.delete(f"{PATH}/{{job_id}}")
async def delete_job(services: ServicesDep, job_id: str) -> dict[str, str]:
    """Remove a job with all its takes and files."""
    await services.jobs.remove(job_id)
    return {"id": job_id}


@router.get(f"{PATH}/{{job_id}}/segments")
async def list_segments(
    services: ServicesDep,
    job_id: str,
    chapter: Annotated[int | None, Query(ge=1, description="Of this chapter only.")] = None,
) -> dict[str, Any]:
    """List the segments of a job: what is said, by whom, and whether it has been spoken."""
    segments = await services.jobs.segments(job_id, chapter=chapter)
    _, placed, _ = await services.jobs.placed(job_id)
    starts = {each.segment.number: each.start for each in placed}
    return {
        "segments": [
            {**_shown_segment(segment), "heard_at_seconds": _seconds(starts.get(segment.number))}
            for segment in segments
        ]
    }


def _shown_segment(segment: Segment) -> dict[str, Any]:
    return {
        "number": segment.number,
        "chapter": segment.chapter,
        "text": segment.text,
        "voice": segment.voice,
        "seed": segment.seed,
        "take": segment.take,
        "done": segment.done,
        "seconds": _seconds(segment.samples),
        "start_seconds": segment.start_seconds,
    }


@router.patch(f"{PATH}/{{job_id}}/segments/{{number}}")
async def change_segment(
    services: ServicesDep, job_id: str, number: int, body: SegmentChange
) -> dict[str, Any]:
    """Have one segment spoken anew, with another text, voice or seed; all others stay."""
    values = body.model_dump(exclude_none=True)
    return _shown_segment(await services.jobs.change_segment(job_id, number, values))


@router.get(f"{PATH}/{{job_id}}/segments/{{number}}/audio", response_class=FileResponse)
async def segment_audio(
    services: ServicesDep,
    job_id: str,
    number: int,
    take: Annotated[int | None, Query(ge=1, description="The newest if it is left out.")] = None,
) -> Response:
    """Send one segment as WAV, as it was spoken; also a take that another one has replaced."""
    path = await services.jobs.take(job_id, number, take)
    return FileResponse(path, media_type=format_named("wav").media_type)


@router.get(f"{PATH}/{{job_id}}/captions.{{name}}", response_class=Response)
async def captions(services: ServicesDep, job_id: str, name: str) -> Response:
    """Write captions of what is finished: srt, vtt, json or lrc."""
    written = CAPTION_FORMATS.get(name)
    if written is None:
        raise InvalidRequest(f"captions must be one of {', '.join(CAPTION_FORMATS)}", field="name")
    data = await services.jobs.captions(job_id, name)
    return Response(data, media_type=written.media_type)


@router.get(f"{PATH}/{{job_id}}/output", response_class=FileResponse)
async def output(services: ServicesDep, job_id: str) -> Response:
    """Send the finished recording."""
    job = await services.jobs.get(job_id)
    if job.output is None or job.state != "done":
        raise SegmentNotFound(f"the recording is not finished: the job is {job.state}")
    controls = JobControls.model_validate(job.asked)
    is_zip = controls.files == "chapters"
    media_type = "application/zip" if is_zip else controls.book_format().media_type
    files = services.jobs.files
    path = files.output_path(job.id, job.output)
    await services.pools.saving.run(lambda: files.fetched(path))
    return FileResponse(path, media_type=media_type, filename=job.output)


@router.get(f"{PATH}/{{job_id}}/audio", response_class=Response)
async def audio(request: Request, services: ServicesDep, job_id: str) -> Response:
    """Send what is finished as one WAV, which grows while the rest is made; parts by `Range`."""
    heard = await services.jobs.heard(job_id)
    wanted = _range_in(request.headers.get("range"), heard.size_bytes)
    # Nobody knows how long it will be while it grows.
    whole = str(heard.size_bytes) if heard.complete else "*"
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    if wanted is None:
        start, end, status = 0, heard.size_bytes, 200
    else:
        start, end, status = *wanted, 206
        if start >= heard.size_bytes:
            unmet = {"Content-Range": f"bytes */{heard.size_bytes}"}
            return Response(status_code=416, headers=unmet)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{whole}"
    headers["Content-Length"] = str(end - start)
    pieces = _pieces(services, heard.read(start, end))
    media_type = format_named("wav").media_type
    return StreamingResponse(pieces, status, headers, media_type=media_type)


async def _pieces(services: Services, found: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    while (piece := await services.pools.jobs.run(lambda: next(found, None))) is not None:
        yield piece


def _range_in(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Read the one range of bytes that is wanted, as (first, after the last); None for all.

    A header that is not understood is ignored, as RFC 9110 says.
    """
    unit, _, wanted = (header or "").partition("=")
    first, dash, last = wanted.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or not (first + last).isdigit():
        return None
    if not first:
        return max(0, size_bytes - int(last)), size_bytes
    end = size_bytes if not last else min(size_bytes, int(last) + 1)
    return (int(first), end) if int(first) < end or int(first) >= size_bytes else None


@router.get(f"{PATH}/{{job_id}}/events", response_class=StreamingResponse)
async def events(
    request: Request,
    services: ServicesDep,
    job_id: str,
    last_event_id: Annotated[int, Header(alias="Last-Event-ID", ge=0)] = 0,
) -> Response:
    """Tell what happens to a job as server-sent events, after `Last-Event-ID` or from the start."""
    await services.jobs.get(job_id)
    setattr(request.state, ANSWER_IS_LIVE, True)
    told = _told(services, services.jobs.events(job_id, last_event_id))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


async def _told(
    services: Services, found: AsyncGenerator[JobEvent | None, None]
) -> AsyncGenerator[bytes, None]:
    async for event in found:
        if services.lifetime.is_stopping:
            return
        if event is None:
            yield b": still there\n\n"
            continue
        data = json.dumps(event.data, separators=(",", ":"))
        yield f"id: {event.number}\nevent: {event.kind}\ndata: {data}\n\n".encode()
