"""This module says places on the globe in English: "51°30′N", "40.7128° N, 74.0060° W"."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import NUMBER, is_one, number
from app.text.normalisation.rules import Rule, rule

_SIDES = {"N": "north", "S": "south", "E": "east", "W": "west"}


def _counted(written: str, one: str) -> str:
    return f"{number(written)} {one}{'' if is_one(written) else 's'}"


def _coordinate(found: re.Match[str]) -> str:
    parts = (("degree", found[1]), ("minute", found[2]), ("second", found[3]))
    spoken = [_counted(written, one) for one, written in parts if written]
    return f"{' '.join(spoken)} {_SIDES[found[4]]}"


COORDINATES: tuple[Rule, ...] = (
    rule(
        rf"(?<![\w.,])({NUMBER}) ?° ?(?:({NUMBER}) ?' ?(?:({NUMBER}) ?(?:\"|'') ?)?)?"
        r"([NSEW])(?!\w)",
        _coordinate,
        needs="°",
    ),
)
