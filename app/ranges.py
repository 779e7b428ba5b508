"""What each number may be, said once for the settings and for every request."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Temperature = Annotated[float, Field(ge=0, le=5)]
SamplerDecodeSteps = Annotated[int, Field(ge=1, le=64)]
EosThreshold = Annotated[float, Field(ge=-50, le=50)]
NoiseClamp = Annotated[float, Field(gt=0, le=50)]
FramesAfterEos = Annotated[int, Field(ge=0, le=100)]
CharsPerChunk = Annotated[int, Field(ge=20, le=2000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Speed = Annotated[float, Field(ge=0.25, le=4)]
VolumeDb = Annotated[float, Field(ge=-40, le=40)]
PitchSemitones = Annotated[float, Field(ge=-12, le=12)]
PauseScale = Annotated[float, Field(ge=0, le=10)]
