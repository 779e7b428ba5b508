"""Serves ElevenLabs' WebSockets of dialogues, whose lines are spoken while more are written."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, WebSocket
from pydantic import Field

from app.api.elevenlabs.characters import CharacterTimes
from app.api.elevenlabs.characters import Heard as HeardTimes
from app.api.elevenlabs.controls import Dictionaries, VoiceSettings, speech_request
from app.api.elevenlabs.dialogue import DIALOGUE_PATH, check_voices, require_markup
from app.api.elevenlabs.dialogue_script import MAX_VOICES, DialogueLine, role
from app.api.elevenlabs.formats import audio_format_of
from app.api.elevenlabs.live import LiveQuery
from app.api.elevenlabs.multi_live import DEFAULT_CONTEXT
from app.api.elevenlabs.sockets import KIND, KeyMessage, admitted, refusal_fields
from app.api.http.allowing import count_request
from app.api.http.context_socket import Conversation
from app.api.http.sockets import Socket, json_object_in, serve_socket
from app.audio.sounding import Sounding, rest_seconds
from app.errors import InvalidRequest, SpeechError, shortened
from app.marks import Marks
from app.speaking.contexts import Context, Frames, Heard
from app.speech import SPEECH_RATE_HZ
from app.wording.problems import Problem
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, support_of
from app.wording.validation import validated

SINGLE_PATH = f"{DIALOGUE_PATH}/stream-input"
MULTI_PATH = f"{DIALOGUE_PATH}/multi-stream-input"

_EXACT_SECONDS = 0.001
"""Sound that is counted in bytes is exact to this."""

router = APIRouter()


class LiveLine(DialogueLine):
    """A voice says this, joined as it is to what it said before."""

    new_turn: Annotated[bool | None, Effect("honoured", "the voice begins anew")] = None


class DialogueMessage(KeyMessage, Dictionaries):
    """A client sends these fields; `voices` and the settings belong in a dialogue's first one."""

    context_id: Annotated[
        str, Effect("honoured", "`default` where there is none; only multi-stream-input has it")
    ] = Field(DEFAULT_CONTEXT, max_length=200)
    voices: Annotated[
        Annotated[list[str], Field(min_length=1, max_length=MAX_VOICES)] | None, HONOURED
    ] = None
    voice_settings: Annotated[dict[str, Any] | None, WITHOUT_EFFECT] = None
    inputs: Annotated[list[LiveLine] | None, HONOURED] = None
    flush: Annotated[bool | None, Effect("honoured", "ends the turn")] = None
    keep_alive: Annotated[bool | None, HONOURED] = None
    close_context: Annotated[bool | None, Effect("honoured", "what is there is spoken")] = None
    close_socket: Annotated[bool | None, Effect("honoured", "what is there is spoken")] = None


@router.websocket(SINGLE_PATH)
async def dialogue_stream_input(websocket: WebSocket) -> None:
    """Speak a dialogue that is still being written."""
    await serve_socket(websocket, KIND, partial(_talk, websocket, single=True))


@router.websocket(MULTI_PATH)
async def dialogue_multi_stream_input(websocket: WebSocket) -> None:
    """Speak several dialogues that are still being written."""
    await serve_socket(websocket, KIND, partial(_talk, websocket, single=False))


class DialogueWording:
    """Words what becomes of a dialogue, and knows whose turn it is.

    Args:
        name: of the context; None where the socket has only one.
        voices: may be heard; one alone needs no markup.
        sounding: counts the sound that is handed over.
        aligned: whether the times of characters are told.
    """

    def __init__(
        self,
        name: str | None,
        voices: list[str],
        problem: Callable[[SpeechError], Problem],
        sounding: Sounding,
        *,
        aligned: bool,
    ) -> None:
        self.voices = voices
        self._fields = {} if name is None else {"context_id": name}
        self._problem = problem
        self._sounding = sounding
        self._aligned = aligned
        self._times = CharacterTimes()
        self._voice: str | None = None
        self._turn_ends: list[int] = []
        """Up to these characters turns last of which the end is still to be told."""
        self._words_end = 0
        self._added_chars = 0
        self._read: deque[tuple[int, float]] = deque()
        """Up to these characters the script was read, and so many seconds that sounds."""
        self._spoken_chars = 0

    def script_of(self, line: LiveLine) -> str:
        """Return what a line adds to the script."""
        tag = ""
        if line.voice_id != self._voice and len(self.voices) > 1:
            tag = role(line.voice_id)
        self._voice = line.voice_id
        self._times.add(tag, was_sent=False)
        self._times.add(line.text)
        spoken = len(line.text.rstrip())
        if any(map(str.isalnum, line.text)):
            self._words_end = self._added_chars + len(tag) + spoken
        self._added_chars += len(tag) + len(line.text)
        return tag + line.text

    def begins_turn(self, line: LiveLine) -> bool:
        """Tell whether a line begins a turn, though one goes on."""
        return self._voice is not None and (bool(line.new_turn) or line.voice_id != self._voice)

    def end_turn(self) -> Frames:
        """Take note that a turn has been written; return what is to be said of it now."""
        if self._voice is None:  # nothing was written since the last one
            return ()
        self._voice = None
        self._turn_ends.append(self._words_end)
        return self._turns_over()

    def passage_read(self, until_chars: int, seconds: float) -> Frames:
        """Say which turns are over, once the script was read up to a character.

        Args:
            seconds: so long all sounds that was read.
        """
        self._read.append((until_chars, seconds))
        return self._turns_over()

    def _turns_over(self) -> Frames:
        """Say which turns are over: all of their sound has come out of the encoder."""
        sounded_seconds = self._sounding.seconds + _EXACT_SECONDS
        while self._read and self._read[0][1] <= sounded_seconds:
            self._spoken_chars, _ = self._read.popleft()
        return self._over_until(self._spoken_chars)

    def _over_until(self, until_chars: int) -> Frames:
        over = [end for end in self._turn_ends if end <= until_chars]
        self._turn_ends = self._turn_ends[len(over) :]
        return tuple(self._frame(is_final_audio_for_turn=True) for _ in over)

    def started(self) -> Frames:
        return ()

    def audio(self, data: bytes, marks: Marks) -> Frames:
        self._sounding.feed(data)
        sound = self._sound(base64.b64encode(data).decode(), self._times.take(marks))
        return (sound, *self._turns_over())

    def done(self, marks: Marks, spoken_seconds: float) -> Frames:
        rest = self._times.finish(marks, spoken_seconds)
        has_rest = self._aligned and rest.written.characters
        last = (self._sound(None, rest),) if has_rest else ()
        return (*last, *self._over_until(self._added_chars), self._frame(is_final=True))

    def cancelled(self, heard: Heard) -> Frames:  # noqa: ARG002 - nothing is cancelled here
        return (self._frame(is_final=True),)

    def failed(self, error: SpeechError) -> Frames:
        """Say why; where the socket has only this dialogue, its error is that of the socket."""
        if not self._fields:
            raise error
        return (self._frame(**refusal_fields(self._problem(error))), self._frame(is_final=True))

    def _sound(self, audio: str | None, heard: HeardTimes) -> str:
        if not self._aligned:
            return self._frame(audio=audio)
        return self._frame(
            audio=audio,
            alignment=heard.written.in_dialogue(),
            normalized_alignment=heard.spoken.in_dialogue(),
        )

    def _frame(self, **fields: Any) -> str:
        return json.dumps({**fields, **self._fields})


