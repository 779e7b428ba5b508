"""What ElevenLabs' clients may say about how a text is to sound, over HTTP and over a socket."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from app.api.elevenlabs.formats import DEFAULT_FORMAT, OUTPUT_FORMATS
from app.errors import InvalidRequest, VoiceNotFound
from app.ranges import AnyCase, Seed, Speed
from app.services import Services
from app.speaking.controls import Markup
from app.speech import Prosody, Sampling, SpeechRequest
from app.voices.details import VoiceDetails, language_code
from app.wording.support import HONOURED, OWN_MARKUP, WITHOUT_EFFECT, Effect, Support, support_of

logger = logging.getLogger(__name__)

Share = Annotated[float, Field(ge=0, le=1)]
Normalization = Literal["auto", "on", "off"] | None

ONE_MODEL = Effect("without effect", "any name: there is one model")
_LANGUAGE = Effect("honoured", "refused where no model here speaks it")
_NORMALIZATION = Effect("honoured", "`auto` is `on`")
_DICTIONARIES = Effect("refused", "there are no pronunciation dictionaries; an empty list is fine")
NOTHING_LOGGED = Effect("without effect", "texts and speech are never kept")


class VoiceSettings(BaseModel):
    """How a voice is to speak: of one request, or kept with a voice."""

    stability: Annotated[Share | None, WITHOUT_EFFECT] = None
    similarity_boost: Annotated[Share | None, WITHOUT_EFFECT] = None
    style: Annotated[Share | None, WITHOUT_EFFECT] = None
    use_speaker_boost: Annotated[bool | None, WITHOUT_EFFECT] = None
    clone_strength: Annotated[Share | None, WITHOUT_EFFECT] = None
    speed: Annotated[
        Speed | None, Effect("honoured", "0.25 to 4, at constant pitch; ElevenLabs has 0.7 to 1.2")
    ] = None


DEFAULT_SETTINGS = VoiceSettings(
    stability=0.5, similarity_boost=0.75, style=0.0, use_speaker_boost=True, speed=1.0
)


def settings_support(call: str) -> tuple[Support, ...]:
    """The lines for the settings inside a call's body."""
    rows = support_of(call, VoiceSettings)
    return tuple(row._replace(field=f"voice_settings.{row.field}") for row in rows)


class Output(BaseModel):
    """The query that HTTP and sockets have in common."""

    output_format: Annotated[str, HONOURED] = Field(
        DEFAULT_FORMAT, json_schema_extra={"enum": list(OUTPUT_FORMATS)}
    )
    optimize_streaming_latency: Annotated[
        Annotated[int, Field(ge=0, le=4)] | None,
        Effect("without effect", "the first sound always comes as early as it can"),
    ] = None
    enable_logging: Annotated[bool, NOTHING_LOGGED] = True


class Manner(BaseModel):
    """The part of a request that HTTP has in the body and sockets have in the query."""

    model_id: Annotated[str | None, ONE_MODEL] = None
    language_code: Annotated[str | None, _LANGUAGE] = Field(None, examples=["en"])
    seed: Annotated[Seed, HONOURED] = None
    apply_text_normalization: Annotated[Normalization, AnyCase, _NORMALIZATION] = None
    apply_language_text_normalization: Annotated[bool | None, WITHOUT_EFFECT] = None
    markup: Annotated[Markup, OWN_MARKUP] = "on"


class Dictionaries(BaseModel):
    pronunciation_dictionary_locators: Annotated[list[dict[str, Any]] | None, _DICTIONARIES] = None

    def refuse_dictionaries(self) -> None:
        """Raises: InvalidRequest: there are some to be used."""
        if self.pronunciation_dictionary_locators:
            raise InvalidRequest(
                "pronunciation_dictionary_locators are refused: this server has no pronunciation "
                "dictionaries; leave them out",
                field="pronunciation_dictionary_locators",
            )


async def speech_request(
    services: Services, voice_id: str, text: str, manner: Manner, settings: VoiceSettings | None
) -> SpeechRequest:
    """The request for `text`; what it leaves open is as the voice's own settings say.

    Raises:
        InvalidRequest: the voice has no name. ModelUnavailable.
    """
    voice = services.cast.voice_named(voice_id)
    speed = None if settings is None else settings.speed
    if speed is None:
        speed = (await _settings_of(services, voice)).speed
    return SpeechRequest(
        text=text,
        voice=voice,
        sampling=Sampling(seed=manner.seed),
        prosody=Prosody(speed=1.0 if speed is None else speed),
        normalize=manner.apply_text_normalization != "off",
        language=language_code(manner.language_code),
        markup=manner.markup == "on",
    )


def kept_settings(details: VoiceDetails) -> VoiceSettings:
    """The settings kept with a voice; what an operator broke in its file is left out."""
    try:
        return VoiceSettings.model_validate(details.voice_settings or {})
    except ValidationError as error:
        logger.warning("voice settings are left out: %s", error)
        return VoiceSettings()


async def _settings_of(services: Services, voice: str) -> VoiceSettings:
    try:
        found = await services.voices.voice(voice)
    except VoiceNotFound:
        # Another language's model may have it; if none has, it is refused with the text.
        return VoiceSettings()
    return kept_settings(found.details)
