"""Sends speech to a client: as a live stream, as a complete body, or as the URL of a saved file."""

from __future__ import annotations

import asyncio
import logging
import string
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.http.addresses import base_url
from app.api.http.allowing import count_speech
from app.api.http.dialect import NATIVE
from app.api.http.forms import ANSWER_IS_LIVE
from app.api.http.middleware import request_id_of
from app.api.http.routes import KeyedRoute
from app.api.http.signed_links import link_query
from app.audio.formats import AudioFormat
from app.captions.files import CAPTION_FORMATS
from app.errors import NeedsNewerHttp, SpeechError
from app.network.connections import ClientLeft, race
from app.request_record import current_record
from app.services import Services
from app.speaking.encoded import CompleteAudio, LiveAudio, complete_audio, live_audio
from app.speaking.speaker import Origin
from app.speaking.utterance import Utterance
from app.speech import SPEECH_RATE_HZ, SpeechRequest
from app.wording.problems import kind_of
from app.work import Pools

logger = logging.getLogger(__name__)

T = TypeVar("T")

SECONDS_PER_CHARACTER = 0.1
"""Speech rarely takes longer than this, and most often two thirds of it."""

WHOLE_WITHIN_SECONDS = 50.0
"""Whoever speaks HTTP/1.0 waits no longer for a whole live answer; nginx gives up after 60."""

MAX_HEADER_CHARS = 2000
_HEADER_SAFE = string.punctuation.replace("%", "") + " "

Wrapping = Callable[[LiveAudio], AsyncGenerator[bytes, None]]
"""Turns the audio of a live answer into the bytes to send, such as events that hold base64."""


async def complete_answer(
    request: Request, services: Services, speech: SpeechRequest, audio: AudioFormat
) -> CompleteAudio:
    """Speak, wait for all of it, and encode it.

    Raises:
        SpeechError: the speech cannot be made. Nothing has been sent yet, so that the client can
            still be answered with a status of its own.
        ClientLeft: the caller hung up, and the work was stopped.
    """

    async def spoken() -> CompleteAudio:
        utterance = await _begun_utterance(request, services, speech)
        return await complete_audio(utterance, audio, services.ffmpeg, services.pools)

    return await while_connected(request, spoken())


async def file_response(
    request: Request, services: Services, speech: SpeechRequest, audio: AudioFormat
) -> Response:
    """Speak, and answer with the complete clip and its Content-Length."""
    made = await complete_answer(request, services, speech, audio)
    size = {"Content-Length": str(made.size_bytes)}
    return ClipResponse(made, services.pools, {**size, **measured_headers(made), **_inline(audio)})


@dataclass(frozen=True, slots=True)
class SavedFile:
    """Says where a clip was saved, and its captions by the name of their format."""

    url: str
    filename: str
    captions: dict[str, str]
    made: CompleteAudio
    headers: dict[str, str]


async def saved_file(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    *,
    captions: Callable[[CompleteAudio], dict[str, str]] | None = None,
) -> SavedFile:
    """Speak, and save the clip where anybody who has its URL can fetch it.

    Args:
        captions: makes caption files of the clip, by the name of their format; blocks.
    """
    size_bytes = len(speech.text) * SECONDS_PER_CHARACTER * audio.bytes_per_second(SPEECH_RATE_HZ)
    files = services.pools.saving
    await files.run(partial(services.saved.require_room, int(size_bytes)))
    made = await complete_answer(request, services, speech, audio)
    with made.file as file:
        texts = await services.pools.finishing.run(partial(captions, made)) if captions else {}
        save = partial(
            services.saved.save,
            file,
            audio.extension,
            media_type=audio.content_type(SPEECH_RATE_HZ),
        )
        filename = await files.run(save)
    beside: dict[str, str] = {}
    try:
        for name, text in texts.items():
            save = partial(
                services.saved.save,
                BytesIO(text.encode()),
                f".{name}",
                beside=filename,
                media_type=CAPTION_FORMATS[name].media_type,
            )
            beside[name] = await files.run(save)
    except BaseException:
        # Nobody will ever know the address of the audio alone.
        await files.run(partial(services.saved.remove, filename))
        raise

    def url_of(name: str) -> str:
        query = link_query(name, services.settings)
        return f"{base_url(request, services.settings)}/voice/{name}{query}"

    urls = {name: url_of(file_name) for name, file_name in beside.items()}
    return SavedFile(url_of(filename), filename, urls, made, measured_headers(made))


