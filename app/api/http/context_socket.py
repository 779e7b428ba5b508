"""Puts several contexts on one WebSocket: each is text that comes in and speech that goes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import ClassVar, Generic, TypeVar

from fastapi import WebSocket

from app.api.http.access import caller_of
from app.api.http.allowing import count_characters
from app.api.http.dependencies import services_of
from app.api.http.middleware import request_id_of
from app.api.http.sockets import Socket, SocketKind
from app.errors import InvalidRequest, SpeechError, shortened
from app.network.connections import QuietTooLong
from app.request_record import current_record
from app.speaking.contexts import Contexts, W
from app.speaking.fed import FedSpeech
from app.speech import SpeechRequest
from app.wording.problems import Problem, problem_of

T = TypeVar("T")


class Conversation(ABC, Generic[W]):
    """Takes what one client sends, and keeps its contexts, each of which counts as a stream.

    A protocol makes a subclass, which knows its messages. Make it once the client was admitted.

    Attributes:
        kind: says how the protocol words errors.
        contexts: what is spoken, or written, now.
    """

    kind: ClassVar[SocketKind]

    def __init__(self, websocket: WebSocket, socket: Socket) -> None:
        self.websocket = websocket
        self.services = services_of(websocket)
        streaming = partial(self.services.allowances.streaming, caller_of(websocket))
        self.contexts: Contexts[W] = Contexts(
            self.services.ffmpeg, self.services.lifetime, socket.send, streaming
        )
        self._socket = socket
        self._request_id = request_id_of(websocket.scope)

    @abstractmethod
    async def take(self, frame: str | bytes) -> bool:
        """Do what a frame says; return whether more may come.

        Raises:
            SpeechError: it makes no sense, or is too much; it ends the socket. What is wrong with
                one context is told there.
        """

    async def begin(self) -> None:
        """Say what is to be said before the client does."""

    def quiet(self) -> None:
        """End the socket because nothing was said for long: quietly, unless this raises."""
        self._socket.farewell = f"nothing came for {self._socket.idle_seconds:g} s"

    async def hold(self, first: str | bytes | None = None) -> None:
        """Hear the client and speak to it, until it has said its last and all was sent.

        Args:
            first: a frame that was received before.

        Raises:
            ClientLeft, SpeechError: as `take` and `Contexts.speak`.
        """
        await self._socket.converse(self._hear(first), self.contexts.speak())

    def fed(
        self,
        request: SpeechRequest,
        *,
        passage_spoken: Callable[[int], Awaitable[None]] | None = None,
        rest_seconds: float = 0.0,
    ) -> FedSpeech:
        """Make the speech of a context; its characters count for the caller.

        Args:
            passage_spoken, rest_seconds: as in `FedSpeech`.
        """
        return FedSpeech(
            self.services.speech,
            request,
            count_characters=partial(count_characters, self.websocket),
            passage_spoken=passage_spoken,
            rest_seconds=rest_seconds,
        )

    def problem(self, error: SpeechError) -> Problem:
        """Word an error for the client, and note it in the record."""
        problem = problem_of(error, self._request_id, self.kind.dialect.words)
        current_record().refused(problem.kind, error.field)
        return problem

    def refusal(self, error: SpeechError) -> str | bytes:
        """Make the frame that tells of an error, and note it in the record."""
        return self.kind.refusal(self.problem(error))

    async def _hear(self, first: str | bytes | None) -> None:
        await self.begin()
        frame = await self._next_frame() if first is None else first
        while frame is not None and await self.take(frame):
            frame = await self._next_frame()
        if frame is None:
            self.quiet()
        self.contexts.end()

    async def _next_frame(self) -> str | bytes | None:
        """Wait for the client's next frame.

        Returns:
            None where nothing came for long and no context is open: agents keep a socket for what
            they may say next. Contexts know themselves when they are still for too long.
        """
        while True:
            try:
                return await self._socket.receive()
            except QuietTooLong:
                if not len(self.contexts):
                    return None
                self._socket.stir()


def answer_to(answers: Mapping[str, T], kind: object, *others: str) -> T:
    """Choose what answers a message, by its type.

    Args:
        others: types that are answered elsewhere.

    Raises:
        InvalidRequest: there is no such type.
    """
    answer = answers.get(kind) if isinstance(kind, str) else None
    if answer is None:
        known = ", ".join((*answers, *others))
        raise InvalidRequest(
            f"type must be one of {known}; it is {shortened(repr(kind))}", field="type"
        )
    return answer
