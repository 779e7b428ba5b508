"""Serves this server's own WebSocket, /ws/tts, which docs/asyncapi.yaml describes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from fastapi import APIRouter, WebSocket

from app.api.http.allowing import count_request
from app.api.http.context_socket import Conversation, answer_to
from app.api.http.dialect import NATIVE
from app.api.http.middleware import request_id_of
from app.api.http.sockets import Socket, SocketKind, json_object_in, serve_socket
from app.api.native.live_messages import (
    Audio,
    Cancel,
    Cancelled,
    Done,
    End,
    Error,
    ErrorDetail,
    Flush,
    FromClient,
    Marked,
    Start,
    Started,
    Text,
)
from app.audio.formats import AudioFormat
from app.bounds import CONTEXTLESS_SECONDS, IDLE_SECONDS
from app.errors import InvalidRequest, Parameter, SpeechError, TooLarge, shortened
from app.marks import Marks
from app.network.connections import quiet_too_long
from app.speaking.contexts import Context, Frames, Heard, TooManyContexts
from app.speech import SPEECH_RATE_HZ
from app.wording.problems import Problem, problem_of
from app.wording.validation import validated

LIVE_PATH = "/ws/tts"
_DIALECT = NATIVE.with_words({Parameter.TEXT: "text"})

_Answer: TypeAlias = tuple[type[FromClient], Callable[[Any], Awaitable[None]]]

router = APIRouter()


@router.websocket(LIVE_PATH)
async def speak_live(websocket: WebSocket) -> None:
    """Speak texts that are still being written."""
    await serve_socket(websocket, _Talk.kind, partial(_talk, websocket))


async def _talk(websocket: WebSocket, socket: Socket) -> None:
    socket.idle_seconds = CONTEXTLESS_SECONDS
    await _Talk(websocket, socket).hold()


class LiveWording:
    """Words what becomes of a context."""

    def __init__(
        self, start: Start, audio: AudioFormat, problem: Callable[[SpeechError], Problem]
    ) -> None:
        self._context = start.context
        self._marks = start.marks
        self._audio = audio
        self._problem = problem

    def started(self) -> Frames:
        """Say what the sound will be."""
        started = Started(
            context=self._context,
            format=self._audio.name,
            content_type=self._audio.content_type(SPEECH_RATE_HZ),
            sample_rate=self._audio.rate_hz(SPEECH_RATE_HZ),
        )
        return (started.model_dump_json(),)

    def audio(self, data: bytes, marks: Marks) -> Frames:
        head = Audio(context=self._context, bytes=len(data))
        return (head.model_dump_json(), data, *self._marked(marks))

    def done(self, marks: Marks, spoken_seconds: float) -> Frames:
        done = Done(context=self._context, seconds=round(spoken_seconds, 3), method=marks.method)
        return (*self._marked(marks), done.model_dump_json())

    def cancelled(self, heard: Heard) -> Frames:
        cancelled = Cancelled(
            context=self._context,
            heard_seconds=round(heard.seconds, 3),
            heard_characters=heard.script_chars,
            sent_seconds=round(heard.sent_seconds, 3),
        )
        return (cancelled.model_dump_json(),)

    def failed(self, error: SpeechError) -> Frames:
        return (_refusal(self._problem(error), self._context),)

    def _marked(self, marks: Marks) -> list[str]:
        found = []
        if self._marks == "word":
            found += [Marked.of(self._context, "word", mark) for mark in marks.words]
        if self._marks != "none":
            found += [Marked.of(self._context, "sentence", mark) for mark in marks.sentences]
        return [each.model_dump_json() for each in found]


def _refusal(problem: Problem, context: str | None = None) -> str:
    detail = ErrorDetail(
        type=problem.kind,
        message=problem.message,
        field=problem.field,
        request_id=problem.request_id,
    )
    return Error(context=context, error=detail).model_dump_json()


class _Talk(Conversation[LiveWording]):
    kind = SocketKind(_DIALECT, _refusal)

    def __init__(self, websocket: WebSocket, socket: Socket) -> None:
        super().__init__(websocket, socket)
        self._answers: Mapping[str, _Answer] = {
            "start": (Start, self._start),
            "text": (Text, self._text),
            "flush": (Flush, self._flush),
            "cancel": (Cancel, self._cancel),
            "end": (End, self._end),
        }

    async def take(self, frame: str | bytes) -> bool:
        sent = json_object_in(frame)
        model, do = answer_to(self._answers, sent.get("type"))
        await do(validated(model, sent))
        return True

    def quiet(self) -> None:
        raise quiet_too_long(CONTEXTLESS_SECONDS)

    async def _start(self, start: Start) -> None:
        try:
            await count_request(self.websocket)
            audio = start.audio_format(start.format)
            cast = self.services.cast
            request = replace(
                start.request("", cast.voice_named(start.voice)),
                model=cast.required_model(start.model),
                timed=start.marks != "none",
            )
            fed = self.fed(request)
            wording = LiveWording(start, audio, self.problem)
            self.contexts.open(Context(start.context, fed, audio, wording, IDLE_SECONDS))
        except TooManyContexts:
            raise
        except SpeechError as error:
            await self._tell(start.context, error)

    async def _text(self, message: Text) -> None:
        if context := await self._open(message):
            try:
                context.add(message.text)
            except TooLarge:
                raise
            except SpeechError as error:
                await self.contexts.fail(context, error)

    async def _flush(self, message: Flush) -> None:
        if context := await self._open(message):
            context.flush()

    async def _end(self, message: End) -> None:
        if context := await self._open(message):
            context.finish()

    async def _cancel(self, message: Cancel) -> None:
        if not await self.contexts.cancel(message.context, heard_seconds=message.heard_seconds):
            await self._tell(message.context, _no_context(message.context))

    async def _open(self, message: FromClient) -> Context[LiveWording] | None:
        """Return the context that a message is for; None where there is none, which is told."""
        context = self.contexts.get(message.context)
        if context is None:
            await self._tell(message.context, _no_context(message.context))
        return context

    async def _tell(self, name: str, error: SpeechError) -> None:
        """Tell of an error that belongs to a context, and ends none."""
        problem = problem_of(error, request_id_of(self.websocket.scope), _DIALECT.words)
        await self.contexts.tell((_refusal(problem, name),))


def _no_context(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"there is no context {shortened(repr(name))}: it was not started, or it has ended",
        field="context",
    )
