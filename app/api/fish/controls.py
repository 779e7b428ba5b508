"""Translates what Fish Audio's clients say about speech into requests to this server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from app.api.http.clip_input import clip_from_text
from app.audio.formats import AudioFormat
from app.audio.output import output_format
from app.errors import InvalidRequest, Parameter, TooLarge
from app.ranges import AnyCase, NullIsUnset, Seed
from app.services import Services
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

FISH_FORMATS = ("mp3", "wav", "pcm", "opus")
# Clients send these defaults of Fish Audio with every request, whether anybody chose them or not.
DEFAULT_RATE_HZ = 44_100
DEFAULT_MP3_KBPS = 128
DEFAULT_TEMPERATURE = 0.7
DEFAULT_CHUNK_LENGTH = 200
AUTO_BITRATE = -1000
_BITS_FROM = 1000
"""No codec has so many kbit/s: from here on a bitrate is in bit/s."""
MAX_REFERENCES = 32


def _bytes_of(value: object) -> object:
    """Decode the base64, or the data URL, of a recording in JSON; MessagePack has bytes."""
    if not isinstance(value, str):
        return value
    return clip_from_text(value, len(value), field="audio").data


def _in_kbps(value: object) -> object:
    """Take a bitrate in bit/s as well, which LiveKit sends for Opus."""
    if isinstance(value, int) and value >= _BITS_FROM and value % 1000 == 0:
        return value // 1000
    return value


InKbps = BeforeValidator(_in_kbps)


def _one_of(*allowed: int) -> AfterValidator:
    def check(value: int) -> int:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(map(str, allowed))}; it is {value}")
        return value

    return AfterValidator(check)


ReferenceAudio = Annotated[bytes, BeforeValidator(_bytes_of)]


class Reference(NullIsUnset):
    """A reference is a recording of the voice to speak in, and its transcript."""

    audio: ReferenceAudio
    text: str = ""

    @model_validator(mode="before")
    @classmethod
    def _file(cls, value: object) -> object:
        """Take the bytes of a file, which are all that a form has for a reference."""
        return {"audio": value} if isinstance(value, bytes) else value


class FishProsody(NullIsUnset):
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    volume: Annotated[float, Field(ge=-20, le=20)] = 0.0
    normalize_loudness: bool = False


class FishSpeech(NullIsUnset):
    """This is the body of POST /v1/tts, and the `request` of a WebSocket's first event."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Hello there.", "reference_id": "alba"}]}
    )

    text: Annotated[str, HONOURED]
    reference_id: Annotated[
        str | list[str] | None, Effect("honoured", "the name of a voice; several are refused")
    ] = None
    references: Annotated[
        list[Reference],
        Field(max_length=MAX_REFERENCES),
        Effect("approximated", "the recordings are joined; their `text` is without effect"),
    ] = Field(default_factory=list)
    format: Annotated[str, AnyCase, HONOURED] = "mp3"
    sample_rate: Annotated[int | None, HONOURED] = None
    mp3_bitrate: Annotated[int, InKbps, _one_of(64, 128, 192), HONOURED] = DEFAULT_MP3_KBPS
    opus_bitrate: Annotated[int, InKbps, _one_of(AUTO_BITRATE, 24, 32, 48, 64), HONOURED] = (
        AUTO_BITRATE
    )
    chunk_length: Annotated[
        int, Field(ge=100, le=300), Effect("honoured", "200 leaves it to the server")
    ] = DEFAULT_CHUNK_LENGTH
    normalize: Annotated[bool, HONOURED] = True
    latency: Annotated[
        Literal["low", "normal", "balanced"],
        AnyCase,
        Effect("without effect", "always as fast as it can"),
    ] = "normal"
    prosody: Annotated[
        FishProsody | None, Effect("approximated", "speed and volume are changed in the audio")
    ] = None
    temperature: Annotated[
        float, Field(ge=0, le=1), Effect("honoured", "0.7 leaves it to the server")
    ] = DEFAULT_TEMPERATURE
    seed: Annotated[Seed, HONOURED] = None
    streaming: Annotated[
        bool | None, Effect("honoured", "false waits for the end; a live stream otherwise")
    ] = None
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    pronunciations: Annotated[Pronunciations, OWN_PRONUNCIATIONS] = Field(default_factory=dict)
    top_p: Annotated[float, WITHOUT_EFFECT] = 0.7
    repetition_penalty: Annotated[float, WITHOUT_EFFECT] = 1.2
    max_new_tokens: Annotated[int, WITHOUT_EFFECT] = 1024
    min_chunk_length: Annotated[int, WITHOUT_EFFECT] = 50
    condition_on_previous_chunks: Annotated[bool, WITHOUT_EFFECT] = True
    early_stop_threshold: Annotated[float, WITHOUT_EFFECT] = 1.0
    use_memory_cache: Annotated[str, WITHOUT_EFFECT] = "off"

    def audio_format(self) -> AudioFormat:
        """Return the audio format to answer with.

        Raises:
            InvalidRequest: there is no such format, or not at that rate or bitrate.
        """
        mp3_kbps = None if self.mp3_bitrate == DEFAULT_MP3_KBPS else self.mp3_bitrate
        opus_kbps = None if self.opus_bitrate == AUTO_BITRATE else self.opus_bitrate
        rate_hz = self.sample_rate or (None if self.format == "opus" else DEFAULT_RATE_HZ)
        try:
            return output_format(
                self.format,
                speech_rate_hz=SPEECH_RATE_HZ,
                sample_rate_hz=rate_hz,
                bitrate_kbps={"mp3": mp3_kbps, "opus": opus_kbps}.get(self.format),
                allowed=FISH_FORMATS,
            )
        except InvalidRequest as error:
            error.reword({Parameter.BITRATE: f"{self.format}_bitrate"})
            raise

    async def speech_request(self, services: Services, headers: Mapping[str, str]) -> SpeechRequest:
        """Make this server's request of the body, and of the model that a header names.

        Raises:
            InvalidRequest: it names several voices.
            InvalidClip, TooLarge: a recording cannot be used.
        """
        prosody = self.prosody or FishProsody()
        unset = self.temperature == DEFAULT_TEMPERATURE
        return SpeechRequest(
            text=self.text,
            voice=await self._voice(services),
            sampling=Sampling(temperature=None if unset else self.temperature, seed=self.seed),
            prosody=Prosody(speed=prosody.speed, volume_db=prosody.volume),
            normalize=self.normalize,
            normalize_loudness=prosody.normalize_loudness,
            code=self.code,
            formulas=self.formulas,
            markup=self.markup == "on",
            lexicons=lexicons_of(self.pronunciations),
            model=services.cast.model_named(headers.get("model")),
            max_chars_per_chunk=(
                None if self.chunk_length == DEFAULT_CHUNK_LENGTH else self.chunk_length
            ),
        )

    async def _voice(self, services: Services) -> str | Clip:
        """Return the named voice; without a name, the recordings, joined into one."""
        wanted = self.reference_id
        if isinstance(wanted, list):
            if len(wanted) > 1:
                raise InvalidRequest(
                    "reference_id must be one voice; for several, begin the lines of the text "
                    "with their names, such as [alba]",
                    field="reference_id",
                )
            wanted = wanted[0] if wanted else None
        if wanted or not self.references:
            return services.cast.voice_named(wanted or None)
        clips = recordings([each.audio for each in self.references], services, "references")
        if len(clips) == 1:
            return clips[0]
        return await services.voices.joined(clips)


def recordings(data: list[bytes], services: Services, field: str) -> list[Clip]:
    """Make clips of the recordings that were sent in a field.

    Raises:
        TooLarge: one of them is larger than uploads may be.
    """
    max_bytes = services.settings.max_upload_bytes
    if any(len(each) > max_bytes for each in data):
        raise TooLarge(f"{field} has more than the {max_bytes} bytes allowed", field=field)
    return [Clip(each, f"{field}[{place}]", field=field) for place, each in enumerate(data)]
