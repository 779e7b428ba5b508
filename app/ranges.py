"""Says what each number, word and null may be, once for the settings and for every request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator

Temperature = Annotated[float, Field(ge=0, le=5)]
SamplerDecodeSteps = Annotated[int, Field(ge=1, le=64)]
EosThreshold = Annotated[float, Field(ge=-50, le=50)]
NoiseClamp = Annotated[float, Field(gt=0, le=50)]
FramesAfterEos = Annotated[int, Field(ge=0, le=100)]
CharsPerChunk = Annotated[int, Field(ge=20, le=2000)]
SeedNumber = Annotated[int, Field(ge=0, lt=2**63)]


def _small_letters(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


AnyCase = BeforeValidator(_small_letters)
"""It lets the words of a list come in capital letters, too."""


def _none_if_minus_one(value: object) -> object:
    return None if value in (-1, "-1") else value


Seed = Annotated[SeedNumber | None, BeforeValidator(_none_if_minus_one)]
"""None means that there is no seed, and so does -1, which many programs send for it."""

SPEED_RANGE = (0.25, 4.0)
VOLUME_DB_RANGE = (-40.0, 20.0)
PITCH_SEMITONES_RANGE = (-12.0, 12.0)
Speed = Annotated[float, Field(ge=SPEED_RANGE[0], le=SPEED_RANGE[1])]
VolumeDb = Annotated[float, Field(ge=VOLUME_DB_RANGE[0], le=VOLUME_DB_RANGE[1])]
PitchSemitones = Annotated[float, Field(ge=PITCH_SEMITONES_RANGE[0], le=PITCH_SEMITONES_RANGE[1])]
PauseScale = Annotated[float, Field(ge=0, le=10)]


class NullIsUnset(BaseModel):
    """Takes null for a field that was left out, as clients in typed languages send it."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None}
        return data
