"""What `<prosody>` asks for: read, checked, and put inside the prosody around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.speech import Prosody
from app.text.ssml_values import pitch_as_semitones, rate_as_speed, volume_as_db


class _Control(NamedTuple):
    parse: Callable[[str], float | None]
    lowest: float
    highest: float
    examples: str
    limits: str


_CONTROLS = {
    "rate": _Control(rate_as_speed, 0.25, 4.0, "slow, 80%, +10% or 1.2", "25% to 400%"),
    "volume": _Control(volume_as_db, -40.0, 20.0, "soft, -6dB, +10% or 50", "-40 dB to +20 dB"),
    "pitch": _Control(
        pitch_as_semitones, -12.0, 12.0, "low, +2st or -10%", "an octave down to an octave up"
    ),
}
# Factors that were multiplied may miss a bound by a rounding error.
_TOLERANCE = 1e-6


def nested_prosody(attributes: Mapping[str, str], outer: Prosody) -> Prosody:
    """The prosody inside a `<prosody>` tag, that around it included.

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
