"""Serves ElevenLabs' WebSocket, which takes text piece by piece and sends speech meanwhile."""

from __future__ import annotations

import base64
import json
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, WebSocket
from pydantic import Field

from app.api.elevenlabs.characters import CharacterTimes, Heard
from app.api.elevenlabs.controls import (
    Dictionaries,
    Manner,
    OutputQuery,
    VoiceSettings,
    settings_support,
    speech_request,
)
from app.api.elevenlabs.formats import audio_format_of
from app.api.elevenlabs.sockets import FIRST_FRAME_BYTES, KIND, KeyMessage, admitted
from app.api.http.allowing import count_characters, count_request, count_stream
from app.api.http.dependencies import services_of
from app.api.http.sockets import Socket, json_object_in, serve_socket
from app.audio.formats import AudioFormat
from app.errors import InvalidRequest
from app.speaking.encoded import LiveMarks, fed_audio
from app.speaking.fed import FedSpeech
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, support_of
from app.wording.validation import validated

STREAM_INPUT_PATH = "/v1/text-to-speech/{voice_id}/stream-input"

router = APIRouter()


class LiveQuery(OutputQuery, Manner):
    inactivity_timeout: Annotated[
        Annotated[int, Field(ge=1, le=180)],
        Effect("honoured", "seconds of silence in both directions before the socket is closed"),
    ] = 20
    auto_mode: Annotated[
        bool | None, Effect("without effect", "a sentence is spoken once it is complete")
    ] = None
    sync_alignment: Annotated[
        bool | None, Effect("without effect", "words are always timed, each as soon as it is known")
    ] = None
    enable_ssml_parsing: Annotated[
        bool | None, Effect("without effect", "a text that begins with <speak> is read as SSML")
    ] = None


class FirstMessage(Dictionaries, KeyMessage):
    """These fields belong in the first message that a client sends of a text."""

    voice_settings: Annotated[VoiceSettings | None, Effect("honoured", "field by field")] = None
    generation_config: Annotated[dict[str, Any] | None, WITHOUT_EFFECT] = None

    def require_same(self, first: FirstMessage) -> None:
        """Check that what may stand in the first message only is not changed by this one.

        Raises:
            InvalidRequest: it is.
        """
        for name in ("voice_settings", "pronunciation_dictionary_locators"):
            if getattr(self, name) not in (None, [], getattr(first, name)):
                raise InvalidRequest(
                    f"{name} must be in the first frame; they cannot change while text is read",
                    field=name,
                )


class LiveMessage(FirstMessage):
    """A client sends these fields."""

    text: Annotated[str | None, Effect("honoured", "joined as it is; an empty one ends")] = None
    flush: Annotated[bool | None, HONOURED] = None
    try_trigger_generation: Annotated[
        bool | None, Effect("without effect", "a sentence is spoken once it is complete")
    ] = None


@router.websocket(STREAM_INPUT_PATH)
async def stream_input(websocket: WebSocket, voice_id: str) -> None:
    """Speak a text that is still being written."""
    await serve_socket(websocket, KIND, partial(_talk, websocket, voice_id))


async def _talk(websocket: WebSocket, voice_id: str, socket: Socket) -> None:
    frame = await admitted(websocket, socket)
    if frame is None:
        frame = await socket.receive(max_bytes=FIRST_FRAME_BYTES)
    first = _message_in(frame)
    await count_request(websocket)
    count_stream(websocket)
    query = validated(LiveQuery, dict(websocket.query_params))
    socket.idle_seconds = query.inactivity_timeout
    audio = audio_format_of(query.output_format)
    services = services_of(websocket)
    speech = await speech_request(services, voice_id, "", query, first, first.voice_settings)
    counted = partial(count_characters, websocket)
    fed = FedSpeech(services.speech, replace(speech, timed=True), count_characters=counted)
    await fed.check_voice()
    times = CharacterTimes()
    await socket.converse(
        _hear(socket, first, fed, times),
        _speak(socket, fed, audio, times, services.ffmpeg),
    )


async def _hear(socket: Socket, first: LiveMessage, fed: FedSpeech, times: CharacterTimes) -> None:
    message = first
    while message.text != "":
        if message.text is not None:
            fed.add(message.text)
            times.add(message.text)
        if message.flush:
            fed.flush()
        message = _message_in(await socket.receive())
        message.require_same(first)
    fed.finish()


async def _speak(
    socket: Socket, fed: FedSpeech, audio: AudioFormat, times: CharacterTimes, ffmpeg: Path
) -> None:
    marks = LiveMarks(fed.marks, audio.delay_seconds(fed.sample_rate_hz, live=True))
    async with aclosing(fed_audio(fed, audio, ffmpeg)) as pieces:
        async for data in pieces:
            encoded = base64.b64encode(data).decode()
            await socket.send(said(encoded, times.take(marks.take()), is_final=None))
    rest = times.finish(marks.take(), fed.spoken_seconds)
    await socket.send(said(None, rest, is_final=True))


def said(audio: str | None, heard: Heard, *, is_final: bool | None) -> str:
    """Make the frame that hands over some sound, and the characters that have become known."""
    return json.dumps(
        {
            "audio": audio,
            "isFinal": is_final,
            "normalizedAlignment": heard.spoken.in_milliseconds(),
            "alignment": heard.written.in_milliseconds(),
        }
    )


def _message_in(frame: str | bytes) -> LiveMessage:
    return validated(LiveMessage, json_object_in(frame))


SUPPORT = (
    *support_of(f"WebSocket {STREAM_INPUT_PATH} (query)", LiveQuery),
    *support_of(f"WebSocket {STREAM_INPUT_PATH}", LiveMessage),
    *settings_support(f"WebSocket {STREAM_INPUT_PATH}"),
)
