"""Serves POST /tts and POST /tts/clone, this server's own way to ask for speech."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.http.access import documented_key
from app.api.http.clip_input import clip_from_upload
from app.api.http.delivery import (
    complete_answer,
    file_response,
    live_response,
    saved_file,
)
from app.api.http.dependencies import ServicesDep
from app.api.http.live_events import EVENT_STREAM, speech_events
from app.api.http.routes import REFUSALS, KeyedRoute
from app.api.http.timed_response import TimedResponse
from app.api.native.timing import TimingControls
from app.audio.formats import FORMATS, AudioFormat
from app.errors import InvalidRequest
from app.ranges import AnyCase
from app.services import Services
from app.speaking.controls import SpeechControls
from app.speech import Clip, SpeechRequest

SPEECH_PATH = "/tts"

router = APIRouter(route_class=KeyedRoute, dependencies=documented_key, tags=["speech"])

_AUDIO_ANSWERS: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The audio, or with `type=url` where it was saved.",
        "content": {
            "audio/*": {},
            "application/json": {
                "example": {
                    "url": "http://localhost:8000/voice/audio_1760000000_0f3a….mp3",
                    "filename": "audio_1760000000_0f3a….mp3",
                }
            },
        },
    },
    400: {"description": "A bad parameter; the answer names the field and what is allowed."},
    401: {"description": "No key, or a wrong one."},
    404: {"description": "No such voice; the answer lists those that exist."},
    413: {"description": "The script or the upload is too large."},
    429: {"description": "Too many of your requests are waiting; see Retry-After."},
    # This also keeps FastAPI from listing a 422, which is never sent.
    "4XX": {"description": "Any other refusal."},
    503: {"description": "The model is not loaded; the answer says why."},
    507: {"description": "The disk of the server is full, or refuses to be written to."},
}


class Delivery(TimingControls, SpeechControls):
    """These fields of both calls say what to speak, how it sounds and how it is delivered."""

    model_config = ConfigDict(extra="forbid")

    script: str = Field(
        description="The text to speak.", examples=["Hello! This is my script, spoken."]
    )
    type: Annotated[Literal["file", "url"], AnyCase] = Field(
        "file",
        description="`file` answers with the audio itself, `url` saves it and answers its address.",
    )
    format: str = Field(
        "mp3", description="Audio format.", json_schema_extra={"enum": list(FORMATS)}
    )
    stream: bool = Field(
        False,
        description="true sends the audio while it is being made; false sends a complete file.",
    )


class TtsBody(Delivery):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"script": "Hello! This is my script, spoken.", "voice": "alba"}]
        }
    )

    model: str | None = Field(
        None,
        description="One of the server's models, where it has several (`models` of /health), or "
        "the name of a voice.",
        examples=["english_18m_2026-10"],
    )
    voice: str | None = Field(None, description="Name of the voice.", examples=["alba"])


class TtsQuery(TtsBody):
    """Has the fields of the body in the query, for the `src` of an audio element in a page."""

    # What is not said counts as for POST, but that a player wants to begin at once.
    stream: bool = Field(True, description="false sends a complete file.")
    token: str | None = Field(
        None, description="A token of POST /tokens. A key is not taken here: addresses are logged."
    )


class CloneForm(Delivery):
    voice_file: UploadFile = Field(
        description="A recording of the voice: WAV, MP3, M4A, OGG, FLAC, WebM and more."
    )


@router.post(SPEECH_PATH, responses=_AUDIO_ANSWERS, response_class=Response)
async def speak(request: Request, services: ServicesDep, body: TtsBody) -> Response:
    """Speak a script in one of the server's voices."""
    model = services.cast.model_named(body.model)
    voice = services.cast.voice_named(_chosen_voice(services, body, model))
    return await _deliver(request, services, body, voice, model)


@router.get(SPEECH_PATH, responses=_AUDIO_ANSWERS, response_class=Response)
async def speak_query(
    request: Request, services: ServicesDep, query: Annotated[TtsQuery, Query()]
) -> Response:
    """Speak a script that stands in the address, as for `<audio src>` in a web page."""
    if query.type == "url":
        raise InvalidRequest("type=url needs a POST; a GET answers with the audio", field="type")
    return await speak(request, services, query)