async def live_response(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    *,
    wrapping: Wrapping | None = None,
    media_type: str | None = None,
) -> Response:
    """Speak, and answer with a body that is sent while the speech is being made.

    This returns once the first encoded bytes exist: a failure before that is answered with a
    status of its own, a later one aborts the connection, since a clean end would mean success.

    HTTP/1.0 has no other end of a live body than that of the connection, so its callers, such as
    nginx unless it is told otherwise, wait for all of it and get its length.

    Args:
        wrapping: turns the audio into the bytes to send; None sends the audio itself.
        media_type: the Content-Type of what `wrapping` makes.

    Raises:
        NeedsNewerHttp: the caller speaks HTTP/1.0, and it takes too long to make all of it.
    """
    if request.scope["http_version"] == "1.0":
        return await _whole_response(request, services, speech, audio, wrapping, media_type)
    live = await _begun(request, services, speech, audio)
    setattr(request.state, ANSWER_IS_LIVE, True)
    headers = {
        **_origin(live.utterance.origin),
        "Server-Timing": _server_timing(live.took_seconds),
        "X-Accel-Buffering": "no",  # otherwise nginx holds back the beginning
    }
    if wrapping is None:
        return LiveResponse(live, live.body, live.content_type, {**headers, **_inline(audio)})
    return LiveResponse(live, wrapping(live), str(media_type), headers)


class ClipResponse(StreamingResponse):
    """Sends a complete clip, and closes it."""

    def __init__(self, made: CompleteAudio, pools: Pools, headers: dict[str, str]) -> None:
        self._made = made
        super().__init__(made.pieces(pools), media_type=made.content_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._made.file:
            await super().__call__(scope, receive, send)


class LiveResponse(StreamingResponse):
    """Streams a live answer, and stops making speech when the client leaves."""

    def __init__(
        self,
        live: LiveAudio,
        body: AsyncIterator[bytes],
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        self._live = live
        super().__init__(body, media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._live):
            try:
                await super().__call__(scope, receive, send)
            except SpeechError as error:
                current_record().refused(kind_of(error))
                logger.error(  # noqa: TRY400 - the reason is enough
                    "the stream was broken off: %s",
                    error.message,
                    extra={"request_id": request_id_of(scope)},
                )
                raise


async def _begun_utterance(
    request: Request, services: Services, speech: SpeechRequest
) -> Utterance:
    await count_speech(request, len(speech.text))
    route = request.scope["route"]
    dialect = route.dialect if isinstance(route, KeyedRoute) else NATIVE
    silent = speech.silent_without_words or dialect.silent_without_words
    return await services.speech.begin(replace(speech, silent_without_words=silent))


async def _begun(
    request: Request, services: Services, speech: SpeechRequest, audio: AudioFormat
) -> LiveAudio:
    """Begin to speak and encode, and stop both if the client leaves before there is sound."""

    async def begun() -> LiveAudio:
        utterance = await _begun_utterance(request, services, speech)
        live = await live_audio(utterance, audio, services.ffmpeg)
        begun_work.push_async_callback(live.aclose)
        return live

    async with AsyncExitStack() as begun_work:
        live = await while_connected(request, begun())
        begun_work.pop_all()  # from here on the response closes it
    return live


async def _whole_response(
    request: Request,
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    wrapping: Wrapping | None,
    media_type: str | None,
) -> Response:
    """Answer with the complete body of what would otherwise be sent live."""
    try:
        async with asyncio.timeout(WHOLE_WITHIN_SECONDS):
            if wrapping is None:
                return await file_response(request, services, speech, audio)
            live = await _begun(request, services, speech, audio)
            async with aclosing(live):
                body = await while_connected(request, _joined(wrapping(live)))
    except TimeoutError:
        raise NeedsNewerHttp(
            f"this caller speaks HTTP/1.0, which cannot carry speech while it is being made, and "
            f"all of it was not ready after {WHOLE_WITHIN_SECONDS:g} s; speak HTTP/1.1 (a proxy "
            "may be what does not: nginx needs `proxy_http_version 1.1`), or send less text"
        ) from None
    headers = {**_origin(live.utterance.origin), "Server-Timing": _server_timing(live.took_seconds)}
    return Response(body, media_type=media_type, headers=headers)


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, but cancel it as soon as the client hangs up.

    Raises:
        ClientLeft: the client hung up first.
    """
    return await race(work, _disconnected(request))


async def _disconnected(request: Request) -> Any:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise ClientLeft


def measured_headers(made: CompleteAudio) -> dict[str, str]:
    """Return the headers that say who is heard in a clip, for how long, and what took how long."""
    return {
        **_origin(made.origin),
        "Server-Timing": _server_timing(made.took_seconds),
        "X-Audio-Duration": f"{made.speech_seconds:.3f}",
        **({} if made.more_takes is None else {"X-Takes": str(made.more_takes)}),
    }


def _origin(origin: Origin) -> dict[str, str]:
    headers = {"X-TTS-Model": quote(origin.model)}
    if origin.voice is not None:
        headers["X-TTS-Voice"] = quote(origin.voice)
    if origin.preparation:
        # Only names of files may hold what a header cannot.
        words = quote("; ".join(origin.preparation), safe=_HEADER_SAFE)
        headers["X-TTS-Recording"] = words[:MAX_HEADER_CHARS]
    if origin.left_out:
        headers["X-TTS-Left-Out"] = quote(" ".join(origin.left_out))[:MAX_HEADER_CHARS]
    return headers


def _server_timing(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name};dur={1000 * value:.1f}" for name, value in seconds.items())


def _inline(audio: AudioFormat) -> dict[str, str]:
    return {"Content-Disposition": f'inline; filename="speech{audio.extension}"'}
