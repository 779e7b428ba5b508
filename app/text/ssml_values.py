"""This module reads the values of SSML attributes, with the words and units of W3C SSML 1.1."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.speech import Prosody
from app.text.inline_tags import parse_seconds

_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.75}
_VOLUMES_DB = {
    "x-soft": -12.0,
    "soft": -6.0,
    "medium": 0.0,
    "default": 0.0,
    "loud": 4.0,
    "x-loud": 8.0,
}
_PITCHES_SEMITONES = {
    "x-low": -4.0,
    "low": -2.0,
    "medium": 0.0,
    "default": 0.0,
    "high": 2.0,
    "x-high": 4.0,
}
_STRENGTHS_SECONDS = {
    "none": 0.0,
    "x-weak": 0.1,
    "weak": 0.25,
    "medium": 0.5,
    "strong": 1.0,
    "x-strong": 1.5,
}
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<number>[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})\s?(?P<unit>%|db|st|)"
)
# Factors that were multiplied may miss a bound by a rounding error.
_TOLERANCE = 1e-6


def break_seconds(time: str | None, strength: str | None) -> float | None:
    """Return the length of a `<break>`, or None if malformed; a time overrides a strength."""
    if time is not None:
        return parse_seconds(time)
    return _STRENGTHS_SECONDS.get(_word(strength or "medium"))


def nested_prosody(attributes: Mapping[str, str], outer: Prosody) -> Prosody:
    """Combine the prosody that a `<prosody>` tag asks for with the prosody around it.

    Raises:
        ValueError: a value is unknown, or out of range alone or with what is around it.
    """
    inner = Prosody(
        speed=_value(attributes, "rate", 1.0),
        volume_db=_value(attributes, "volume", 0.0),
        pitch_semitones=_value(attributes, "pitch", 0.0),
    ).within(outer)
    _check_range("rate", inner.speed)
    _check_range("volume", inner.volume_db)
    _check_range("pitch", inner.pitch_semitones)
    return inner


class _Control(NamedTuple):
    parse: Callable[[str], float | None]
    lowest: float
    highest: float
    examples: str
    limits: str


def _rate_as_speed(rate: str) -> float | None:
    """Read a factor of the speed around: "slow", "80%", "+10%" or "1.2"; None if it is none."""
    if _word(rate) in _RATES:
        return _RATES[_word(rate)]
    sign, number, unit = _split_value(rate)
    if unit == "%":
        return (100 + number if sign else number) / 100
    return number if unit == "" and not sign else None


def _volume_as_db(volume: str) -> float | None:
    """Read decibels to add: "loud", "+6dB", "+10%" (of the amplitude), "50" (of 100); or None."""
    if _word(volume) in _VOLUMES_DB:
        return _VOLUMES_DB[_word(volume)]
    sign, number, unit = _split_value(volume)
    if unit == "db":
        return number
    if unit not in ("%", ""):
        return None
    amplitude = (100 + number if sign else number) / 100
    in_range = unit == "%" or 0 <= amplitude <= 1
    return 20 * math.log10(max(amplitude, 1e-9)) if in_range else None


def _pitch_as_semitones(pitch: str) -> float | None:
    """Read semitones to add: "high", "+2st" or "-10%"; None if it is none of these."""
    if _word(pitch) in _PITCHES_SEMITONES:
        return _PITCHES_SEMITONES[_word(pitch)]
    sign, number, unit = _split_value(pitch)
    if unit == "st":
        return number
    if unit == "%" and sign:
        return 12 * math.log2(max(1 + number / 100, 1e-9))
    return None


def _word(value: str) -> str:
    return value.strip().lower()


def _split_value(value: str) -> tuple[str, float, str | None]:
    """Part a value into sign, signed number and unit; the unit is None where it is no number."""
    found = _NUMBER.fullmatch(_word(value))
    if found is None:
        return "", 0.0, None
    number = float(found["number"])
    return found["sign"], -number if found["sign"] == "-" else number, found["unit"]


_CONTROLS = {
    "rate": _Control(_rate_as_speed, 0.25, 4.0, "slow, 80%, +10% or 1.2", "25% to 400%"),
    "volume": _Control(_volume_as_db, -40.0, 20.0, "soft, -6dB, +10% or 50", "-40 dB to +20 dB"),
    "pitch": _Control(
        _pitch_as_semitones, -12.0, 12.0, "low, +2st or -10%", "an octave down to an octave up"
    ),
}


def _value(attributes: Mapping[str, str], name: str, default: float) -> float:
    if name not in attributes:
        return default
    control = _CONTROLS[name]
    value = control.parse(attributes[name])
    if value is None:
        raise ValueError(f"{name}={attributes[name][:40]!r} is not known; write {control.examples}")
    _check_range(name, value, f"={attributes[name][:40]!r}")
    return value


def _check_range(name: str, value: float, shown: str = ", with the tags around it,") -> None:
    control = _CONTROLS[name]
    if not control.lowest - _TOLERANCE <= value <= control.highest + _TOLERANCE:
        raise ValueError(f"{name}{shown} is out of range; allowed is {control.limits}")
