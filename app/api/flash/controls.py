"""Defines the fields that every call of Flash-TTS has, and the audio that it answers with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.audio.formats import AudioFormat
from app.audio.output import output_format
from app.ranges import AnyCase, NullIsUnset, Temperature
from app.speaking.controls import Code, Formulas, Markup, Pronunciations, lexicons_of
from app.speech import SPEECH_RATE_HZ, Clip, Prosody, Sampling, SpeechRequest
from app.wording.support import (
    HONOURED,
    OWN_CODE,
    OWN_FORMULAS,
    OWN_MARKUP,
    OWN_PRONUNCIATIONS,
    WITHOUT_EFFECT,
    Effect,
)

SAMPLE_RATE_HZ = 16_000
"""Flash-TTS speaks at this rate, and its published players take it for granted."""

FLASH_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_PLAYED_BLINDLY = ("wav", "pcm")
_UNSET_TEMPERATURE = 0.9

Ignored = Annotated[float | None, WITHOUT_EFFECT]
HasPieces = Annotated[
    float | None,
    Effect("without effect", "the model is always given a sentence or two at a time"),
]


class FlashControls(NullIsUnset):
    """Every call may have these fields; clients send them all, whether set by a user or not."""

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
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    pronunciations: Annotated[Pronunciations, OWN_PRONUNCIATIONS] = Field(default_factory=dict)
    sample_rate: Annotated[
        int | None,
        Effect("honoured", "not a field of Flash-TTS; left out, wav and pcm have 16000 Hz"),
    ] = None

    def request(self, text: str, voice: str | Clip, prosody: Prosody) -> SpeechRequest:
        """Make this server's request of the body and what a call adds to it."""
        unset = self.temperature == _UNSET_TEMPERATURE
        sampling = Sampling(temperature=None if unset else self.temperature)
        return SpeechRequest(
            text,
            voice,
            sampling,
            prosody,
            code=self.code,
            formulas=self.formulas,
            markup=self.markup == "on",
            lexicons=lexicons_of(self.pronunciations),
        )

    def audio_format(self) -> AudioFormat:
        """Return the audio format to answer with.

        Raises:
            InvalidRequest: there is no such format, or not at that rate.
        """
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
