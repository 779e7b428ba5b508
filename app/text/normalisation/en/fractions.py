"""This module says fractions of a measure: "3/4 tsp", "1 1/2 lbs", "8 1/2 x 11"."""

from __future__ import annotations

import re

from app.text.normalisation.en.quantities import say_fraction, say_mixed
from app.text.normalisation.en.units import SPACED_UNIT, UNITS, kept_stop
from app.text.normalisation.rules import Rule, rule

_FRACTION = r"(?P<above>\d{1,3})/(?P<below>\d{1,4})"
_MIXED = rf"(?<![\w.,/])(?P<whole>\d{{1,6}})(?: |-){_FRACTION}"
_VOWEL_SOUNDS = ("a", "e", "i", "o", "hour")


def _say_mixed(found: re.Match[str]) -> str:
    many = UNITS[found["unit"]][1]
    spoken = say_mixed(found["whole"], found["above"], found["below"])
    return f"{spoken} {many}{kept_stop(found)}"


def _say_part(found: re.Match[str]) -> str:
    one, many = UNITS[found["unit"]]
    part = say_fraction(found["above"], found["below"])
    if " over " in part:
        return f"{part} {many}{kept_stop(found)}"
    article = "an" if one.startswith(_VOWEL_SOUNDS) else "a"
    joint = "half" if part == "one half" else f"{part} of"
    return f"{joint} {article} {one}{kept_stop(found)}"


MEASURED_FRACTIONS: tuple[Rule, ...] = (
    rule(r"(?<=\d)\"? ?[xX×] ?(?=\d{1,4}[ -]\d{1,3}/\d)", " by ", needs="/"),
    rule(
        rf"{_MIXED}\"? ?[xX×] ?(?=\d)",
        lambda found: f"{say_mixed(found['whole'], found['above'], found['below'])} by ",
        needs="/",
    ),
    rule(rf"{_MIXED}[ -]?{SPACED_UNIT}", _say_mixed, needs="/"),
    rule(rf"(?<![\w.,/-]){_FRACTION} ?{SPACED_UNIT}", _say_part, needs="/"),
)
