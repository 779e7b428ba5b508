"""Serves the socket that LiveKit's plug-in for Pocket TTS speaks on, one reply after the other."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Field

from app.api.http.allowing import count_request
from app.api.http.context_socket import Conversation, answer_to
from app.api.http.sockets import Socket, SocketKind, json_object_in, serve_socket
from app.api.pocket.dialect import DIALECT
from app.audio.output import output_format
from app.bounds import CONTEXTLESS_SECONDS
from app.errors import InvalidRequest, Parameter, SpeechError
from app.marks import Marks
from app.ranges import NullIsUnset
from app.services import Services
from app.speaking.contexts import Context, Frames, Heard
from app.speaking.controls import Code, Formulas, Markup, Pronunciations, lexicons_of
from app.speech import SPEECH_RATE_HZ, SpeechRequest
from app.text.sentences import ends_sentence
from app.voices.details import language_code
from app.wording.problems import Problem
from app.wording.support import (
    HONOURED,
    OWN_CODE,
    OWN_FORMULAS,
    OWN_MARKUP,
    OWN_PRONUNCIATIONS,
    Effect,
    Support,
    support_of,
)
from app.wording.validation import validated

LIVE_PATH = "/tts/ws"
_DIALECT = DIALECT.with_words({Parameter.VOICE: "voice"})
_REPLY = "reply"
"""There is one context at a time, which has no name on the wire."""

router = APIRouter()


class ReplyConfig(NullIsUnset):
    """These fields say how one reply sounds."""

    voice: Annotated[str | None, Effect("honoured", "a voice of this server")] = None
    language: Annotated[str | None, HONOURED] = None
    sample_rate: Annotated[int, HONOURED] = SPEECH_RATE_HZ
    normalize: Annotated[bool, HONOURED] = True
    pauses: Annotated[
        bool, Effect("without effect", "`[pause]` and `<break>` are always pauses")
    ] = False
    format: Annotated[Literal["pcm"], HONOURED] = "pcm"
    binary: Annotated[bool, Effect("honoured", "false sends base64 in JSON")] = True
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    pronunciations: Annotated[Pronunciations, OWN_PRONUNCIATIONS] = Field(default_factory=dict)

    def request(self, services: Services) -> SpeechRequest:
        """Make this server's request."""
        return SpeechRequest(
            text="",
            voice=services.cast.voice_named(self.voice),
            language=language_code(self.language),
            normalize=self.normalize,
            code=self.code,
            formulas=self.formulas,
            markup=self.markup == "on",
            lexicons=lexicons_of(self.pronunciations),
        )


class ReplyText(BaseModel):
    text: Annotated[str, HONOURED]


@router.websocket(LIVE_PATH)
async def speak_live(websocket: WebSocket) -> None:
    """Speak replies that are still being written."""
    await serve_socket(websocket, _Talk.kind, partial(_talk, websocket))


async def _talk(websocket: WebSocket, socket: Socket) -> None:
    socket.idle_seconds = CONTEXTLESS_SECONDS
    await _Talk(websocket, socket).hold()


class ReplyWording:
    """Words what becomes of a reply."""

    def __init__(self, refusal: Callable[[SpeechError], str | bytes], *, binary: bool) -> None:
        self._refusal = refusal
        self._reply_id = secrets.token_hex(8)
        self._binary = binary

    def started(self) -> Frames:
        return (self._event("config_accepted"),)

    def audio(self, data: bytes, marks: Marks) -> Frames:  # noqa: ARG002 - it has no marks
        if self._binary:
            return (data,)
        return (_message("audio", audio=base64.b64encode(data).decode()),)

    def done(self, marks: Marks, spoken_seconds: float) -> Frames:  # noqa: ARG002 - nor lengths
        return (self._event("final"),)

    def cancelled(self, heard: Heard) -> Frames:  # noqa: ARG002 - nor what was heard
        return (self._event("cancelled"),)

    def failed(self, error: SpeechError) -> Frames:
        return (self._refusal(error),)

    def _event(self, kind: str) -> str:
        return _message("event", event_type=kind, request_id=self._reply_id)


def _refusal(problem: Problem) -> str:
    return _message("error", code=problem.kind, message=problem.message)


def _message(kind: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": data})


_Answer: TypeAlias = Callable[[Any], Awaitable[None]]


class _Talk(Conversation[ReplyWording]):
    kind = SocketKind(_DIALECT, _refusal)

    def __init__(self, websocket: WebSocket, socket: Socket) -> None:
        super().__init__(websocket, socket)
        self._answers: Mapping[str, _Answer] = {
            "config": self._config,
            "text": self._text,
            "flush": self._flush,
            "cancel": self._cancel,
            "ping": self._ping,
        }

    async def take(self, frame: str | bytes) -> bool:
        sent = json_object_in(frame)
        answer = answer_to(self._answers, sent.get("type"))
        try:
            await answer({} if sent.get("data") is None else sent["data"])
        except SpeechError as error:
            context = self.contexts.get(_REPLY)
            if context is not None:
                await self.contexts.fail(context, error)
            else:
                await self.contexts.tell((self.refusal(error),))
        return True

    async def _config(self, data: Any) -> None:
        """Open a reply; one that is still spoken gives way."""
        await self._cancel(data)
        config = validated(ReplyConfig, data)
        await count_request(self.websocket)
        audio = output_format(
            config.format, speech_rate_hz=SPEECH_RATE_HZ, sample_rate_hz=config.sample_rate
        )
        fed = self.fed(config.request(self.services))
        wording = ReplyWording(self.refusal, binary=config.binary)
        self.contexts.open(Context(_REPLY, fed, audio, wording, CONTEXTLESS_SECONDS))

    async def _text(self, data: Any) -> None:
        message = validated(ReplyText, data)
        reply = self._reply("text")
        # Each is a sentence, which may come without a space behind it.
        reply.add(f"{message.text} ")
        if ends_sentence(message.text):
            reply.flush()

    async def _flush(self, _data: Any) -> None:
        self._reply("flush").finish()

    async def _cancel(self, _data: Any) -> None:
        if self.contexts.get(_REPLY) is not None:
            await self.contexts.cancel(_REPLY)

    async def _ping(self, _data: Any) -> None:
        await self.contexts.tell((_message("pong"),))

    def _reply(self, kind: str) -> Context[ReplyWording]:
        context = self.contexts.get(_REPLY)
        if context is None:
            raise InvalidRequest(f"{kind} came without a config before it", field="type")
        return context


_CALL = f"WebSocket {LIVE_PATH}"
SUPPORT = (
    *support_of(_CALL, ReplyConfig),
    *support_of(_CALL, ReplyText),
    Support(_CALL, "flush", "honoured", "ends the reply"),
    Support(_CALL, "cancel", "honoured", "stops the reply, and keeps the socket"),
)
