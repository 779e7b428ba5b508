"""Serves /v1/audio/speech/stream, the socket on which vLLM-Omni's clients send text in pieces."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel

from app.api.http.allowing import count_request
from app.api.http.context_socket import Conversation, answer_to
from app.api.http.sockets import Socket, SocketKind, json_object_in, serve_socket
from app.api.openai.dialect import DIALECT
from app.audio.formats import AudioFormat
from app.audio.output import output_format
from app.bounds import CONTEXTLESS_SECONDS
from app.errors import InvalidRequest, Parameter, SpeechError
from app.marks import Marks
from app.ranges import AnyCase, NullIsUnset, Seed, Speed
from app.services import Services
from app.speaking.contexts import Context, Frames, Heard
from app.speech import SPEECH_RATE_HZ, Prosody, Sampling, SpeechRequest
from app.voices.details import language_code
from app.wording.problems import Problem
from app.wording.support import HONOURED, MODEL, WITHOUT_EFFECT, Effect, Support, support_of
from app.wording.validation import validated

LIVE_PATH = "/v1/audio/speech/stream"
_CLOSE = "session.close"
_DIALECT = DIALECT.with_words({Parameter.TEXT: "text", Parameter.FORMAT: "response_format"})

router = APIRouter()


class SessionConfig(NullIsUnset):
    """These fields say how utterances sound, until another config comes."""

    voice: Annotated[str | None, HONOURED] = None
    model: Annotated[str | None, MODEL] = None
    language: Annotated[str | None, Effect("honoured", "`Auto` is the model's own")] = None
    response_format: Annotated[str, AnyCase, HONOURED] = "wav"
    speed: Annotated[Speed, HONOURED] = 1.0
    seed: Annotated[Seed, HONOURED] = None
    stream_audio: Annotated[
        bool, Effect("without effect", "sound always comes while it is made")
    ] = True
    split_granularity: Annotated[
        str | None, Effect("without effect", "an utterance is one sound")
    ] = None
    instructions: Annotated[str | None, WITHOUT_EFFECT] = None
    task_type: Annotated[str | None, WITHOUT_EFFECT] = None

    def request(self, services: Services) -> SpeechRequest:
        """Make this server's request."""
        language = self.language
        known = None if language is None or language.lower() == "auto" else language_code(language)
        return SpeechRequest(
            text="",
            voice=services.cast.voice_named(self.voice),
            language=known,
            model=services.cast.model_named(self.model),
            prosody=Prosody(speed=self.speed),
            sampling=Sampling(seed=self.seed),
        )

    def audio_format(self) -> AudioFormat:
        """Return the format that is asked for."""
        return output_format(self.response_format, speech_rate_hz=SPEECH_RATE_HZ)


class InputText(BaseModel):
    text: Annotated[str, Effect("honoured", "joined as it is")]


@router.websocket(LIVE_PATH)
async def speak_live(websocket: WebSocket) -> None:
    """Speak utterances that are still being written."""
    await serve_socket(websocket, _Session.kind, partial(_talk, websocket))


async def _talk(websocket: WebSocket, socket: Socket) -> None:
    socket.idle_seconds = CONTEXTLESS_SECONDS
    await _Session(websocket, socket).hold()


class UtteranceWording:
    """Words what becomes of an utterance, which is one sentence to vLLM-Omni's clients."""

    def __init__(
        self, index: int, audio: AudioFormat, refusal: Callable[[SpeechError], str | bytes]
    ) -> None:
        self.text = ""
        self._index = index
        self._audio = audio
        self._refusal = refusal
        self._sent_bytes = 0

    def started(self) -> Frames:
        return ()

    def audio(self, data: bytes, marks: Marks) -> Frames:  # noqa: ARG002 - it has no marks
        begins, self._sent_bytes = not self._sent_bytes, self._sent_bytes + len(data)
        if not begins:
            return (data,)
        start = self._said(
            "audio.start",
            sentence_index=0,
            sentence_text=self.text,
            format=self._audio.name,
            sample_rate=self._audio.rate_hz(SPEECH_RATE_HZ),
            channels=1,
        )
        return (start, data)

    def done(self, marks: Marks, spoken_seconds: float) -> Frames:  # noqa: ARG002 - nor lengths
        over = self._said("audio.done", sentence_index=0, total_bytes=self._sent_bytes, error=False)
        return (over, self._said("session.done", total_sentences=1))

    def cancelled(self, heard: Heard) -> Frames:  # noqa: ARG002 - nothing is cancelled
        return ()

    def failed(self, error: SpeechError) -> Frames:
        frames = [self._refusal(error)]
        if self._sent_bytes:
            frames.append(
                self._said("audio.done", sentence_index=0, total_bytes=self._sent_bytes, error=True)
            )
        return (*frames, self._said("session.done", total_sentences=1))

    def _said(self, kind: str, **fields: Any) -> str:
        return json.dumps({"type": kind, "utterance_index": self._index, **fields})


_Answer: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]


def _refusal(problem: Problem) -> str:
    return json.dumps({"type": "error", "message": problem.message, "code": problem.kind})


class _Session(Conversation[UtteranceWording]):
    kind = SocketKind(_DIALECT, _refusal)

    def __init__(self, websocket: WebSocket, socket: Socket) -> None:
        super().__init__(websocket, socket)
        self._config: SessionConfig | None = None
        self._utterances = 0
        self._answers: Mapping[str, _Answer] = {
            "session.config": self._configure,
            "input.text": self._text,
            "input.done": self._done,
        }

    async def take(self, frame: str | bytes) -> bool:
        sent = json_object_in(frame)
        kind = sent.pop("type", None)
        if kind == _CLOSE:
            return False
        answer = answer_to(self._answers, kind, _CLOSE)
        try:
            await answer(sent)
        except SpeechError as error:
            await self.contexts.tell((self.refusal(error),))
        return True

    async def _configure(self, sent: dict[str, Any]) -> None:
        if self.contexts.get(self._name) is not None:
            raise InvalidRequest("session.config came inside an utterance; send input.done first")
        config = validated(SessionConfig, sent)
        config.audio_format()
        await self.services.speech.check_voice(config.request(self.services))
        self._config = config

    async def _text(self, sent: dict[str, Any]) -> None:
        text = validated(InputText, sent).text
        context = await self._utterance()
        context.add(text)
        context.wording.text += text

    async def _done(self, _sent: dict[str, Any]) -> None:
        (await self._utterance()).finish()
        self._utterances += 1

    async def _utterance(self) -> Context[UtteranceWording]:
        """Return the utterance that is being written, opened if need be."""
        if self._config is None:
            raise InvalidRequest("a session.config has to come first", field="type")
        context = self.contexts.get(self._name)
        if context is not None:
            return context
        # Nothing on the wire tells whose sound it is, so that one comes after the other.
        await self.contexts.all_ended()
        await count_request(self.websocket)
        fed, audio = self.fed(self._config.request(self.services)), self._config.audio_format()
        wording = UtteranceWording(self._utterances, audio, self.refusal)
        return self.contexts.open(Context(self._name, fed, audio, wording, CONTEXTLESS_SECONDS))

    @property
    def _name(self) -> str:
        return str(self._utterances)


_CALL = f"WebSocket {LIVE_PATH}"
SUPPORT = (
    *support_of(_CALL, SessionConfig),
    *support_of(_CALL, InputText),
    Support(_CALL, "input.done", "honoured", "ends the utterance, and keeps the socket"),
    Support(_CALL, _CLOSE, "honoured", "what is there is spoken"),
)
