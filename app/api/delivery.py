"""How finished speech leaves: a live stream, a complete body, or a saved file with its URL."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.dependencies import Services
from app.api.error_handlers import ClientLeft
from app.api.middleware import request_id_of
from app.audio.encode import encode_clip
from app.audio.formats import AudioFormat
from app.audio.live import LiveEncoder
from app.audio.live_loudness import normalized_live
from app.audio.loudness import TARGET_LUFS, normalized_clip
from app.errors import SpeechError
from app.settings import Settings
from app.speech import SpeechRequest
from app.synthesizer import FieldNames, Utterance

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FORWARDED_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class CompleteAudio:
    """A whole encoded clip and what it took to make it."""

    data: bytes
    content_type: str
    headers: dict[str, str]


async def complete_audio(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    fields: FieldNames,
) -> CompleteAudio:
    """Speak, wait for all of it, encode it.

    Raises:
        SpeechError: nothing was sent yet, so every failure still gets its own answer.
        ClientLeft: the caller hung up, and the work was stopped.
    """
    return await while_connected(request, _complete(services, speech, audio, fields))


async def _complete(
    services: Services, speech: SpeechRequest, audio: AudioFormat, fields: FieldNames
) -> CompleteAudio:
    started = time.monotonic()
    synthesizer = (await services.speakers.of(speech)).synthesizer
    plan = await synthesizer.prepare(speech, fields)
    utterance = await synthesizer.begin(plan)
    try:
        async with aclosing(utterance.pcm()) as spoken:
            pieces = [piece async for piece in spoken]
    finally:
        utterance.close()
    if speech.normalize_loudness:
        pieces = await asyncio.to_thread(
            normalized_clip, pieces, plan.sample_rate_hz, target_lufs=_target_lufs(speech)
        )
    synthesized = time.monotonic()
    data = await asyncio.to_thread(encode_clip, pieces, plan.sample_rate_hz, audio, services.ffmpeg)
    samples = sum(map(len, pieces))
    seconds = {
        **_begun_seconds(utterance),
        "synthesis": synthesized - started,
        "encoding": time.monotonic() - synthesized,
    }
    headers = {
        "Server-Timing": _server_timing(seconds),
        "X-Audio-Duration": f"{samples / plan.sample_rate_hz:.3f}",
    }
    return CompleteAudio(data, audio.content_type(plan.sample_rate_hz), headers)


async def file_response(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    fields: FieldNames,
) -> Response:
    """The complete clip as the body, with a true Content-Length."""
    made = await complete_audio(request, services, speech, audio, fields)
    return Response(
        made.data,
        media_type=made.content_type,
        headers={**made.headers, **_inline(audio)},
    )


async def saved_file(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    fields: FieldNames,
) -> tuple[str, str, dict[str, str]]:
    """(URL, file name, headers) of the clip, saved where anybody with the URL can fetch it."""
    made = await complete_audio(request, services, speech, audio, fields)
    filename = await asyncio.to_thread(services.store.save, made.data, audio.extension)
    base = base_url(request, services.settings)
    return f"{base}/voice/{filename}", filename, made.headers


async def live_response(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    fields: FieldNames,
) -> Response:
    """A response whose body is sent while the speech is being made.

    The first encoded bytes exist before this returns: what fails until then gets a status of its
    own, what fails later aborts the connection, since a clean end would mean success.
    """
    return await while_connected(request, _live(services, speech, audio, fields))


async def _live(
    services: Services, speech: SpeechRequest, audio: AudioFormat, fields: FieldNames
) -> Response:
    synthesizer = (await services.speakers.of(speech)).synthesizer
    plan = await synthesizer.prepare(speech, fields)
    async with AsyncExitStack() as stack:
        # FFmpeg starts while the model works on the first frame.
        encoder = await stack.enter_async_context(
            LiveEncoder(audio, plan.sample_rate_hz, services.ffmpeg)
        )
        utterance = await synthesizer.begin(plan)
        stack.callback(utterance.close)
        pieces = utterance.pcm()
        if speech.normalize_loudness:
            pieces = normalized_live(pieces, plan.sample_rate_hz, target_lufs=_target_lufs(speech))
        body = encoder.encode(pieces)
        first = await anext(body)
        headers = {"Server-Timing": _server_timing(_begun_seconds(utterance)), **_inline(audio)}
        return LiveResponse(
            _chain(first, body),
            stack.pop_all(),
            media_type=audio.content_type(plan.sample_rate_hz),
            headers=headers,
        )


def _target_lufs(speech: SpeechRequest) -> float:
    """A volume is asked for on top of the common loudness, which would else take it back."""
    return TARGET_LUFS + speech.prosody.volume_db


class LiveResponse(StreamingResponse):
    """A live stream that stops the work behind it when its listener leaves."""

    def __init__(
        self,
        body: AsyncIterator[bytes],
        work: AsyncExitStack,
        *,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        self._work = work
        super().__init__(body, media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._work:
            try:
                await super().__call__(scope, receive, send)
            except SpeechError as error:
                logger.error(  # noqa: TRY400 - the reason is enough
                    "the stream was broken off: %s",
                    error.message,
                    extra={"request_id": request_id_of(scope)},
                )
                raise


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Await `work`, but cancel it as soon as the client hangs up.

    Raises:
        ClientLeft: the client hung up first.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientLeft
    finally:
        for pending in (task, leaving):
            pending.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _begun_seconds(utterance: Utterance) -> dict[str, float]:
    timings = utterance.timings
    return {
        name: seconds
        for name, seconds in (
            ("queue", timings.queued_seconds),
            ("first_audio", timings.first_audio_seconds),
        )
        if seconds is not None
    }


def _server_timing(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name};dur={1000 * value:.1f}" for name, value in seconds.items())


def _inline(audio: AudioFormat) -> dict[str, str]:
    return {"Content-Disposition": f'inline; filename="speech{audio.extension}"'}


def base_url(request: Request, settings: Settings) -> str:
    """Where the client reached this server, without a slash at the end.

    PUBLIC_BASE_URL wins; X-Forwarded-* counts only when a trusted proxy sent it.
    """
    if settings.public_base_url is not None:
        return settings.public_base_url
    scheme, host = request.url.scheme, request.url.netloc
    if _from_trusted_proxy(request, settings):
        forwarded_scheme = _last_hop(request, "x-forwarded-proto").lower()
        forwarded_host = _last_hop(request, "x-forwarded-host")
        scheme = forwarded_scheme if forwarded_scheme in ("http", "https") else scheme
        host = forwarded_host if _FORWARDED_HOST.fullmatch(forwarded_host) else host
    return f"{scheme}://{host}"


def _from_trusted_proxy(request: Request, settings: Settings) -> bool:
    if "*" in settings.trusted_proxies:
        return True
    if request.client is None:
        return False
    try:
        peer = ipaddress.ip_address(request.client.host)
    except ValueError:  # a Unix socket has no address
        return False
    return any(
        peer in ipaddress.ip_network(entry, strict=False) for entry in settings.trusted_proxies
    )


def _last_hop(request: Request, header: str) -> str:
    return request.headers.get(header, "").split(",")[-1].strip()
