"""Serves ElevenLabs' WebSocket of several contexts, on which agents speak reply after reply."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, WebSocket
from pydantic import AliasChoices, Field

from app.api.elevenlabs.characters import CharacterTimes
from app.api.elevenlabs.characters import Heard as HeardTimes
from app.api.elevenlabs.controls import settings_support, speech_request
from app.api.elevenlabs.formats import audio_format_of
from app.api.elevenlabs.live import FirstMessage, LiveQuery
from app.api.elevenlabs.sockets import KIND, admitted, refusal_fields
from app.api.http.allowing import count_request
from app.api.http.context_socket import Conversation
from app.api.http.sockets import Socket, json_object_in, serve_socket
from app.errors import SpeechError
from app.marks import Marks
from app.speaking.contexts import Context, Frames, Heard
from app.text.sentences import ends_sentence
from app.wording.problems import Problem
from app.wording.support import HONOURED, Effect, support_of
from app.wording.validation import validated

MULTI_STREAM_PATH = "/v1/text-to-speech/{voice_id}/multi-stream-input"
DEFAULT_CONTEXT = "default"

router = APIRouter()


class MultiQuery(LiveQuery):
    inactivity_timeout: Annotated[
        Annotated[int, Field(ge=1, le=180)],
        Effect("honoured", "seconds of silence, of a context and of the socket without any"),
    ] = 20
    auto_mode: Annotated[
        bool | None,
        Effect("honoured", "a frame that ends with a sentence is spoken at once"),
    ] = None
    sync_alignment: Annotated[
        bool | None,
        Effect(
            "honoured",
            "words are always timed; true counts from the beginning of the context, as LiveKit "
            "reckons, else from where the characters of the frames before ended, as Pipecat does",
        ),
    ] = None


class MultiMessage(FirstMessage):
    """A client sends these fields; those of the first message belong in a context's first one."""

    context_id: Annotated[str, Effect("honoured", "`default` where there is none")] = Field(
        DEFAULT_CONTEXT, validation_alias=AliasChoices("context_id", "contextId"), max_length=200
    )
    text: Annotated[
        str | None, Effect("honoured", "joined as it is; an empty one keeps the context alive")
    ] = None
    flush: Annotated[bool | None, HONOURED] = None
    close_context: Annotated[bool | None, Effect("honoured", "what is there is spoken")] = None
    close_socket: Annotated[bool | None, Effect("honoured", "what is there is spoken")] = None


@router.websocket(MULTI_STREAM_PATH)
async def multi_stream_input(websocket: WebSocket, voice_id: str) -> None:
    """Speak several texts that are still being written."""
    await serve_socket(websocket, KIND, partial(_talk, websocket, voice_id))


class MultiWording:
    """Words what becomes of a context.

    Attributes:
        first: the message that opened it.
        last_text: what came last of the text.
        times: takes the text, and says when its characters are heard.
    """

    def __init__(
        self,
        name: str,
        first: FirstMessage,
        problem: Callable[[SpeechError], Problem],
        *,
        absolute: bool,
    ) -> None:
        self.first = first
        self.times = CharacterTimes()
        self.last_text = ""
        self._name = name
        self._problem = problem
        self._absolute = absolute

    def started(self) -> Frames:
        """Say nothing."""
        return ()

    def audio(self, data: bytes, marks: Marks) -> Frames:
        return (self._frame(base64.b64encode(data).decode(), self.times.take(marks)),)

    def done(self, marks: Marks, spoken_seconds: float) -> Frames:
        rest = self.times.finish(marks, spoken_seconds)
        last = (self._frame(None, rest),) if rest.written.characters else ()
        return (*last, self._final())

    def cancelled(self, heard: Heard) -> Frames:  # noqa: ARG002 - this protocol does not tell it
        return (self._final(),)

    def failed(self, error: SpeechError) -> Frames:
        """Say why, and that the context is over: Pipecat looks at that alone."""
        problem = refusal_fields(self._problem(error))
        return (json.dumps({**problem, "contextId": self._name}), self._final())

    def _frame(self, audio: str | None, heard: HeardTimes) -> str:
        frame = {
            "audio": audio,
            "isFinal": False,
            "normalizedAlignment": heard.spoken.in_milliseconds(absolute=self._absolute),
            "alignment": heard.written.in_milliseconds(absolute=self._absolute),
            "contextId": self._name,
        }
        return json.dumps(frame)

    def _final(self) -> str:
        return json.dumps({"isFinal": True, "contextId": self._name})


class _Talk(Conversation[MultiWording]):
    kind = KIND

    def __init__(
        self, websocket: WebSocket, socket: Socket, voice_id: str, query: MultiQuery
    ) -> None:
        super().__init__(websocket, socket)
        self._voice_id = voice_id
        self._query = query

    async def take(self, frame: str | bytes) -> bool:
        message = validated(MultiMessage, json_object_in(frame))
        if message.close_socket:
            return False
        context = self.contexts.get(message.context_id)
        try:
            if context is None:
                await self._open(message)
            else:
                message.require_same(context.wording.first)
                self._go_on(context, message)
        except SpeechError as error:
            if context is None:
                await self.contexts.tell(self._wording(message).failed(error))
            else:
                await self.contexts.fail(context, error)
        return True

    async def _open(self, message: MultiMessage) -> None:
        """Open a context, unless there is nothing to say: frames may come for one that is over."""
        if not message.text:
            return
        await count_request(self.websocket)
        query = self._query
        speech = await speech_request(
            self.services, self._voice_id, "", query, message, message.voice_settings
        )
        context = Context(
            message.context_id,
            self.fed(replace(speech, timed=True)),
            audio_format_of(query.output_format),
            self._wording(message),
            query.inactivity_timeout,
        )
        self.contexts.open(context)
        self._go_on(context, message)

    def _go_on(self, context: Context[MultiWording], message: MultiMessage) -> None:
        context.stir()
        text = message.text or ""
        if text:
            wording = context.wording
            if (
                self._query.auto_mode
                and ends_sentence(wording.last_text)
                and not (text[0].isspace() or wording.last_text[-1].isspace())
            ):
                text = f" {text}"  # each frame is a sentence; Pipecat sends no space between two
            context.add(text)
            wording.times.add(text)
            wording.last_text = text
        if message.flush or (self._query.auto_mode and ends_sentence(text)):
            context.flush()
        if message.close_context:
            context.finish()

    def _wording(self, message: MultiMessage) -> MultiWording:
        absolute = self._query.sync_alignment is True
        return MultiWording(message.context_id, message, self.problem, absolute=absolute)


async def _talk(websocket: WebSocket, voice_id: str, socket: Socket) -> None:
    first = await admitted(websocket, socket)
    query = validated(MultiQuery, dict(websocket.query_params))
    audio_format_of(query.output_format)
    socket.idle_seconds = query.inactivity_timeout
    await _Talk(websocket, socket, voice_id, query).hold(first)


SUPPORT = (
    *support_of(f"WebSocket {MULTI_STREAM_PATH} (query)", MultiQuery),
    *support_of(f"WebSocket {MULTI_STREAM_PATH}", MultiMessage),
    *settings_support(f"WebSocket {MULTI_STREAM_PATH}"),
)
