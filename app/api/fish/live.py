"""Serves Fish Audio's WebSocket, which takes text piece by piece and sends speech meanwhile."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import Any

from fastapi import APIRouter, WebSocket

from app.api.fish.controls import FishSpeech
from app.api.fish.dialect import DIALECT
from app.api.fish.msgpack_body import packed, unpacked
from app.api.http.allowing import count_characters, count_request, count_stream
from app.api.http.dependencies import services_of
from app.api.http.sockets import MAX_FRAME_BYTES, Socket, SocketKind, serve_socket
from app.audio.formats import AudioFormat
from app.errors import InvalidRequest, shortened
from app.network.connections import QuietTooLong
from app.services import Services
from app.speaking.encoded import fed_audio
from app.speaking.fed import FedSpeech
from app.wording.problems import Problem
from app.wording.support import MODEL, Support, support_of
from app.wording.validation import validated
from app.work import HeldBytes

LIVE_PATH = "/v1/tts/live"
EVENTS = ("start", "text", "flush", "stop")

router = APIRouter()


@router.websocket(LIVE_PATH)
async def speak_live(websocket: WebSocket) -> None:
    """Speak a text that is still being written."""
    await serve_socket(websocket, _KIND, partial(_talk, websocket))


async def _talk(websocket: WebSocket, socket: Socket) -> None:
    services = services_of(websocket)
    await count_request(websocket)
    count_stream(websocket)
    with services.bodies.hold() as held:
        try:
            body = await _started(services, socket, held)
        except QuietTooLong:
            await _finish(socket)
            return
        audio = body.audio_format()
        speech = await body.speech_request(services, websocket.headers)
        counted = partial(count_characters, websocket)
        fed = FedSpeech(services.speech, speech, count_characters=counted)
        await fed.check_voice()
        fed.add(body.text)
        await socket.converse(_hear(socket, fed), _speak(services, socket, fed, audio))


async def _started(services: Services, socket: Socket, held: HeldBytes) -> FishSpeech:
    # The first event may contain recordings.
    max_bytes = services.settings.max_upload_bytes + MAX_FRAME_BYTES
    frame = await socket.receive(max_bytes=max_bytes)
    held.take(len(frame))
    kind, event = await services.pools.bodies.run(partial(_event_in, frame))
    if kind != "start":
        raise InvalidRequest(f"{kind} came before start, which has to be the first event")
    request = event.get("request")
    if not isinstance(request, dict):
        raise InvalidRequest("a start event must have a request", field="request")
    return await services.pools.bodies.run(partial(validated, FishSpeech, request))


async def _hear(socket: Socket, fed: FedSpeech) -> None:
    while True:
        try:
            kind, event = _event_in(await socket.receive())
        except QuietTooLong:
            if fed.has_words_waiting:
                raise
            # Agents keep a socket open for what they may say next.
            fed.finish()
            return
        if kind == "text":
            text = event.get("text")
            if not isinstance(text, str):
                raise InvalidRequest("a text event must have a text", field="text")
            fed.add(text)
        elif kind == "flush":
            fed.flush()
        elif kind == "stop":
            fed.finish()
            return
        else:
            raise InvalidRequest("start may come only once")


async def _speak(services: Services, socket: Socket, fed: FedSpeech, audio: AudioFormat) -> None:
    async with aclosing(fed_audio(fed, audio, services.ffmpeg)) as pieces:
        async for data in pieces:
            await socket.send(packed({"event": "audio", "audio": data}))
    await _finish(socket)


async def _finish(socket: Socket) -> None:
    await socket.send(packed({"event": "finish", "reason": "stop"}))


def _event_in(frame: str | bytes) -> tuple[str, dict[str, Any]]:
    if isinstance(frame, str):
        raise InvalidRequest("events must be binary frames of MessagePack, not text")
    event = unpacked(frame)
    kind = event.get("event") if isinstance(event, dict) else None
    if kind not in EVENTS:
        raise InvalidRequest(
            f"event must be one of {', '.join(EVENTS)}; it is {shortened(repr(kind))}",
            field="event",
        )
    return kind, event


def _refusal(problem: Problem) -> bytes:
    told = {"status": problem.status, "message": problem.message}
    return packed({"event": "finish", "reason": "error", **told})


_KIND = SocketKind(DIALECT, _refusal)

_CALL = f"WebSocket {LIVE_PATH}"
SUPPORT = (
    Support(_CALL, "model (header)", MODEL.how, MODEL.note),
    *support_of(_CALL, FishSpeech),
    Support(_CALL, "flush", "honoured", "what is there is spoken, also half a sentence"),
)
