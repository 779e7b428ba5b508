"""Serves the speaking half of OpenAI's Realtime socket; what listens is refused by name."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Field

from app.api.http.allowing import count_request
from app.api.http.context_socket import Conversation, answer_to
from app.api.http.sockets import Socket, SocketKind, json_object_in, serve_socket
from app.api.openai.dialect import DIALECT
from app.audio.formats import format_named
from app.bounds import CONTEXTLESS_SECONDS, IDLE_SECONDS
from app.errors import InvalidRequest, NotSupported, Parameter, SpeechError, shortened
from app.marks import Marks
from app.speaking.contexts import Context, Frames, Heard
from app.speech import SpeechRequest
from app.wording.problems import Problem
from app.wording.support import HONOURED, MODEL, Effect, Support, support_of
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
    await serve_socket(websocket, _Session.kind, partial(_talk, websocket))


async def _talk(websocket: WebSocket, socket: Socket) -> None:
    socket.idle_seconds = CONTEXTLESS_SECONDS
    await _Session(websocket, socket).hold()


class ResponseWording:
    """Words what becomes of a response."""

    def __init__(self, refusal: Callable[[SpeechError], str | bytes]) -> None:
        self.response_id = f"resp_{secrets.token_hex(8)}"
        self._refusal = refusal

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
        return (self._refusal(error), self._told("response.done", "failed"))

    def _told(self, kind: str, status: str) -> str:
        response = {"id": self.response_id, "object": "realtime.response", "status": status}
        return _event(kind, response={**response, "output": []})


def _refusal(problem: Problem) -> str:
    return _event("error", **_DIALECT.error_body(problem))


def _event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "event_id": f"event_{secrets.token_hex(8)}", **fields})


_Answer: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]


class _Session(Conversation[ResponseWording]):
    kind = SocketKind(_DIALECT, _refusal)

    def __init__(self, websocket: WebSocket, socket: Socket) -> None:
        super().__init__(websocket, socket)
        self._session_id = f"sess_{secrets.token_hex(8)}"
        self._voice: str | None = None
        self._last: str | None = None
        self._answers: Mapping[str, _Answer] = {
            "session.update": self._update,
            "response.create": self._respond,
            "response.cancel": self._cancel,
        }

    async def begin(self) -> None:
        await self._tell("session.created")

    async def take(self, frame: str | bytes) -> bool:
        sent = json_object_in(frame)
        kind = sent.get("type")
        try:
            if isinstance(kind, str) and kind.startswith(_LISTENING):
                raise NotSupported(f"{shortened(kind)}: this server speaks, and does not listen")
            await answer_to(self._answers, kind)(sent)
        except SpeechError as error:
            await self.contexts.tell((self.refusal(error),))
        return True

    async def _update(self, sent: dict[str, Any]) -> None:
        voice = validated(SessionUpdate, sent).session.audio.output.voice
        await self.services.speech.check_voice(self._request(voice))
        self._voice = voice
        await self._tell("session.updated")

    async def _respond(self, sent: dict[str, Any]) -> None:
        text = validated(ResponseCreate, sent).response.text
        if not text:
            raise InvalidRequest("response.input has no text", field="response.input")
        await count_request(self.websocket)
        wording = ResponseWording(self.refusal)
        self._last = wording.response_id
        fed = self.fed(self._request(self._voice))
        context = Context(self._last, fed, format_named("pcm"), wording, IDLE_SECONDS)
        self.contexts.open(context)
        context.add(text)
        context.finish()

    async def _cancel(self, _sent: dict[str, Any]) -> None:
        await self.contexts.cancel(self._last or "")

    async def _tell(self, kind: str) -> None:
        """Say how the session is."""
        output = {"voice": self._voice, "format": {"type": "audio/pcm", "rate": 24000}}
        session = {
            "id": self._session_id,
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {"output": output},
        }
        await self.contexts.tell((_event(kind, session=session),))

    def _request(self, voice: str | None) -> SpeechRequest:
        cast = self.services.cast
        model = cast.model_named(self.websocket.query_params.get("model"))
        return SpeechRequest("", cast.voice_named(voice), model=model)


_CALL = f"WebSocket {REALTIME_PATH}"
SUPPORT = (
    Support(_CALL, "model (query)", MODEL.how, MODEL.note),
    *support_of(_CALL, SessionUpdate),
    *support_of(_CALL, ResponseCreate),
    Support(_CALL, "response.input", "honoured", "the texts of its content are spoken"),
    Support(_CALL, "response.cancel", "honoured", "stops the response that came last"),
    Support(_CALL, "input_audio_buffer", "refused", "this server does not listen"),
    Support(_CALL, "conversation", "refused", "nothing is kept; send `response.input`"),
)
