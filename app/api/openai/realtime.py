"""Serves the speaking half of OpenAI's Realtime socket; what listens is refused by name."""

from __future__ import annotations

import base64
import json
import secrets
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Field

from app.api.http.allowing import count_characters, count_request
from app.api.http.context_socket import contexts_on, next_frame
from app.api.http.dependencies import services_of
from app.api.http.middleware import request_id_of
from app.api.http.sockets import Socket, SocketKind, json_object_in, serve_socket
from app.api.openai.dialect import DIALECT
from app.audio.formats import format_named
from app.bounds import CONTEXTLESS_SECONDS, IDLE_SECONDS
from app.errors import InvalidRequest, NotSupported, Parameter, SpeechError, shortened
from app.marks import Marks
from app.request_record import current_record
from app.speaking.contexts import Context, Contexts, Frames, Heard
from app.speaking.fed import FedSpeech
from app.speech import SpeechRequest
from app.wording.problems import Problem, problem_of
from app.wording.support import HONOURED, Effect, Support, support_of
from app.wording.validation import validated

REALTIME_PATH = "/v1/realtime"
_DIALECT = DIALECT.with_words({Parameter.TEXT: "response.input"})
_LISTENING = ("input_audio_buffer.", "conversation.", "transcription_session.")

router = APIRouter()


class Content(BaseModel):
    text: str = ""


class Item(BaseModel):
    content: list[Content] = Field(default_factory=list)


class ResponseBody(BaseModel):
    input: list[Item] = Field(default_factory=list)

    @property
    def text(self) -> str:
        """Return all that is to be spoken."""
        return "".join(content.text for item in self.input for content in item.content)


class ResponseCreate(BaseModel):
    response: Annotated[ResponseBody, HONOURED] = Field(default_factory=ResponseBody)


class Output(BaseModel):
    voice: str | None = None


class SessionAudio(BaseModel):
    output: Output = Field(default_factory=Output)


class SessionBody(BaseModel):
    audio: SessionAudio = Field(default_factory=SessionAudio)


class SessionUpdate(BaseModel):
    session: Annotated[
        SessionBody, Effect("honoured", "`audio.output.voice`; sound is PCM of 24 kHz")
    ] = Field(default_factory=SessionBody)


@router.websocket(REALTIME_PATH)
async def realtime(websocket: WebSocket) -> None:
    """Speak texts, one response at a time."""
    await serve_socket(websocket, _KIND, partial(_talk, websocket))


async def _talk(websocket: WebSocket, socket: Socket) -> None:
    socket.idle_seconds = CONTEXTLESS_SECONDS
    contexts: Contexts[ResponseWording] = contexts_on(websocket, socket)
    session = _Session(websocket, contexts)

    async def hear() -> None:
        await session.tell("session.created")
        while (frame := await next_frame(socket, contexts)) is not None:
            await session.take(frame)
        contexts.end()

    await socket.converse(hear(), contexts.speak())


class ResponseWording:
    """Words what becomes of a response."""

    def __init__(self, request_id: str) -> None:
        self.response_id = f"resp_{secrets.token_hex(8)}"
        self._request_id = request_id

    def started(self) -> Frames:
        return (self._told("response.created", "in_progress"),)

    def audio(self, data: bytes, marks: Marks) -> Frames:  # noqa: ARG002 - it has no marks
        delta = base64.b64encode(data).decode()
        return (_event("response.output_audio.delta", response_id=self.response_id, delta=delta),)

    def done(self, marks: Marks, spoken_seconds: float) -> Frames:  # noqa: ARG002 - nor lengths
        return (
            _event("response.output_audio.done", response_id=self.response_id),
            self._told("response.done", "completed"),
        )

    def cancelled(self, heard: Heard) -> Frames:  # noqa: ARG002 - nor what was heard
        return (self._told("response.done", "cancelled"),)

    def failed(self, error: SpeechError) -> Frames:
        return (refused(self._request_id, error), self._told("response.done", "failed"))

    def _told(self, kind: str, status: str) -> str:
        response = {"id": self.response_id, "object": "realtime.response", "status": status}
        return _event(kind, response={**response, "output": []})


class _Session:
    """Takes what one client sends."""

    def __init__(self, websocket: WebSocket, contexts: Contexts[ResponseWording]) -> None:
        self._websocket = websocket
        self._contexts = contexts
        self._session_id = f"sess_{secrets.token_hex(8)}"
        self._voice: str | None = None
        self._last: str | None = None

    async def tell(self, kind: str) -> None:
        """Say how the session is."""
        output = {"voice": self._voice, "format": {"type": "audio/pcm", "rate": 24000}}
        session = {
            "id": self._session_id,
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {"output": output},
        }
        await self._contexts.tell((_event(kind, session=session),))

    async def take(self, frame: str | bytes) -> None:
        """Do what a frame says.

        Raises:
            InvalidRequest: it is no event at all.
        """
        sent = json_object_in(frame)
        kind = str(sent.get("type"))
        try:
            if kind == "session.update":
                voice = validated(SessionUpdate, sent).session.audio.output.voice
                await services_of(self._websocket).speech.check_voice(self._request(voice))
                self._voice = voice
                await self.tell("session.updated")
            elif kind == "response.create":
                await self._respond(validated(ResponseCreate, sent).response.text)
            elif kind == "response.cancel":
                await self._contexts.cancel(self._last or "")
            elif kind.startswith(_LISTENING):
                raise NotSupported(f"{shortened(kind)}: this server speaks, and does not listen")
            else:
                raise InvalidRequest(
                    "type must be one of session.update, response.create, response.cancel; it is "
                    f"{shortened(repr(kind))}",
                    field="type",
                )
        except SpeechError as error:
            await self._contexts.tell((refused(request_id_of(self._websocket.scope), error),))

    async def _respond(self, text: str) -> None:
        if not text:
            raise InvalidRequest("response.input has no text", field="response.input")
        await count_request(self._websocket)
        services = services_of(self._websocket)
        fed = FedSpeech(
            services.speech,
            self._request(self._voice),
            count_characters=partial(count_characters, self._websocket),
        )
        wording = ResponseWording(request_id_of(self._websocket.scope))
        self._last = wording.response_id
        context = Context(self._last, fed, format_named("pcm"), wording, IDLE_SECONDS)
        self._contexts.open(context)
        context.add(text)
        context.finish()

    def _request(self, voice: str | None) -> SpeechRequest:
        return SpeechRequest("", services_of(self._websocket).cast.voice_named(voice))


def refused(request_id: str, error: SpeechError) -> str:
    """Make the event that tells of an error, and note it in the record."""
    problem = problem_of(error, request_id, _DIALECT.words)
    current_record().refused(problem.kind, error.field)
    return _refusal(problem)


def _refusal(problem: Problem) -> str:
    return _event("error", **_DIALECT.error_body(problem))


def _event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "event_id": f"event_{secrets.token_hex(8)}", **fields})


_KIND = SocketKind(_DIALECT, _refusal)

_CALL = f"WebSocket {REALTIME_PATH}"
SUPPORT = (
    *support_of(_CALL, SessionUpdate),
    *support_of(_CALL, ResponseCreate),
    Support(_CALL, "response.input", "honoured", "the texts of its content are spoken"),
    Support(_CALL, "response.cancel", "honoured", "stops the response that came last"),
    Support(_CALL, "input_audio_buffer", "refused", "this server does not listen"),
    Support(_CALL, "conversation", "refused", "nothing is kept; send `response.input`"),
)
