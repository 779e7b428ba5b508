"""Serves ChatTTS's kind of /v1/audio/speech, and /generate_voice for many texts at once."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from app.api.chattts.dialect import DIALECT
from app.api.http.allowing import count_speech
from app.api.http.delivery import file_response, live_response, while_connected
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.api.http.voice_choice import given_voice
from app.audio.formats import AudioFormat, format_named
from app.errors import InvalidRequest, Parameter, TooLarge
from app.ranges import NullIsUnset, Seed, Temperature
from app.services import Services
from app.speaking.controls import Code, Formulas, Markup, Pronunciations, lexicons_of
from app.speaking.encoded import CompleteAudio, complete_audio
from app.speech import Clip, Prosody, Sampling, SpeechRequest
from app.voices.details import language_code
from app.wording.support import (
    HONOURED,
    MODEL,
    OWN_CODE,
    OWN_FORMULAS,
    OWN_MARKUP,
    OWN_PRONUNCIATIONS,
    WITHOUT_EFFECT,
    Effect,
    Support,
    support_of,
)

CHATTTS_FORMATS = ("mp3", "wav", "ogg")
MAX_TEXTS = 100
AT_ONCE = 8
"""At most this many texts of a request are spoken at once: more would fill the engine's queue."""
DEFAULT_VOICE = "default"

_UNSET_TEMPERATURE = 0.3
_SPEED_TOKEN = re.compile(r"\[speed_([0-9])\]")
_NEUTRAL_SPEED_TOKEN = 5
_LOOKED_AT_CHARS = 1000
"""Tokens stand at the beginning of a prompt."""
_BATCH_WORDS = {
    Parameter.TEXT: "text",
    Parameter.VOICE: "params_infer_code.spk_emb",
    Parameter.SPEED: "params_infer_code.prompt",
    Parameter.LANGUAGE: "lang",
}
router = dialect_router(DIALECT)
_batch_router = dialect_router(DIALECT.with_words(_BATCH_WORDS))


class ChatSpeechBody(NullIsUnset):
    """This is ChatTTS's body for speech; fields not named here are ignored, as ChatTTS does."""

    model: Annotated[str | None, MODEL] = None
    input: Annotated[str, HONOURED]
    voice: Annotated[
        str | None,
        Effect("honoured", '"default", a voice, or a recording as base64, data URL or address'),
    ] = DEFAULT_VOICE
    response_format: Annotated[
        str | None, HONOURED, Field(json_schema_extra={"enum": list(CHATTTS_FORMATS)})
    ] = "mp3"
    speed: Annotated[Annotated[float, Field(ge=0.5, le=2)] | None, HONOURED] = 1.0
    stream: Annotated[bool | None, HONOURED] = False
    output_format: Annotated[str | None, WITHOUT_EFFECT] = "mp3"
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    pronunciations: Annotated[Pronunciations, OWN_PRONUNCIATIONS] = Field(default_factory=dict)


class InferCode(NullIsUnset):
    """These are the fields of `params_infer_code`."""

    temperature: Annotated[
        Temperature | None,
        Effect("honoured", "0.3, which clients send unasked, is the server's own"),
    ] = _UNSET_TEMPERATURE
    manual_seed: Annotated[Seed, HONOURED] = None
    prompt: Annotated[
        str, Effect("approximated", "[speed_0] to [speed_9] are 0.75 to 1.2 times as fast")
    ] = "[speed_5]"
    spk_emb: Annotated[
        str | None,
        Effect(
            "honoured",
            "a voice of this server, or a recording as base64, data URL or address; an embedding "
            "of ChatTTS is refused",
        ),
    ] = None
    spk_smp: Annotated[
        str | None, Effect("refused", "a sample that ChatTTS encoded; send a recording as spk_emb")
    ] = None
    txt_smp: Annotated[str | None, WITHOUT_EFFECT] = None
    top_p: Annotated[float | None, Field(alias="top_P"), WITHOUT_EFFECT] = None
    top_k: Annotated[float | None, Field(alias="top_K"), WITHOUT_EFFECT] = None
    repetition_penalty: Annotated[float | None, WITHOUT_EFFECT] = None
    max_new_token: Annotated[float | None, WITHOUT_EFFECT] = None
    min_new_token: Annotated[float | None, WITHOUT_EFFECT] = None
    stream_batch: Annotated[float | None, WITHOUT_EFFECT] = None
    stream_speed: Annotated[float | None, WITHOUT_EFFECT] = None
    pass_first_n_batches: Annotated[float | None, WITHOUT_EFFECT] = None
    ensure_non_empty: Annotated[bool | None, WITHOUT_EFFECT] = None
    show_tqdm: Annotated[bool | None, WITHOUT_EFFECT] = None


class GenerateBody(NullIsUnset):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": ["Hello there.", "And goodbye."]}]}
    )

    text: Annotated[
        list[str], Field(min_length=1, max_length=MAX_TEXTS), Effect("honoured", "1 to 100 texts")
    ]
    lang: Annotated[str | None, Effect("honoured", "refused where the model lacks it")] = None
    do_text_normalization: Annotated[bool, HONOURED] = True
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    pronunciations: Annotated[Pronunciations, OWN_PRONUNCIATIONS] = Field(default_factory=dict)
    audio_seed: Annotated[Seed, Effect("approximated", "as manual_seed; it makes up no voice")] = (
        None
    )
    params_infer_code: Annotated[InferCode | None, HONOURED] = None
    refine_text_only: Annotated[bool, Effect("refused", "true: this model refines no text")] = False
    skip_refine_text: Annotated[bool | None, WITHOUT_EFFECT] = False
    params_refine_text: Annotated[dict[str, Any] | None, WITHOUT_EFFECT] = None
    text_seed: Annotated[int | None, WITHOUT_EFFECT] = None
    do_homophone_replacement: Annotated[bool | None, WITHOUT_EFFECT] = False
    use_decoder: Annotated[bool | None, WITHOUT_EFFECT] = True
    stream: Annotated[
        bool | None, Effect("without effect", "the answer is always a zip of complete files")
    ] = False


