"""Translates what ElevenLabs' clients say about speech, over HTTP and over sockets."""

from __future__ import annotations

import logging
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.elevenlabs.formats import DEFAULT_OUTPUT_FORMAT, OUTPUT_FORMATS
from app.errors import DictionaryNotFound, InvalidRequest, VoiceNotFound
from app.lexicon import Lexicon
from app.ranges import AnyCase, NullIsUnset, Seed, Speed
from app.services import Services
from app.speaking.controls import Code, Formulas, Markup, Pronunciations, lexicons_of
from app.speech import Prosody, Sampling, SpeechRequest
from app.voices.details import VoiceDetails, language_code
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

logger = logging.getLogger(__name__)

ZeroToOne = Annotated[float, Field(ge=0, le=1)]
Normalization = Literal["auto", "on", "off"] | None

_LANGUAGE = Effect("honoured", "refused where no model here speaks it")
_NORMALIZATION = Effect("honoured", "`auto` is `on`")
MAX_LOCATORS = 10
NEIGHBOUR = Effect("without effect", "each text is spoken on its own")
NOTHING_LOGGED = Effect("without effect", "texts and speech are never kept")


class VoiceSettings(NullIsUnset):
    """These settings say how a voice speaks, in one request or wherever the voice is used."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"speed": 0.9}]})

    stability: Annotated[ZeroToOne | None, WITHOUT_EFFECT] = None
    similarity_boost: Annotated[ZeroToOne | None, WITHOUT_EFFECT] = None
    style: Annotated[ZeroToOne | None, WITHOUT_EFFECT] = None
    use_speaker_boost: Annotated[bool | None, WITHOUT_EFFECT] = None
    clone_strength: Annotated[ZeroToOne | None, WITHOUT_EFFECT] = None
    speed: Annotated[
        Speed | None, Effect("honoured", "0.25 to 4, at constant pitch; ElevenLabs has 0.7 to 1.2")
    ] = None


DEFAULT_SETTINGS = VoiceSettings(
    stability=0.5, similarity_boost=0.75, style=0.0, use_speaker_boost=True, speed=1.0
)


def settings_support(call: str) -> tuple[Support, ...]:
    """List what becomes of the voice settings inside a call's body."""
    rows = support_of(call, VoiceSettings)
    return tuple(row._replace(field=f"voice_settings.{row.field}") for row in rows)


class OutputQuery(BaseModel):
    """These fields are in the query over HTTP and over sockets."""

    output_format: Annotated[str, HONOURED] = Field(
        DEFAULT_OUTPUT_FORMAT, json_schema_extra={"enum": list(OUTPUT_FORMATS)}
    )
    optimize_streaming_latency: Annotated[
        Annotated[int, Field(ge=0, le=4)] | None,
        Effect("without effect", "the first sound always comes as early as it can"),
    ] = None
    enable_logging: Annotated[bool, NOTHING_LOGGED] = True


class Manner(NullIsUnset):
    """These fields are in the body over HTTP, and in the query over sockets."""

    model_id: Annotated[str | None, MODEL] = None
    language_code: Annotated[str | None, _LANGUAGE] = Field(None, examples=["en"])
    seed: Annotated[Seed, HONOURED] = None
    apply_text_normalization: Annotated[Normalization, AnyCase, _NORMALIZATION] = None
    apply_language_text_normalization: Annotated[bool | None, WITHOUT_EFFECT] = None
    code: Annotated[Code, OWN_CODE] = "skip"
    formulas: Annotated[Formulas, OWN_FORMULAS] = "say"
    markup: Annotated[Markup, OWN_MARKUP] = "on"
    pronunciations: Annotated[Pronunciations, OWN_PRONUNCIATIONS] = Field(default_factory=dict)


class Locator(BaseModel):
    """This names a pronunciation dictionary; without a version it is the latest."""

    pronunciation_dictionary_id: str
    version_id: str | None = None


class Dictionaries(BaseModel):
    """This field asks for pronunciation dictionaries, the first of which comes first."""

    pronunciation_dictionary_locators: Annotated[
        Annotated[list[Locator], Field(max_length=MAX_LOCATORS)] | None,
        Effect("honoured", "alias rules; those with phonemes cannot be added"),
    ] = None

    async def lexicons(self, services: Services) -> tuple[Lexicon, ...]:
        """Return the versions that are asked for.

        Raises:
            InvalidRequest: there is no such dictionary, or no such version.
        """
        locators = self.pronunciation_dictionary_locators or []
        return tuple([await _located(services, locator) for locator in locators])


async def _located(services: Services, locator: Locator) -> Lexicon:
    try:
        found = await services.pools.files.run(
            partial(services.dictionaries.find, locator.pronunciation_dictionary_id)
        )
        return found.version(locator.version_id).lexicon
    except DictionaryNotFound as error:
        field = "pronunciation_dictionary_locators"
        raise InvalidRequest(f"{field}: {error.message}", field=field) from None


class SpokenBody(Manner, Dictionaries):
    """These fields are in the bodies of all calls that speak."""

    previous_text: Annotated[str | None, NEIGHBOUR] = None
    previous_request_ids: Annotated[list[Any] | None, NEIGHBOUR] = None
    next_request_ids: Annotated[list[Any] | None, NEIGHBOUR] = None
    use_pvc_as_ivc: Annotated[bool | None, WITHOUT_EFFECT] = None
    audio_effects: Annotated[
        dict[str, Any] | None, Effect("refused", "neutral values are fine")
    ] = None

    def refuse_effects(self) -> None:
        """Check that no audio effects are asked for.

        Raises:
            InvalidRequest: some are.
        """
        # send_level is how much of the voice goes into a reverb; alone it asks for no effect.
        effects = {**(self.audio_effects or {}), "send_level": None}
        if any(effects.values()):
            raise InvalidRequest(
                "audio_effects are refused: this server has none; leave them out",
                field="audio_effects",
            )


async def speech_request(
    services: Services,
    voice_id: str,
    text: str,
    manner: Manner,
    dictionaries: Dictionaries,
    settings: VoiceSettings | None,
) -> SpeechRequest:
    """Make this server's request; the voice's own settings fill in what the client leaves open.

    Raises:
        InvalidRequest: `voice_id` is empty, or there is no such dictionary.
        ModelUnavailable: the voice's settings cannot be looked up yet.
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
        model=services.cast.model_named(manner.model_id),
        code=manner.code,
        formulas=manner.formulas,
        markup=manner.markup == "on",
        lexicons=(*lexicons_of(manner.pronunciations), *await dictionaries.lexicons(services)),
    )


def kept_settings(details: VoiceDetails) -> VoiceSettings:
    """Return the settings kept with a voice, or none if an operator has broken them in its file."""
    try:
        return VoiceSettings.model_validate(details.voice_settings or {})
    except ValidationError as error:
        logger.warning("voice settings are left out: %s", error)
        return VoiceSettings()


async def _settings_of(services: Services, voice: str) -> VoiceSettings:
    try:
        found = await services.voices.get(voice)
    except VoiceNotFound:
        # The model of another language may have this voice; if none has, `Speech.begin` refuses it.
        return VoiceSettings()
    return kept_settings(found.details)
