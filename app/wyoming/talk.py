"""Talks with one Wyoming client: reads its events and sends speech, both at once."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.ping import Ping, Pong
from wyoming.tts import SynthesizeStopped

from app.audio.pcm import S16_BYTES, to_s16
from app.bounds import FRAME_SECONDS, LOOP_BURST_SECONDS, LOOP_SHARE
from app.callers.caller import HOME_ASSISTANT
from app.errors import InvalidRequest, Parameter, SpeechError, SynthesisFailed
from app.network.connections import ClientLeft, ended, quiet_too_long, race
from app.network.gate import Door
from app.network.pace import Pace
from app.request_record import Outcome, RequestRecord
from app.services import Services
from app.speaking.controls import Code, Formulas, Markup, Pronunciations, lexicons_of
from app.speaking.fed import FedSpeech
from app.speech import SPEECH_RATE_HZ, SpeechRequest
from app.voices.details import check_language
from app.wording.problems import problem_of
from app.wording.support import (
    HONOURED,
    OWN_CODE,
    OWN_FORMULAS,
    OWN_PRONUNCIATIONS,
    WITHOUT_EFFECT,
    Effect,
)
from app.wording.validation import validated
from app.wyoming.events import EventWriter, read_event
from app.wyoming.info import Introduction

logger = logging.getLogger(__name__)

MAX_WAITING = 8
"""At most this many texts of one client wait; while there are more, its events are not read."""
CHUNK_SAMPLES = SPEECH_RATE_HZ // 4
_LINGER_SECONDS = 2.0
_WORDS = {Parameter.TEXT: "text"}
_MARKUP = Effect(
    "honoured", 'this server\'s own: "off" reads tags aloud as text; else as WYOMING_MARKUP says'
)
_TAGS = Effect("without effect", "SSML is recognised by its first tag")


class SynthesizeVoiceBody(BaseModel):
    name: str | None = None
    language: str | None = None
    speaker: str | None = None


class SynthesizeStartBody(BaseModel):
    voice: Annotated[
        SynthesizeVoiceBody | None,
        Effect("honoured", "`name`, or else the default voice in `language`; not `speaker`"),
    ] = None
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup | None, _MARKUP] = None
    pronunciations: Annotated[Pronunciations | None, OWN_PRONUNCIATIONS] = None
    text_format: Annotated[Any, _TAGS] = None
    context: Annotated[Any, WITHOUT_EFFECT] = None


class SynthesizeChunkBody(BaseModel):
    text: Annotated[str, HONOURED]


class SynthesizeBody(SynthesizeStartBody):
    text: Annotated[str, HONOURED]


@dataclass(frozen=True, slots=True)
class TalkLimits:
    """These limits hold for every client.

    Attributes:
        event_bytes: how large each part of an event may be.
        idle_seconds: how long a client may be quiet while no speech is sent to it.
    """

    event_bytes: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class _Speech:
    fed: FedSpeech
    streamed: bool
    """It is true where the text comes in chunks."""


class Talk:
    """Serves one connection, until the client hangs up or ends its side of it."""

    def __init__(
        self,
        services: Services,
        introduction: Introduction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: TalkLimits,
    ) -> None:
        self._services = services
        self._introduction = introduction
        self._reader = reader
        self._writer = writer
        self._events = EventWriter(writer)
        self._limits = limits
        self._stirred_seconds = time.monotonic()
        self._waiting: asyncio.Queue[_Speech] = asyncio.Queue(MAX_WAITING)
        self._stream: FedSpeech | None = None
        self._record: RequestRecord | None = None  # of the text that is being spoken
        self._owed = 0
        self._pace = Pace(LOOP_SHARE, LOOP_BURST_SECONDS)
        self.owes_nothing = asyncio.Event()
        """It is set while no complete text waits to be spoken, and once the client has left."""
        self.owes_nothing.set()
        self._answers: Mapping[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "describe": self._describe,
            "ping": self._ping,
            "synthesize": self._synthesize,
            "synthesize-start": self._start,
            "synthesize-chunk": self._chunk,
            "synthesize-stop": self._stop,
        }

    async def run(self) -> None:
        """Talk until the client leaves or is told of an error, which closes the connection."""
        try:
            await race(self._speak(), self._hear())
            self._end("left")
        except ClientLeft:
            self._end("left")
        except SpeechError as error:
            await self._refuse(error)
        except Exception:
            logger.exception("a talk with a Wyoming client failed in an unforeseen way")
            await self._refuse(SynthesisFailed("see the trace above"))
        finally:
            self._end("broken off")
            self.owes_nothing.set()
            self._writer.close()

    async def _hear(self) -> None:
        while (event := await self._next_event()) is not None:
            # A client may send events for other kinds of programs; they are ignored.
            if answer := self._answers.get(event.type):
                await answer(event.data)
            await asyncio.sleep(self._pace.count(FRAME_SECONDS))

    async def _next_event(self) -> Event | None:
        reading = asyncio.create_task(read_event(self._reader, max_bytes=self._limits.event_bytes))
        try:
            while not reading.done():
                left_seconds = self._stirred_seconds + self._limits.idle_seconds - time.monotonic()
                await asyncio.wait({reading}, timeout=max(0.01, left_seconds))
                if self._owed:
                    self._stirred_seconds = time.monotonic()
                elif left_seconds <= 0 and not reading.done():
                    raise quiet_too_long(self._limits.idle_seconds)
            self._stirred_seconds = time.monotonic()
            return reading.result()
        finally:
            await ended(reading)

    async def _describe(self, _data: dict[str, Any]) -> None:
        info = await self._introduction.info()
        await self._events.send(info.event())

    async def _ping(self, data: dict[str, Any]) -> None:
        await self._events.send(Pong(Ping.from_event(Event("ping", data)).text).event())

    async def _synthesize(self, data: dict[str, Any]) -> None:
        if self._stream is not None:
            return  # after a stream Home Assistant repeats the text for servers that do not stream
        body = validated(SynthesizeBody, data)
        fed = self._fed(body)
        fed.add(body.text)
        self._complete(fed)
        await self._waiting.put(_Speech(fed, streamed=False))

    async def _start(self, data: dict[str, Any]) -> None:
        if self._stream is not None:
            raise InvalidRequest("synthesize-start came before the last stream's synthesize-stop")
        self._stream = self._fed(validated(SynthesizeStartBody, data))
        await self._waiting.put(_Speech(self._stream, streamed=True))

    async def _chunk(self, data: dict[str, Any]) -> None:
        self._open_stream("synthesize-chunk").add(validated(SynthesizeChunkBody, data).text)

    async def _stop(self, _data: dict[str, Any]) -> None:
        self._complete(self._open_stream("synthesize-stop"))
        self._stream = None

    def _open_stream(self, event: str) -> FedSpeech:
        if self._stream is None:
            raise InvalidRequest(f"{event} came without a synthesize-start before it")
        return self._stream

    def _fed(self, body: SynthesizeStartBody) -> FedSpeech:
        voice = body.voice
        name = None if voice is None else voice.name
        request = SpeechRequest(
            text="",
            voice=self._services.cast.voice_named(name),
            language=check_language(voice.language) if voice and name is None else None,
            code=body.code,
            formulas=body.formulas,
            markup=(body.markup or self._services.settings.wyoming_markup) == "on",
            lexicons=lexicons_of(body.pronunciations or {}),
        )
        return FedSpeech(self._services.speech, request)

    def _complete(self, fed: FedSpeech) -> None:
        fed.finish()
        self._owed += 1
        self.owes_nothing.clear()
        self._keep_connection(True)

    async def _speak(self) -> None:
        while True:
            speech = await self._waiting.get()
            self._record = self._new_record()
            with self._record.is_current():
                await self._say(speech.fed, self._record)
            self._end("answered")
            if speech.streamed:
                await self._events.send(SynthesizeStopped().event())
            self._owed -= 1
            if not self._owed:
                self.owes_nothing.set()
                self._keep_connection(False)

    def _keep_connection(self, keep: bool) -> None:
        door = self._writer.transport
        assert isinstance(door, Door)
        door.give_way(not keep)

    async def _say(self, fed: FedSpeech, record: RequestRecord) -> None:
        rate, width, channels = SPEECH_RATE_HZ, S16_BYTES, 1
        async with aclosing(fed.pcm(whole_passages=True)) as pieces:
            async for piece in pieces:
                if not record.bytes_out:
                    await self._events.send(AudioStart(rate, width, channels).event())
                # A piece can be half a minute long, if it is a pause: send it in parts.
                for start in range(0, len(piece), CHUNK_SAMPLES):
                    data = to_s16(piece[start : start + CHUNK_SAMPLES]).tobytes()
                    record.sent(len(data))
                    await self._events.send(AudioChunk(rate, width, channels, data).event())
                self._stirred_seconds = time.monotonic()
        fed.require_spoken()
        await self._events.send(AudioStop().event())

    def _new_record(self) -> RequestRecord:
        record = self._services.requests.begin(secrets.token_hex(16), {})
        record.caller, record.dialect = HOME_ASSISTANT, HOME_ASSISTANT.name
        return record

    def _end(self, how: Outcome) -> None:
        """Tell how the text ended that was being spoken, if that has not been told."""
        record, self._record = self._record, None
        if record is not None:
            shown = ("synthesize", "spoken" if how == "answered" else how)
            self._services.requests.end(record, "WYOMING", "synthesize", how, shown=shown)

    async def _refuse(self, error: SpeechError) -> None:
        record = self._record or self._new_record()
        problem = problem_of(error, record.request_id, _WORDS)
        record.refused(problem.kind, error.field)
        self._record = record
        self._end("refused")
        # write_eof on a connection that is gone raises an OSError that is no ConnectionError.
        with suppress(ClientLeft, OSError, TimeoutError):
            await self._events.send(Error(problem.message, problem.kind).event())
            self._writer.write_eof()
            async with asyncio.timeout(_LINGER_SECONDS):
                await self._heard_out()

    async def _heard_out(self) -> None:
        """Read what the client still sends: closing before that would discard the error unread."""
        while await self._reader.read(1 << 16):
            pass
