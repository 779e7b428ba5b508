"""How Flash-TTS's clients name things and are told no, and what their sound is like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from app.api.http.dialect import Dialect
from app.audio.formats import AudioFormat
from app.audio.output import output_format
from app.errors import Parameter
from app.ranges import AnyCase, Temperature
from app.speaking.controls import Markup
from app.speech import SPEECH_RATE_HZ, Clip, Prosody, Sampling, SpeechRequest
from app.wording.problems import Problem
from app.wording.support import HONOURED, OWN_MARKUP, WITHOUT_EFFECT, Effect

SAMPLE_RATE_HZ = 16_000
"""What Flash-TTS speaks at, and what its published players take for granted"""

FLASH_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_PLAYED_BLINDLY = ("wav", "pcm")
_UNSET_TEMPERATURE = 0.9

Ignored = Annotated[float | None, WITHOUT_EFFECT]
HasPieces = Annotated[
    float | None,
    Effect("without effect", "the model is always given a sentence or two at a time"),
]


def error_body(problem: Problem) -> Mapping[str, object]:
    if problem.status == 401:
        return {"error": "Unauthorized"}
    return {"detail": problem.message}


DIALECT = Dialect(
    name="flash",
    title="Flash-TTS",
    words={
        Parameter.TEXT: "text",
        Parameter.VOICE: "name",
        Parameter.FORMAT: "response_format",
    },
    error_body=error_body,
)


class FlashControls(BaseModel):
    """What every call may say. Its clients send all of it, whether they mean it or not."""

    temperature: Annotated[
        Temperature, Effect("honoured", "0.9, which clients send unasked, is the server's own")
    ] = _UNSET_TEMPERATURE
    top_k: Ignored = 50
    top_p: Ignored = 0.95
    repetition_penalty: Ignored = 1.0
    max_tokens: Ignored = 4096
    length_threshold: HasPieces = 50
    window_size: HasPieces = 50
    stream: Annotated[bool, HONOURED] = False
    response_format: Annotated[
        str, AnyCase, HONOURED, Field(json_schema_extra={"enum": list(FLASH_FORMATS)})
    ] = "mp3"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    sample_rate: Annotated[
        int | None,
        Effect("honoured", "not a field of Flash-TTS; left out, wav and pcm have 16000 Hz"),
    ] = None

    def request(self, text: str, voice: str | Clip, prosody: Prosody) -> SpeechRequest:
        unset = self.temperature == _UNSET_TEMPERATURE
        sampling = Sampling(temperature=None if unset else self.temperature)
        return SpeechRequest(text, voice, sampling, prosody, markup=self.markup == "on")

    def audio_format(self) -> AudioFormat:
        """Raises: InvalidRequest: names the field and what is allowed."""
        name = self.response_format
        rate_hz = self.sample_rate
        if rate_hz is None and name in _PLAYED_BLINDLY:
            rate_hz = SAMPLE_RATE_HZ
        return output_format(
            name,
            speech_rate_hz=SPEECH_RATE_HZ,
            sample_rate_hz=rate_hz,
            allowed=FLASH_FORMATS,
        )