@router.post("/tts/clone", responses=_AUDIO_ANSWERS, response_class=Response)
async def speak_cloned(
    request: Request,
    services: ServicesDep,
    body: Annotated[CloneForm, Form(media_type="multipart/form-data")],
) -> Response:
    """Speak a script in the voice of an uploaded recording.

    Clone a voice only with its owner's consent.
    """
    clip = await clip_from_upload(body.voice_file, services.settings.max_upload_bytes)
    return await _deliver(request, services, body, clip)


class PlannedChange(BaseModel):
    written: str
    spoken: str
    script_start: int
    script_end: int


class PlannedPiece(BaseModel):
    text: str = Field(description="As it is read.")
    voice: str | None = Field(description="The name in the markup; null is the request's voice.")
    script_start: int = Field(description="What it stands for in the script, in characters.")
    script_end: int
    pause_seconds: float = Field(description="Silence that is put behind it.")
    audio_seconds: float = Field(description="It is likely to sound so long.")
    changes: list[PlannedChange] = Field(description="What is spoken otherwise than written.")


class SpeechPlan(BaseModel):
    """Says how a script would be read and where it would be cut."""

    characters: int
    audio_seconds: float = Field(description="All of it is likely to sound so long.")
    making_seconds: float = Field(description="Speaking it alone is likely to take so long.")
    left_out: list[str] = Field(description="Letters that the model cannot read.")
    pieces: list[PlannedPiece]


@router.post(f"{SPEECH_PATH}/plan", responses=REFUSALS)
async def plan(services: ServicesDep, body: TtsBody) -> SpeechPlan:
    """Tell how a script would be read and cut, without speaking it: the body is that of /tts."""
    model = services.cast.model_named(body.model)
    voice = services.cast.voice_named(_chosen_voice(services, body, model))
    outline = await services.speech.outline(replace(body.request(body.script, voice), model=model))
    rate = outline.audio_rate
    return SpeechPlan(
        characters=len(body.script),
        audio_seconds=round(outline.audio_seconds, 1),
        making_seconds=round(outline.audio_seconds / rate, 1),
        left_out=list(outline.left_out),
        pieces=[PlannedPiece.model_validate(asdict(piece)) for piece in outline.pieces],
    )


def _chosen_voice(services: Services, body: TtsBody, model: str | None) -> str | None:
    """Return the voice that is named; by `model`, too, where that names none of the models."""
    name = body.voice if model is not None or body.model is None else body.model
    if body.voice not in (None, name):
        raise InvalidRequest(
            f"model must be one of {', '.join(services.cast.models)} on this server, or name the "
            "voice, as voice does; here the two differ",
            field="model",
        )
    if name is not None and not name.strip():
        raise InvalidRequest("voice must not be empty; leave it out for the default", field="voice")
    return name


async def _deliver(
    request: Request,
    services: Services,
    body: Delivery,
    voice: str | Clip,
    model: str | None = None,
) -> Response:
    audio = body.audio_format(body.format)
    speech = replace(body.request(body.script, voice), timed=body.timed, model=model)
    if body.stream and body.captions:
        raise InvalidRequest(
            "stream=true cannot be combined with captions: they are made of complete audio; "
            "timestamps tell times live",
            field="stream",
        )
    if body.type == "url":
        if body.stream:
            raise InvalidRequest(
                "stream=true cannot be combined with type=url: a URL is given once the audio is "
                "complete",
                field="stream",
            )
        captions = body.caption_texts if body.captions else None
        saved = await saved_file(request, services, speech, audio, captions=captions)
        content: dict[str, Any] = {"url": saved.url, "filename": saved.filename}
        if saved.captions:
            content["captions"] = saved.captions
        if body.timestamps != "none":
            content |= body.times(saved.made)
        return JSONResponse(content, headers=saved.headers)
    if body.stream and body.timed:
        events = partial(speech_events, timestamps=body.timestamps)
        return await live_response(
            request, services, speech, audio, wrapping=events, media_type=EVENT_STREAM
        )
    if body.timed:
        return await _timed(request, services, body, speech, audio)
    deliver = live_response if body.stream else file_response
    return await deliver(request, services, speech, audio)


async def _timed(
    request: Request,
    services: Services,
    body: Delivery,
    speech: SpeechRequest,
    audio: AudioFormat,
) -> Response:
    """Speak, and answer with the clip and its times in JSON."""
    made = await complete_answer(request, services, speech, audio)
    content = {"content_type": made.content_type, **body.times(made)}
    if body.captions:
        texts = partial(body.caption_texts, made)
        content["captions"] = await services.pools.finishing.run(texts)
    return TimedResponse(made, content, services.pools)