class _Talk(Conversation[DialogueWording]):
    kind = KIND

    def __init__(
        self, websocket: WebSocket, socket: Socket, query: LiveQuery, *, single: bool
    ) -> None:
        super().__init__(websocket, socket)
        self._query = query
        self._single = single

    async def take(self, frame: str | bytes) -> bool:
        message = validated(DialogueMessage, json_object_in(frame))
        context = self.contexts.get(self._name(message))
        try:
            if context is None:
                context = await self._open(message)
            if context is not None:
                await self._go_on(context, message)
        except SpeechError as error:
            if self._single:
                raise
            if context is None:
                await self.contexts.tell(self._wording(message).failed(error))
            else:
                await self.contexts.fail(context, error)
        return not message.close_socket

    async def _open(self, message: DialogueMessage) -> Context[DialogueWording] | None:
        """Open a dialogue, unless there is nothing to say: frames may come for one that is over."""
        if message.voices is None:
            if message.inputs:
                raise InvalidRequest(
                    "voices must be in the first frame of a dialogue", field="voices"
                )
            return None
        await count_request(self.websocket)
        query = self._query
        speech = await speech_request(
            self.services, message.voices[0], "", query, message, VoiceSettings(speed=1.0)
        )
        await check_voices(self.services, speech, message.voices)
        wording = self._wording(message)
        audio = audio_format_of(query.output_format)

        async def passage_spoken(until_chars: int) -> None:
            await self.contexts.tell(wording.passage_read(until_chars, fed.spoken_seconds))

        fed = self.fed(
            replace(speech, timed=self._aligned),
            passage_spoken=passage_spoken,
            rest_seconds=rest_seconds(audio, SPEECH_RATE_HZ),
        )
        return self.contexts.open(
            Context(self._name(message), fed, audio, wording, query.inactivity_timeout)
        )

    async def _go_on(self, context: Context[DialogueWording], message: DialogueMessage) -> None:
        context.stir()
        wording = context.wording
        for line in message.inputs or []:
            if line.voice_id not in wording.voices:
                raise InvalidRequest(
                    f"voice_id {shortened(repr(line.voice_id))} is none of the voices that the "
                    "first frame has",
                    field="inputs",
                )
            if wording.begins_turn(line):
                await self._end_turn(context)
            context.add(wording.script_of(line))
        if message.flush:
            await self._end_turn(context)
        if message.close_context:
            context.finish()

    async def _end_turn(self, context: Context[DialogueWording]) -> None:
        context.flush()
        await self.contexts.tell(context.wording.end_turn())

    def _name(self, message: DialogueMessage) -> str:
        """Return the context that a frame is for; a socket of one dialogue has no others."""
        return DEFAULT_CONTEXT if self._single else message.context_id

    @property
    def _aligned(self) -> bool:
        return self._query.sync_alignment is True

    def _wording(self, message: DialogueMessage) -> DialogueWording:
        name = None if self._single else message.context_id
        sounding = Sounding(audio_format_of(self._query.output_format), SPEECH_RATE_HZ)
        return DialogueWording(
            name, message.voices or [], self.problem, sounding, aligned=self._aligned
        )


async def _talk(websocket: WebSocket, socket: Socket, *, single: bool) -> None:
    first = await admitted(websocket, socket)
    query = validated(LiveQuery, dict(websocket.query_params))
    audio_format_of(query.output_format)
    require_markup(query.markup)
    socket.idle_seconds = query.inactivity_timeout
    await _Talk(websocket, socket, query, single=single).hold(first)


SUPPORT = tuple(
    row
    for path in (SINGLE_PATH, MULTI_PATH)
    for row in (
        *support_of(f"WebSocket {path} (query)", LiveQuery),
        *support_of(f"WebSocket {path}", DialogueMessage),
    )
)
