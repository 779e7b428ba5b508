"""Finds the preview voice: a small model that ships with this package and needs no download."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from app.engine.languages import PREDEFINED_SEXES

PREVIEW = "preview"
"""The preview voice has this name as a model, and in MODEL_LANGUAGE and MODEL_FALLBACK."""

_FOLDER = Path(__file__).parent.parent / "preview"
PREVIEW_CONFIG = _FOLDER / "preview.yaml"


@cache
def preview_voices() -> Mapping[str, Literal["female", "male"]]:
    """Map each voice that the preview model really has to whether it is a woman's or a man's."""
    listed = json.loads((_FOLDER / "voices.json").read_text("utf-8"))
    return {name: entry["sex"] for name, entry in listed.items()}


@cache
def stand_ins() -> Mapping[str, str]:
    """Map each released voice's name to the preview voice that speaks in its place.

    The sex is kept where the preview has a voice of it.
    """
    voices = preview_voices()
    first = next(iter(voices))
    of_sex = {sex: name for name, sex in reversed(list(voices.items()))}
    return {name: of_sex.get(sex, first) for name, sex in PREDEFINED_SEXES.items()}


def voice_prompts() -> dict[str, Path]:
    """Return the recording behind each voice name: its own, and those for which they stand in."""
    own = {name: _FOLDER / "voices" / f"{name}.wav" for name in preview_voices()}
    return {**{name: own[voice] for name, voice in stand_ins().items()}, **own}