@router.post("/v1/audio/speech", response_class=Response, include_in_schema=False)
async def create_speech(request: Request, services: ServicesDep, body: ChatSpeechBody) -> Response:
    """Speak a text, as a complete file if nothing else is asked for."""
    audio = format_named(body.response_format or "mp3", allowed=CHATTTS_FORMATS)
    voice = await _voice(services, body.voice)
    prosody = Prosody(speed=body.speed or 1.0)
    speech = SpeechRequest(
        body.input,
        voice,
        prosody=prosody,
        code=body.code,
        formulas=body.formulas,
        markup=body.markup == "on",
        lexicons=lexicons_of(body.pronunciations),
        model=services.cast.model_named(body.model),
    )
    deliver = live_response if body.stream else file_response
    return await deliver(request, services, speech, audio)


@_batch_router.post("/generate_voice", response_class=Response)
async def generate_voice(request: Request, services: ServicesDep, body: GenerateBody) -> Response:
    """Speak several texts; the answer is a zip of 0.mp3, 1.mp3 and so on."""
    _check(services, body)
    code = body.params_infer_code or InferCode()
    voice = await _voice(services, code.spk_emb)
    speeches = [_speech(text, voice, body, code) for text in body.text]
    audio = format_named("mp3")
    clips = await while_connected(request, _complete_clips(request, services, speeches, audio))
    return Response(
        await services.pools.finishing.run(partial(_zipped, clips)),
        media_type="application/zip",
        headers={"Content-Disposition": "attachment; filename=audio_files.zip"},
    )


def _check(services: Services, body: GenerateBody) -> None:
    if body.refine_text_only:
        raise InvalidRequest(
            "refine_text_only must be false: this model speaks a text as it is, and refines none",
            field="refine_text_only",
        )
    if body.params_infer_code is not None and body.params_infer_code.spk_smp:
        raise InvalidRequest(
            "params_infer_code.spk_smp is a sample that ChatTTS encoded, which means nothing to "
            "this model; send the recording itself as params_infer_code.spk_emb",
            field="params_infer_code",
        )
    chars, most = sum(map(len, body.text)), services.settings.max_script_chars
    if chars > most:
        raise TooLarge(
            f"{Parameter.TEXT} has {chars} characters in all; at most {most} are allowed",
            field=Parameter.TEXT,
        )


async def _voice(services: Services, name: str | None) -> str | Clip:
    if name == DEFAULT_VOICE and DEFAULT_VOICE not in services.voices.names():
        name = None
    return await given_voice(services, name)


def _speech(text: str, voice: str | Clip, body: GenerateBody, code: InferCode) -> SpeechRequest:
    seed = body.audio_seed if code.manual_seed is None else code.manual_seed
    temperature = None if code.temperature == _UNSET_TEMPERATURE else code.temperature
    return SpeechRequest(
        text,
        voice,
        Sampling(temperature=temperature, seed=seed),
        Prosody(speed=_prompted_speed(code.prompt)),
        normalize=body.do_text_normalization,
        language=language_code(body.lang),
        code=body.code,
        formulas=body.formulas,
        markup=body.markup == "on",
        lexicons=lexicons_of(body.pronunciations),
        silent_without_words=DIALECT.silent_without_words,
    )


def _prompted_speed(prompt: str) -> float:
    token = _SPEED_TOKEN.search(prompt, 0, _LOOKED_AT_CHARS)
    return 1 + 0.05 * (int(token[1]) - _NEUTRAL_SPEED_TOKEN) if token else 1.0


async def _complete_clips(
    asked: Request, services: Services, requests: Sequence[SpeechRequest], audio: AudioFormat
) -> list[CompleteAudio]:
    """Speak several texts at once, and return their clips in the order of the requests.

    All texts are checked before any is spoken. If one fails, the others are stopped.

    Raises:
        SpeechError: the first text that failed; a refusal names its place, as in `text[2]`.
    """
    for number, request in enumerate(requests):
        await _check_text(services, request, number)
    await count_speech(asked, sum(len(request.text) for request in requests))
    places = asyncio.Semaphore(AT_ONCE)

    async def spoken(request: SpeechRequest) -> CompleteAudio:
        async with places:
            utterance = await services.speech.begin(request)
            return await complete_audio(utterance, audio, services.ffmpeg, services.pools)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(spoken(request)) for request in requests]
    except ExceptionGroup as failed:
        for task in tasks:
            if not task.cancelled() and task.exception() is None:
                task.result().file.close()
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _check_text(services: Services, request: SpeechRequest, number: int) -> None:
    try:
        await services.speech.check(request)
    except InvalidRequest as error:
        error.reword({Parameter.TEXT: f"text[{number}]"})
        raise


def _zipped(clips: Iterable[CompleteAudio]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, clip in enumerate(clips):
            archive.writestr(f"{number}.mp3", clip.read())
    return buffer.getvalue()


router.routes.extend(_batch_router.routes)

SUPPORT: tuple[Support, ...] = (
    *support_of("POST /v1/audio/speech", ChatSpeechBody),
    *support_of("POST /generate_voice", GenerateBody),
    *(
        row._replace(field=f"params_infer_code.{row.field}")
        for row in support_of("POST /generate_voice", InferCode)
    ),
)
