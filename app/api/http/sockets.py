"""Serves WebSockets: checks the key, bounds the frames, and closes the socket in every case."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from fastapi import WebSocket
from fastapi.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from app.api.http.access import admit, time_to_tell
from app.api.http.asked import note_asked
from app.api.http.bodies import json_in
from app.api.http.dependencies import services_of
from app.api.http.dialect import SPOKEN_DIALECT, Dialect
from app.api.http.middleware import request_id_of
from app.bounds import IDLE_SECONDS, SEND_SECONDS
from app.errors import InvalidRequest, SpeechError, TooLarge
from app.lifetime import Lifetime, shutting_down
from app.network.connections import ClientLeft, quiet_too_long, race
from app.request_record import current_record
from app.wording.problems import Problem, problem_of

MAX_FRAME_BYTES = 1 << 20

_NORMAL, _POLICY, _TOO_BIG, _OUR_FAULT, _RESTARTS, _TRY_LATER = 1000, 1008, 1009, 1011, 1012, 1013
_MAX_REASON_BYTES = 120
_QUIET_SECONDS = 0.25
_HEAR_OUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SocketKind:
    """A kind of socket says how a dialect's clients are let in and told of errors.

    Attributes:
        refusal: makes the frame that tells of a problem, before the socket is closed.
        check: raises Unauthorized or Forbidden to turn a client away.
    """

    dialect: Dialect
    refusal: Callable[[Problem], str | bytes]
    check: Callable[[HTTPConnection], object] = admit


class Socket:
    """Carries text from a client and speech to it at the same time, over a WebSocket.

    Use it from one event loop only.

    Args:
        idle_seconds: how long nothing may be sent in either direction before it is an error.

    Attributes:
        farewell: the reason with which the socket is closed where nothing went wrong.
    """

    def __init__(self, websocket: WebSocket, lifetime: Lifetime, *, idle_seconds: float) -> None:
        self.idle_seconds = idle_seconds
        self.farewell = ""
        self._websocket = websocket
        self._lifetime = lifetime
        self._conversing = False
        self._stirred_seconds = time.monotonic()
        self._gone = False

    async def receive(self, *, max_bytes: int = MAX_FRAME_BYTES) -> str | bytes:
        """Wait for the client's next frame.

        Raises:
            ClientLeft: there is none.
            TooLarge: the frame has more than `max_bytes`.
            InvalidRequest: nothing was sent in either direction for `idle_seconds`.
            ModelUnavailable: the server was told to stop before speech began.
        """
        message = await self._message()
        self.stir()
        # What is queued already comes without a wait: others have a turn before it is read.
        await asyncio.sleep(0)
        frame: str | bytes | None = message.get("bytes")
        if frame is None:
            frame = message["text"]
        frame_bytes = len(frame) if isinstance(frame, bytes) else len(frame.encode())
        if frame_bytes > max_bytes:
            raise TooLarge(f"a frame has {frame_bytes} bytes; {max_bytes} are allowed")
        return frame

    async def send(self, frame: str | bytes) -> None:
        """Send a frame, and return once there is room for the next one.

        Raises:
            ClientLeft: the client has left, or has stopped reading.
        """
        if self._gone:
            raise ClientLeft
        sending = (
            self._websocket.send_text(frame)
            if isinstance(frame, str)
            else self._websocket.send_bytes(frame)
        )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await sending
        except (WebSocketDisconnect, TimeoutError):
            self._gone = True
            raise ClientLeft from None
        self.stir()

    async def converse(
        self, hear: Coroutine[Any, Any, None], speak: Coroutine[Any, Any, None]
    ) -> None:
        """Run `hear` and `speak` together until `speak` is done.

        An exception in one of them ends the other, and is raised here.

        Args:
            hear: receives what the client sends; it may return before the speech is over.
            speak: sends the speech.

        Raises:
            ClientLeft: the client left before the speech was over.
        """
        self._conversing = True
        await race(speak, self._heard_out(hear))

    async def hear_out(self) -> None:
        """Take what a refused client still sends, until it is quiet for a moment.

        ElevenLabs' SDK reads the refusal only between two frames of its own; a socket that closes
        while it sends is a bug in its eyes, and the words are lost.

        Raises:
            ClientLeft
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEAR_OUT_SECONDS):
                while True:
                    async with asyncio.timeout(_QUIET_SECONDS):
                        message = await self._websocket.receive()
                    if message["type"] == "websocket.disconnect":
                        self._gone = True
                        raise ClientLeft

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, unless the client has left."""
        if self._gone:
            return
        self._gone = True
        short = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._websocket.close(code, short)
        except (WebSocketDisconnect, TimeoutError):
            return

    async def _heard_out(self, hear: Coroutine[Any, Any, None]) -> None:
        await hear
        # Go on receiving: nothing else would notice that the client leaves.
        while True:
            await self._message(for_ever=True)

    async def _message(self, *, for_ever: bool = False) -> dict[str, Any]:
        while True:
            left_seconds = self._stirred_seconds + self.idle_seconds - time.monotonic()
            timeout_seconds = None if for_ever else max(0.0, left_seconds)
            try:
                async with asyncio.timeout(timeout_seconds):
                    message = await self._received()
            except TimeoutError:
                if time.monotonic() - self._stirred_seconds < self.idle_seconds:
                    continue  # something was sent meanwhile
                raise quiet_too_long(self.idle_seconds) from None
            if message["type"] == "websocket.disconnect":
                self._gone = True
                raise ClientLeft
            return dict(message)

    async def _received(self) -> MutableMapping[str, Any]:
        if self._conversing:
            return await self._websocket.receive()  # speech ends by itself when the server stops

        async def refused() -> NoReturn:
            await self._lifetime.stopping()
            raise shutting_down()

        return await race(self._websocket.receive(), refused())

    def stir(self) -> None:
        """Count the idle time from now."""
        self._stirred_seconds = time.monotonic()


def json_object_in(frame: str | bytes) -> dict[str, Any]:
    """Read the JSON object in a frame.

    Raises:
        InvalidRequest: there is none.
    """
    try:
        sent = json_in(frame if isinstance(frame, bytes) else frame.encode(), what="a frame")
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"a frame is not valid JSON: {error}") from None
    if not isinstance(sent, dict):
        raise InvalidRequest("a frame must be a JSON object")
    return sent


async def serve_socket(
    websocket: WebSocket, kind: SocketKind, talk: Callable[[Socket], Awaitable[None]]
) -> None:
    """Accept a client's socket, run `talk`, and close the socket, whatever happens.

    Who is turned away is let in first: a web page sees why a socket is closed, but never why none
    was opened.

    Args:
        talk: returns when all is said. A SpeechError that it raises is told to the client.
    """
    setattr(websocket.state, SPOKEN_DIALECT, kind.dialect)
    note_asked(websocket.path_params, kind.dialect.words)
    await websocket.accept()
    lifetime = services_of(websocket).lifetime
    socket = Socket(websocket, lifetime, idle_seconds=IDLE_SECONDS)
    try:
        kind.check(websocket)
        await talk(socket)
        await socket.close(_NORMAL, socket.farewell)
    except ClientLeft:
        return
    except asyncio.CancelledError:
        # Once SHUTDOWN_GRACE_SECONDS are over, uvicorn closes all sockets and cancels what is left.
        if not lifetime.is_stopping:
            raise
    except SpeechError as error:
        await time_to_tell(error)
        problem = problem_of(error, request_id_of(websocket.scope), kind.dialect.words)
        current_record().refused(problem.kind, error.field)
        restarts = problem.status == 503 and lifetime.is_stopping
        code = _RESTARTS if restarts else _close_code(problem.status)
        await _part(socket, kind.refusal(problem), code, problem.message)


async def refuse_socket(websocket: WebSocket, dialect: Dialect, problem: Problem) -> None:
    """Accept a socket only to say why it is closed: in a frame, as over HTTP, and as the reason."""
    await websocket.accept()
    socket = Socket(websocket, services_of(websocket).lifetime, idle_seconds=IDLE_SECONDS)
    frame = json.dumps(dialect.error_body(problem))
    await _part(socket, frame, _close_code(problem.status), problem.message)


async def _part(socket: Socket, last_frame: str | bytes, code: int, reason: str) -> None:
    try:
        await socket.send(last_frame)
        await socket.hear_out()
    except ClientLeft:
        return
    await socket.close(code, reason)


def _close_code(status: int) -> int:
    if status == 413:
        return _TOO_BIG
    if status in (429, 503):
        return _TRY_LATER
    return _OUR_FAULT if status >= 500 else _POLICY
