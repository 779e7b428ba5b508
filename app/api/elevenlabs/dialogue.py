"""Serves the four kinds of ElevenLabs' POST /v1/text-to-dialogue: several voices in one sound."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from app.api.elevenlabs.characters import Heard
from app.api.elevenlabs.controls import (
    NEIGHBOUR,
    OutputQuery,
    SpokenBody,
    VoiceSettings,
    speech_request,
)
from app.api.elevenlabs.dialect import DIALECT
from app.api.elevenlabs.dialogue_script import MAX_VOICES, Dialogue, DialogueLine
from app.api.elevenlabs.formats import audio_format_of
from app.api.http.delivery import complete_answer, file_response, live_response, measured_headers
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.audio.formats import AudioFormat
from app.errors import InvalidRequest, Parameter
from app.services import Services
from app.speaking.encoded import LiveAudio
from app.speech import SpeechRequest
from app.wording.support import HONOURED, WITHOUT_EFFECT, support_of

DIALOGUE_PATH = "/v1/text-to-dialogue"

router = dialect_router(DIALECT)


class DialogueBody(SpokenBody):
    """This is ElevenLabs' body for dialogues; unknown fields are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "inputs": [
                        {"text": "Did you lock the door?", "voice_id": "alba"},
                        {"text": "I thought you did.", "voice_id": "marius"},
                    ]
                }
            ]
        }
    )

    inputs: Annotated[list[DialogueLine], Field(min_length=1), HONOURED] = Field(
        description="What is said, and by whom."
    )
    settings: Annotated[dict[str, Any] | None, WITHOUT_EFFECT] = None
    future_text: Annotated[str | None, NEIGHBOUR] = None

    async def speech_request(self, services: Services, script: str) -> SpeechRequest:
        """Make this server's request.

        Raises:
            InvalidRequest, VoiceNotFound: the dialogue cannot be spoken.
        """
        self.refuse_effects()
        require_markup(self.markup)
        if not any(line.text.strip() for line in self.inputs):
            raise InvalidRequest(f"{Parameter.TEXT} is empty", field=Parameter.TEXT)
        voices = list(dict.fromkeys(line.voice_id for line in self.inputs))
        if len(voices) > MAX_VOICES:
            raise InvalidRequest(
                f"inputs have {len(voices)} voices; {MAX_VOICES} are allowed", field="inputs"
            )
        # The settings kept with a voice are not those of the others.
        own = VoiceSettings(speed=1.0)
        speech = await speech_request(services, voices[0], script, self, self, own)
        await check_voices(services, speech, voices)
        return speech


def require_markup(markup: str) -> None:
    """Check that a script's markup counts.

    Raises:
        InvalidRequest: it does not.
    """
    if markup == "off":
        raise InvalidRequest(
            "markup=off cannot be had in a dialogue, in which markup says who speaks; leave it out",
            field="markup",
        )


async def check_voices(services: Services, speech: SpeechRequest, voices: list[str]) -> None:
    """Refuse voices that are missing or unusable.

    Raises:
        VoiceNotFound, InvalidRequest, Overloaded, ModelUnavailable.
    """
    for voice in voices:
        named = services.cast.voice_named(voice)
        await services.speech.check_voice(replace(speech, voice=named))


class Asked(NamedTuple):
    """The four calls have these arguments in common; they differ in how they answer."""

    request: Request
    services: Services
    speech: SpeechRequest
    audio: AudioFormat


async def _asked(
    request: Request,
    services: ServicesDep,
    query: Annotated[OutputQuery, Query()],
    body: DialogueBody,
) -> tuple[Asked, Dialogue]:
    audio, dialogue = audio_format_of(query.output_format), Dialogue(body.inputs)
    speech = await body.speech_request(services, dialogue.script)
    return Asked(request, services, speech, audio), dialogue


AskedDep = Annotated[tuple[Asked, Dialogue], Depends(_asked)]


@router.post(DIALOGUE_PATH, response_class=Response)
async def convert_dialogue(found: AskedDep) -> Response:
    """Speak a dialogue; the answer is the complete file."""
    return await file_response(*found[0])


@router.post(f"{DIALOGUE_PATH}/stream", response_class=Response)
async def stream_dialogue(found: AskedDep) -> Response:
    """Speak a dialogue; the audio is sent while it is being made."""
    return await live_response(*found[0])


@router.post(f"{DIALOGUE_PATH}/with-timestamps")
async def convert_dialogue_with_timestamps(found: AskedDep) -> Response:
    """Speak a dialogue; the answer has the complete file as base64, and who is heard when."""
    asked, dialogue = found
    made = await complete_answer(*_timed(asked))

    def content_of() -> bytes:
        return _json(dialogue, made.read(), dialogue.times.finish(made.marks, made.speech_seconds))

    content = await asked.services.pools.finishing.run(content_of)
    return Response(content, media_type="application/json", headers=measured_headers(made))


@router.post(f"{DIALOGUE_PATH}/stream/with-timestamps", response_class=Response)
async def stream_dialogue_with_timestamps(found: AskedDep) -> Response:
    """Speak a dialogue; a line of JSON for each piece of audio, sent while it is being made."""
    asked, dialogue = found

    async def lines(live: LiveAudio) -> AsyncGenerator[bytes, None]:
        async for data in live.body:
            yield _json(dialogue, data, dialogue.times.take(live.marks.take())) + b"\n"
        rest = dialogue.times.finish(live.marks.take(), live.utterance.spoken_seconds)
        if rest.written.characters:
            yield _json(dialogue, b"", rest) + b"\n"

    return await live_response(*_timed(asked), wrapping=lines, media_type="application/x-ndjson")


def _timed(asked: Asked) -> Asked:
    return asked._replace(speech=replace(asked.speech, timed=True))


def _json(dialogue: Dialogue, data: bytes, heard: Heard) -> bytes:
    return json.dumps(
        {
            "audio_base64": base64.b64encode(data).decode(),
            "alignment": heard.written.in_seconds(),
            "normalized_alignment": heard.spoken.in_seconds(),
            "voice_segments": dialogue.segments(heard.written),
        }
    ).encode()


SUPPORT = tuple(
    row
    for path in ("", "/stream", "/with-timestamps", "/stream/with-timestamps")
    for row in (
        *support_of(f"POST {DIALOGUE_PATH}{path}", OutputQuery),
        *support_of(f"POST {DIALOGUE_PATH}{path}", DialogueBody),
    )
)
