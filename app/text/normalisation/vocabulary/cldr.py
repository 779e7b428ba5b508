"""This module asks the Unicode Consortium's data (CLDR) for names of units and currencies."""

from __future__ import annotations

from functools import lru_cache

from babel.numbers import get_currency_name, is_currency
from babel.units import UnknownUnitError, format_unit

from app.text.normalisation.vocabulary.words import Noun

UNITS = {
    "km": "length-kilometer", "m": "length-meter", "dm": "length-decimeter",
    "cm": "length-centimeter", "mm": "length-millimeter", "μm": "length-micrometer",
    "nm": "length-nanometer", "ft": "length-foot", "yd": "length-yard", "mi": "length-mile",
    "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram", "μg": "mass-microgram",
    "t": "mass-tonne", "lb": "mass-pound", "lbs": "mass-pound", "oz": "mass-ounce",
    "l": "volume-liter", "L": "volume-liter", "dl": "volume-deciliter", "cl": "volume-centiliter",
    "ml": "volume-milliliter", "mL": "volume-milliliter", "hl": "volume-hectoliter",
    "ha": "area-hectare", "km^2": "area-square-kilometer", "m^2": "area-square-meter",
    "cm^2": "area-square-centimeter", "m^3": "volume-cubic-meter",
    "cm^3": "volume-cubic-centimeter", "km^3": "volume-cubic-kilometer",
    "Kg": "mass-kilogram", "Km": "length-kilometer",
    "m2": "area-square-meter", "km2": "area-square-kilometer", "cm2": "area-square-centimeter",
    "m3": "volume-cubic-meter", "cm3": "volume-cubic-centimeter", "µm": "length-micrometer",
    "µg": "mass-microgram", "µs": "duration-microsecond",
    "d": "duration-day", "h": "duration-hour", "min": "duration-minute", "s": "duration-second",
    "sec": "duration-second", "ms": "duration-millisecond", "μs": "duration-microsecond",
    "ns": "duration-nanosecond", "km/h": "speed-kilometer-per-hour",
    "m/s": "speed-meter-per-second", "mph": "speed-mile-per-hour", "kn": "speed-knot",
    "m/s^2": "acceleration-meter-per-square-second", "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit", "K": "temperature-kelvin", "°": "angle-degree",
    "W": "power-watt", "kW": "power-kilowatt", "MW": "power-megawatt", "GW": "power-gigawatt",
    "mW": "power-milliwatt", "kWh": "energy-kilowatt-hour", "J": "energy-joule",
    "kJ": "energy-kilojoule", "cal": "energy-calorie", "kcal": "energy-kilocalorie",
    "V": "electric-volt", "A": "electric-ampere", "mA": "electric-milliampere",
    "Ω": "electric-ohm", "N": "force-newton", "Nm": "torque-newton-meter",
    "Pa": "pressure-pascal", "hPa": "pressure-hectopascal", "kPa": "pressure-kilopascal",
    "MPa": "pressure-megapascal", "mbar": "pressure-millibar", "bar": "pressure-bar",
    "Hz": "frequency-hertz", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz",
    "GHz": "frequency-gigahertz", "bit": "digital-bit", "kB": "digital-kilobyte",
    "KB": "digital-kilobyte", "MB": "digital-megabyte", "GB": "digital-gigabyte",
    "TB": "digital-terabyte", "PB": "digital-petabyte", "Mbit": "digital-megabit",
    "Gbit": "digital-gigabit", "kbit": "digital-kilobit", "px": "graphics-pixel",
    "MP": "graphics-megapixel", "lm": "light-lumen", "lx": "light-lux",
}  # fmt: skip
"""It has CLDR's names of the units by their international symbols."""


@lru_cache(maxsize=2048)
def name_unit(unit: str, locale: str) -> Noun:
    """Name a unit, as CLDR calls it, in a language.

    Raises:
        ValueError: the language has no name for it.
    """
    try:
        one, many = (format_unit(value, unit, locale=locale) for value in (1, 2))
    except UnknownUnitError as error:
        raise ValueError(f"CLDR has no unit {unit} in {locale}") from error
    return Noun(one.partition("1")[2].strip(), many.partition("2")[2].strip())


@lru_cache(maxsize=512)
def name_currency(code: str, locale: str) -> Noun | None:
    """Name a currency by its code of three letters, or return None where there is none such."""
    if not is_currency(code, locale):
        return None
    one, many = (get_currency_name(code, count, locale=locale) for count in (1, 2))
    # Portuguese has capitals in CLDR where nobody writes any in a text.
    return Noun(one.lower(), many.lower()) if locale == "pt" else Noun(one, many)
