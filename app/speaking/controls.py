"""Defines what shapes speech, under the same names on every endpoint of this server's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from app.audio.formats import AudioFormat
from app.audio.output import output_format
from app.bounds import DICTIONARY_BYTES, JSON_VALUES, json_values
from app.lexicon import MAX_PRONUNCIATIONS, Lexicon, Pronunciation
from app.ranges import (
    AnyCase,
    CharsPerChunk,
    EosThreshold,
    FramesAfterEos,
    NoiseClamp,
    NullIsUnset,
    PauseScale,
    PitchSemitones,
    SamplerDecodeSteps,
    Seed,
    Speed,
    Temperature,
    VolumeDb,
)
from app.speech import (
    SPEECH_RATE_HZ,
    Clip,
    CodeReading,
    FormulaReading,
    Prosody,
    Sampling,
    SpeechRequest,
)
from app.voices.details import language_code


def _plain_code(value: object) -> object:
    return language_code(value) if isinstance(value, str) else value


LanguageCode = Annotated[
    Literal["en", "fr", "de", "pt", "it", "es", "nl"] | None, BeforeValidator(_plain_code)
]
"""The code has two letters; `en-US` and `English` are taken for `en`."""


_SWITCHED = MappingProxyType({True: "on", False: "off", "true": "on", "false": "off"})


def _switched(value: object) -> object:
    if isinstance(value, (bool, str)):
        return _SWITCHED.get(value, value)
    return value


Markup = Annotated[Literal["on", "off"], BeforeValidator(_switched), AnyCase]
"""`on` reads the tags in a script as tags; `off` speaks them as they are written."""


Code = Annotated[CodeReading, AnyCase]
Formulas = Annotated[FormulaReading, AnyCase]


class SpokenAs(NullIsUnset):
    """Says how a word is spoken, and where that holds."""

    model_config = ConfigDict(extra="forbid")

    spoken: str
    language: LanguageCode = None
    case_sensitive: bool = False
    whole_words: bool = True


def _from_json(value: object) -> object:
    """Read the table from JSON, as forms and addresses have it; leave any other value alone."""
    if not isinstance(value, str):
        return value
    if len(value) > DICTIONARY_BYTES:
        raise ValueError(f"it has more than {DICTIONARY_BYTES} characters")
    if json_values(value.encode(errors="surrogatepass")) > JSON_VALUES:
        raise ValueError(f"it has more than {JSON_VALUES} values, commas in texts included")
    try:
        return json.loads(value or "{}")
    except (ValueError, RecursionError):
        raise ValueError('must be a JSON object such as {"Nginx": "engine X"}') from None


Pronunciations = Annotated[
    dict[str, str | SpokenAs],
    Field(max_length=MAX_PRONUNCIATIONS),
    BeforeValidator(_from_json),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""A table has words and phrases, and how each is written so that it is spoken right."""


def lexicons_of(pronunciations: Mapping[str, str | SpokenAs]) -> tuple[Lexicon, ...]:
    """Return the pronunciations of a request, which are checked when its text is read."""
    if not pronunciations:
        return ()
    return (Lexicon(_pronunciation(written, spoken) for written, spoken in pronunciations.items()),)


def _pronunciation(written: str, spoken: str | SpokenAs) -> Pronunciation:
    if isinstance(spoken, str):
        return Pronunciation(written, spoken)
    return Pronunciation(
        written, spoken.spoken, spoken.language, spoken.case_sensitive, spoken.whole_words
    )


class SpeechControls(NullIsUnset):
    """Holds everything that a request may say about how its words are to sound."""

    speed: Speed = Field(1.0, description="Pace at constant pitch; 2 is twice as fast.")
    volume: VolumeDb = Field(0.0, description="Gain in dB.")
    pitch: PitchSemitones = Field(0.0, description="Semitones up or down, at constant pace.")
    pause_scale: PauseScale = Field(
        1.0, description="Stretches the pauses between clauses, sentences and lines; 0: none."
    )
    normalize_loudness: bool = Field(
        False, description="Bring the speech to -16 LUFS, as podcasts have it."
    )
    normalize: bool = Field(
        True, description="Put numbers, dates, money and abbreviations into words."
    )
    code: Code = Field(
        "skip", description="Blocks of code are left out, named, or read: skip, name, read."
    )
    formulas: Formulas = Field(
        "say",
        description="Formulas in LaTeX are said if simple, named, or left out: say, name, skip.",
    )
    markup: Markup = Field(
        "on",
        description="`off` reads tags aloud as text: [pause 1s], [name], (laughs), SSML.",
    )
    pronunciations: Pronunciations = Field(
        {},
        description="Words and phrases, and how each is to be written so that it is spoken right.",
        examples=[{"Nginx": "engine X"}],
    )
    language: LanguageCode = Field(
        None, description="Language of the script; it must be one that the model speaks."
    )
    sample_rate: int | None = Field(None, description="Hz; what is allowed depends on the format.")
    bitrate: int | None = Field(None, description="kbps; what is allowed depends on the format.")
    seed: Seed = Field(None, description="The same seed speaks the same way again.")
    temperature: Temperature | None = Field(None, description="0 (always the same) to 5 (wild).")
    sampler_decode_steps: SamplerDecodeSteps | None = Field(
        None, description="Steps of the flow head, 1 to 64."
    )
    eos_threshold: EosThreshold | None = Field(
        None, description="The logit above which speech ends."
    )
    noise_clamp: NoiseClamp | None = Field(None, description="Noise is cut at this many units.")
    frames_after_eos: FramesAfterEos | None = Field(
        None, description="Frames of 80 ms spoken after the end was detected."
    )
    max_chars_per_chunk: CharsPerChunk | None = Field(
        None, description="The script is spoken in pieces of at most this many characters."
    )

    def request(self, text: str, voice: str | Clip) -> SpeechRequest:
        """Make a request for `text` in `voice` with these controls."""
        return SpeechRequest(
            text=text,
            voice=voice,
            sampling=Sampling(
                temperature=self.temperature,
                sampler_decode_steps=self.sampler_decode_steps,
                eos_threshold=self.eos_threshold,
                noise_clamp=self.noise_clamp,
                frames_after_eos=self.frames_after_eos,
                seed=self.seed,
            ),
            prosody=Prosody(self.speed, self.volume, self.pitch),
            pause_scale=self.pause_scale,
            normalize=self.normalize,
            normalize_loudness=self.normalize_loudness,
            code=self.code,
            formulas=self.formulas,
            markup=self.markup == "on",
            language=self.language,
            lexicons=lexicons_of(self.pronunciations),
            max_chars_per_chunk=self.max_chars_per_chunk,
        )

    def audio_format(self, name: str, *, allowed: tuple[str, ...] | None = None) -> AudioFormat:
        """Return the format `name` at the rate and bitrate asked for.

        Args:
            allowed: the names that may be used, as in `format_named`.

        Raises:
            InvalidRequest: something is not allowed; the error names the field and what is.
        """
        return output_format(
            name,
            speech_rate_hz=SPEECH_RATE_HZ,
            sample_rate_hz=self.sample_rate,
            bitrate_kbps=self.bitrate,
            allowed=allowed,
        )
