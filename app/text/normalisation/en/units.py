"""This module says measures in English: numbers with units, ranges, dimensions, percent."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import NUMBER, cardinal, is_one, number
from app.text.normalisation.en.quantities import say_fraction, say_mixed, say_power
from app.text.normalisation.rules import Rule, alternatives, rule

UNITS = {
    "km": ("kilometer", "kilometers"), "m": ("meter", "meters"),
    "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
    "μm": ("micrometer", "micrometers"), "nm": ("nanometer", "nanometers"),
    "mi": ("mile", "miles"), "ft": ("foot", "feet"), "yd": ("yard", "yards"),
    "yds": ("yard", "yards"), "in": ("inch", "inches"), "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"), "mg": ("milligram", "milligrams"), "μg": ("microgram", "micrograms"),
    "mcg": ("microgram", "micrograms"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "fl oz": ("fluid ounce", "fluid ounces"), "L": ("liter", "liters"),
    "l": ("liter", "liters"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "cl": ("centiliter", "centiliters"), "dl": ("deciliter", "deciliters"),
    "gal": ("gallon", "gallons"),
    "qt": ("quart", "quarts"), "pt": ("pint", "pints"), "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"), "s": ("second", "seconds"), "sec": ("second", "seconds"),
    "secs": ("second", "seconds"), "min": ("minute", "minutes"), "mins": ("minute", "minutes"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "ms": ("millisecond", "milliseconds"), "μs": ("microsecond", "microseconds"),
    "ns": ("nanosecond", "nanoseconds"), "yr": ("year", "years"), "yrs": ("year", "years"),
    "wk": ("week", "weeks"), "wks": ("week", "weeks"), "B": ("byte", "bytes"),
    "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "PB": ("petabyte", "petabytes"),
    "KiB": ("kibibyte", "kibibytes"), "MiB": ("mebibyte", "mebibytes"),
    "GiB": ("gibibyte", "gibibytes"),
    "TiB": ("tebibyte", "tebibytes"), "kbit": ("kilobit", "kilobits"),
    "Mbit": ("megabit", "megabits"),
    "Gbit": ("gigabit", "gigabits"), "kbps": ("kilobit per second", "kilobits per second"),
    "Kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"), "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"), "KHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"),
    "THz": ("terahertz", "terahertz"), "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"),
    "MW": ("megawatt", "megawatts"), "GW": ("gigawatt", "gigawatts"),
    "mW": ("milliwatt", "milliwatts"),
    "Wh": ("watt hour", "watt hours"), "kWh": ("kilowatt hour", "kilowatt hours"),
    "MWh": ("megawatt hour", "megawatt hours"), "V": ("volt", "volts"),
    "mV": ("millivolt", "millivolts"),
    "kV": ("kilovolt", "kilovolts"), "A": ("amp", "amps"), "mA": ("milliamp", "milliamps"),
    "mAh": ("milliamp hour", "milliamp hours"), "Ah": ("amp hour", "amp hours"),
    "Ω": ("ohm", "ohms"),
    "kΩ": ("kilohm", "kilohms"), "J": ("joule", "joules"), "kJ": ("kilojoule", "kilojoules"),
    "cal": ("calorie", "calories"), "kcal": ("kilocalorie", "kilocalories"),
    "Pa": ("pascal", "pascals"),
    "kPa": ("kilopascal", "kilopascals"), "hPa": ("hectopascal", "hectopascals"),
    "MPa": ("megapascal", "megapascals"), "psi": ("P S I", "P S I"), "N": ("newton", "newtons"),
    "Nm": ("newton meter", "newton meters"), "dB": ("decibel", "decibels"),
    "lm": ("lumen", "lumens"),
    "rpm": ("R P M", "R P M"), "RPM": ("R P M", "R P M"),
    "fps": ("frame per second", "frames per second"),
    "FPS": ("frame per second", "frames per second"),
    "bpm": ("beat per minute", "beats per minute"),
    "BPM": ("beat per minute", "beats per minute"), "mph": ("mile per hour", "miles per hour"),
    "MPH": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "kt": ("knot", "knots"), "kts": ("knot", "knots"), "px": ("pixel", "pixels"),
    "MP": ("megapixel", "megapixels"), "dpi": ("D P I", "D P I"),
    "ppm": ("part per million", "parts per million"),
    "ha": ("hectare", "hectares"), "sq ft": ("square foot", "square feet"),
    "sq. ft.": ("square foot", "square feet"), "sqft": ("square foot", "square feet"),
    "sq m": ("square meter", "square meters"), "sqm": ("square meter", "square meters"),
    "sq km": ("square kilometer", "square kilometers"), "sq mi": ("square mile", "square miles"),
    "sq in": ("square inch", "square inches"), "°C": ("degree Celsius", "degrees Celsius"),
    "° C": ("degree Celsius", "degrees Celsius"),
    "° F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "ºC": ("degree Celsius", "degrees Celsius"), "ºF": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "°": ("degree", "degrees"),
    "kgs": ("kilogram", "kilograms"), "ozs": ("ounce", "ounces"), "gals": ("gallon", "gallons"),
    "qts": ("quart", "quarts"), "pts": ("pint", "pints"), "fl. oz": ("fluid ounce", "fluid ounces"),
    "tsps": ("teaspoon", "teaspoons"), "Tsp": ("teaspoon", "teaspoons"),
    "tbsps": ("tablespoon", "tablespoons"), "Tbsp": ("tablespoon", "tablespoons"),
    "tbs": ("tablespoon", "tablespoons"), "Tbs": ("tablespoon", "tablespoons"),
    "doz": ("dozen", "dozen"), "m.p.h": ("mile per hour", "miles per hour"),
    "mo": ("month", "months"), "mos": ("month", "months"), "pkg": ("package", "packages"),
    "cc": ("C C", "C C"),
    "mol": ("mole", "moles"), "mmol": ("millimole", "millimoles"),
    "μmol": ("micromole", "micromoles"), "nmol": ("nanomole", "nanomoles"),
    "μL": ("microliter", "microliters"), "μl": ("microliter", "microliters"),
    "μA": ("microamp", "microamps"), "μV": ("microvolt", "microvolts"),
    "pg": ("picogram", "picograms"), "ng": ("nanogram", "nanograms"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "eV": ("electron volt", "electron volts"), "keV": ("kiloelectron volt", "kiloelectron volts"),
    "MeV": ("megaelectron volt", "megaelectron volts"),
    "GeV": ("gigaelectron volt", "gigaelectron volts"), "kN": ("kilonewton", "kilonewtons"),
    "TWh": ("terawatt hour", "terawatt hours"), "GWh": ("gigawatt hour", "gigawatt hours"),
    "TW": ("terawatt", "terawatts"), "mT": ("millitesla", "milliteslas"),
    "MΩ": ("megohm", "megohms"), "mm Hg": ("millimeter of mercury", "millimeters of mercury"),
    # Headings have them in capitals.
    "KG": ("kilogram", "kilograms"), "KM": ("kilometer", "kilometers"),
    "CM": ("centimeter", "centimeters"), "LBS": ("pound", "pounds"), "OZ": ("ounce", "ounces"),
    "FT": ("foot", "feet"), "HRS": ("hour", "hours"), "MINS": ("minute", "minutes"),
    "YRS": ("year", "years"),
    "%": ("percent", "percent"), "‰": ("per mille", "per mille"), "pct": ("percent", "percent"),
}  # fmt: skip
_LENGTHS = ("km", "cm", "mm", "ft", "mi", "in", "yd", "m")
_SIDE_UNITS = frozenset(("px", "nm", "μm", "yds", "°", "sq ft"))
_ATTACHED_ONLY = frozenset(("in", "A", "B", "N", "J", "s", "h", "MP", "wk", "pt", "mo"))
"""These are rather words or letters than units where a space parts them from the number."""
_PER = {
    "s": "second", "sec": "second", "h": "hour", "hr": "hour", "min": "minute", "d": "day",
    "day": "day", "week": "week", "month": "month", "yr": "year", "year": "year", "kg": "kilogram",
    "g": "gram", "km": "kilometer", "m": "meter", "cm": "centimeter", "L": "liter", "l": "liter",
    "dL": "deciliter", "mL": "milliliter", "ml": "milliliter", "gal": "gallon", "lb": "pound",
    "ft": "foot", "mi": "mile", "m^2": "square meter", "m^3": "cubic meter",
    "s^2": "second squared", "h^2": "hour squared", "min^2": "minute squared",
    "m2": "square meter", "m3": "cubic meter", "cm2": "square centimeter",
    "km2": "square kilometer",
    "km^2": "square kilometer", "cm3": "cubic centimeter", "ft2": "square foot",
    "ft^2": "square foot",
    "mm2": "square millimeter", "mm^2": "square millimeter", "ha": "hectare",
    "kWh": "kilowatt hour",
    "mol": "mole", "μL": "microliter", "hour": "hour", "minute": "minute", "second": "second",
    "s2": "second squared", "GB": "gigabyte", "MB": "megabyte", "unit": "unit", "user": "user",
    "person": "person", "cm^2": "square centimeter", "cm^3": "cubic centimeter", "in": "inch",
}  # fmt: skip
_POWERS = {"2": "square", "3": "cubic"}
_RANGE = (
    rf"(?P<sign>(?<![\w.,)°%])[-−–])?(?<![\w.,])(?<!\d-)(?P<low>{NUMBER})"
    rf"(?:(?: ?[-–—~] ?| to (?=-?[\d.]))(?P<minus>[-−])?(?P<high>{NUMBER}))?"
)
_POWERED = rf"(?P<length>{alternatives(_LENGTHS)})\^?(?P<power>[23])(?!\w)"
_SPACED = (
    alternatives(unit for unit in UNITS if unit not in _ATTACHED_ONLY)
    # With a full stop these are units nevertheless.
    + r"|(?:in|pt|wk|mo)(?=\.(?![\w.]))"
)
_ATTACHED = alternatives(UNITS)
_LETTERS = frozenset("ABNJ")
"""These are rather letters than units after a whole number: "Flat 12A"."""
_STOP = r"(?P<stop>\.(?![\w.]))?"
_QUOTE = re.compile(r"(?<!\d)\"")
_NEW_SENTENCE = re.compile(r"[\"']{0,2}(?:\s*\Z|[^\S\n]*\n|\s+[\"'(]?[A-Z])")
_VOLTS = re.compile(r"(?:\d ?[mk]?[VW]|volts?|watts?)(?:[ /]|, )\Z")
_AFTER_ARTICLE = re.compile(r"(?:\A|\W)(?:[Aa]n?|[Tt]he|[Tt]h(?:is|at)|[Ee](?:ach|very))\s\Z")
_NOUN = re.compile(
    r" (?!(?:of|or|and|to|in|per|an?|the|long|wide|high|tall|deep|thick|away|apart|from|at|on|by|"
    r"for|with|without|is|are|was|were|has|have|had|will|would|can|that|which|who|when|where|we|you|he|"
    r"she|they|it|i|between|below|above|over|under|than|then|after|before|into|as|but|more|less|"
    r"later|earlier|ago|[a-z]{2,30}ly)(?!\w))[a-z]"
)
SPACED_UNIT = rf"(?P<unit>{_SPACED})(?!\w){_STOP}"
"""This regular expression matches a unit after a number and a space, and its full stop."""


def say_measure(written: str, unit: str, *, power: str = "", adjective: bool = False) -> str:
    """Say a number with a unit: ("5", "kg") gives "five kilograms".

    Args:
        written: a number as `NUMBER` matches it.
        unit: a key of `UNITS`.
        power: "2" for a square, "3" for a cube, of a length.
        adjective: whether a noun follows, as in "a 5-kg bag": the unit is in the singular.
    """
    return f"{number(written)} {name_unit(written, unit, power=power, adjective=adjective)}"


def name_unit(written: str, unit: str, *, power: str = "", adjective: bool = False) -> str:
    """Name a unit in the singular or plural, as the number `written` asks for."""
    one, many = UNITS[unit]
    name = one if adjective or is_one(written) else many
    return f"{_POWERS[power]} {name}" if power else name


def kept_stop(found: re.Match[str]) -> str:
    """Return the full stop after a unit if it ends the sentence too, or else nothing."""
    if not found["stop"]:
        return ""
    return "." if _NEW_SENTENCE.match(found.string, found.end()) else ""


def _beside_volts(found: re.Match[str]) -> bool:
    """Tell whether a measure with a clearer unit stands right before: "5V 2A"."""
    return bool(_VOLTS.search(found.string[max(0, found.start() - 12) : found.start()]))


def _describes(found: re.Match[str]) -> bool:
    """Tell whether a measure stands between an article and a noun: "a 2L bottle"."""
    before = found.string[max(0, found.start() - 7) : found.start()]
    return bool(_AFTER_ARTICLE.search(before) and _NOUN.match(found.string, found.end()))


def _measure(found: re.Match[str]) -> str | None:
    groups = found.groupdict()
    length, high = groups.get("length"), found["high"]
    unit = length or groups.get("unit") or groups.get("spaced") or groups.get("hyphened") or ""
    last = high or found["low"]
    if unit in _LETTERS and "." not in last and not _beside_volts(found):
        return None
    adjective = bool(groups.get("hyphened")) or (not high and _describes(found))
    name = name_unit(last, unit, power=groups.get("power") or "", adjective=adjective)
    spoken = ("minus " if found["sign"] else "") + number(found["low"])
    if high:
        spoken += f" to {'minus ' if found['minus'] else ''}{number(high)}"
    spoken += f" {name}"
    if per := groups.get("per"):
        spoken += f" per {_PER[per]}"
    return spoken + kept_stop(found)


def _dimensions(found: re.Match[str]) -> str | None:
    unit = found["unit"]
    if unit is None and " × " in found[0]:
        return None  # This is a product.
    numbers = re.findall(NUMBER, found["sides"])
    if unit is None and "×" in found[0] and all(len(each) < 3 for each in numbers):
        return " times ".join(number(each) for each in numbers)
    # Sides have a length; of a weight there are several: "2 x 400g".
    is_count = unit and unit not in _LENGTHS and unit not in _SIDE_UNITS
    spoken = (" times " if is_count else " by ").join(number(each) for each in numbers)
    if not unit:
        return spoken
    return f"{spoken} {name_unit(numbers[-1], unit, adjective=_describes(found))}{kept_stop(found)}"


def _height(found: re.Match[str]) -> str:
    return f"{cardinal(found[1])} foot {number(found[2])}"


def _height_in_words(found: re.Match[str]) -> str:
    return _height(found) + kept_stop(found)


def _marked_sides(found: re.Match[str]) -> str:
    unit = "ft" if found[2] == "'" else "in"
    return f"{say_measure(found[1], unit)} by {say_measure(found[3], unit)}"


def _inches(found: re.Match[str]) -> str | None:
    """Say "12" with a mark of inches, which a mark of quotation in front of it would close."""
    line = found.string[max(0, found.start() - 300) : found.start()].rpartition("\n")[2]
    if len(_QUOTE.findall(line)) % 2:
        return None
    follows = _NOUN.match(found.string, found.end())
    if found["inches"]:
        name = name_unit(found["inches"], "in", adjective=bool(follows))
        return f"{number(found['inches'])} {name}"
    if not int(found["below"]):
        return None
    if found["whole"]:
        spoken = say_mixed(found["whole"], found["above"], found["below"])
    else:
        spoken = say_fraction(found["above"], found["below"])
    return f"{spoken} {'inch' if follows or not found['whole'] else 'inches'}"


def _power_of_unit(found: re.Match[str]) -> str:
    spoken = f" {say_power(found['exponent'])} {name_unit('2', found['unit'])}"
    if found["per"]:
        spoken += f" per {_PER[found['per']]}"
    return spoken + kept_stop(found)


def _power_of_area(found: re.Match[str]) -> str:
    name = name_unit("2", found["length"], power=found["power"])
    return f" {say_power(found['exponent'])} {name}{kept_stop(found)}"


def name_rate(unit: str) -> str:
    """Name the unit per which something is measured: "m2" gives "square meter"."""
    return _PER[unit]


def _bare_rate(found: re.Match[str]) -> str:
    return f"{UNITS[found[1]][1]} per {_PER[found[2]]}"


def _times_a(found: re.Match[str]) -> str:
    count = _ONCE.get(found[1]) or f"{number(found[1])} times"
    period = _PERIODS.get(found[2], found[2])
    return f"{count} {'an' if period == 'hour' else 'a'} {period}"


_ONCE = {"1": "once", "2": "twice"}
_PERIODS = {
    "d": "day", "wk": "week", "w": "week", "mo": "month", "yr": "year", "y": "year", "hr": "hour",
    "h": "hour", "min": "minute", "sec": "second", "s": "second",
}  # fmt: skip
_PERIOD = "day|week|month|year|hour|night|minute|second|" + alternatives(_PERIODS)
_RATED = alternatives(unit for unit in UNITS if (len(unit) > 1 and unit.isalpha()) or unit in "gmL")
UNIT_RULES: tuple[Rule, ...] = (
    # Decimals have a comma on the continent.
    rule(
        rf"(?<![\w.,])(\d{{1,3}}),(\d{{1,2}})(?= ?(?:{_SPACED})(?!\w))",
        lambda found: f"{found[1]}.{found[2]}",
        needs=",",
    ),
    rule(
        r"(?<![\w.,])(10|100|1,?000)s(?= of [a-z]{2,20}s(?!\w))",
        lambda found: {"10": "tens", "100": "hundreds"}.get(found[1], "thousands"),
    ),
    rule(
        rf"(?<![\w.,])({NUMBER}) ?[lL]/100 ?km(?!\w)",
        lambda found: f"{say_measure(found[1], 'l')} per one hundred kilometers",
        needs="/",
    ),
    rule(r"(?<=\d)° ?[-–—] ?(?=[-−]?\d{1,3}(?:\.\d)? ?°)", " to ", needs="°"),
    # Of "30s-60s" the unit is said once.
    rule(
        rf"(?<![\w.,])({NUMBER}) ?({_ATTACHED}) ?[-–—] ?(?=[-−]?{NUMBER} ?\2(?!\w))",
        lambda found: f"{found[1]} to ",
        needs="-–—",
    ),
    rule(r"(?<![\w.,])(\d{1,2})' ?(\d{1,2}(?:\.\d)?)(?:\"|'')(?!\w)", _height, needs="'"),
    rule(rf"(?<![\w.,])(\d{{1,2}}) ?ft\.? (\d{{1,2}}) ?in(?!\w){_STOP}", _height_in_words),
    rule(
        r"(?<![\w\"/])(\d{1,3}(?:\.\d{1,2})?)\"(?= (?:TV|tv|monitor|screen|display|tablet|laptop"
        r"|wheels?|"
        r"rims?|pipes?|pizza|tires?|pan|tall|long|wide|deep|high|thick|blade|drive)(?!\w))",
        lambda found: f"{number(found[1])} inch",
        needs='"',
    ),
    rule(
        r"(?<![\w.,/\"'])(?:(?P<whole>\d{1,3})[ -])?(?P<above>\d{1,2})/(?P<below>\d{1,2})\"(?!\w)"
        r"|(?<![\w.,/\"'-])(?<![xX×] )(?P<inches>\d{1,3}(?:\.\d{1,3})?)\""
        r"(?= [a-z]|[,.;)]|$)(?! [xX×] ?\d)",
        _inches,
        needs='"',
        flags=re.MULTILINE,
    ),
    rule(
        r"(?<=(?:to|at|of) )(\d{3}) ?([FC])(?!\w)",
        lambda found: f"{number(found[1])} {UNITS['°' + found[2]][1]}",
    ),
    rule(
        rf"(?<![\w.,])({NUMBER})(['\"]) ?[xX×] ?({NUMBER})\2(?!\w)",
        _marked_sides,
        needs="'\"",
    ),
    rule(rf"(?<![\w.,])(\d{{1,4}}) ?[xX×] ?/ ?({_PERIOD})(?!\w)", _times_a, needs="/"),
    rule(
        rf"(?<![\w.,])(?P<sides>{NUMBER}(?:(?:[xX×]| [x×] ){NUMBER}(?!\d)){{1,4}})"
        rf"(?: ?(?P<unit>{_SPACED}|in)(?!\w){_STOP}|(?![\w.]\w|[ ]?[=+*/^]))",
        _dimensions,
    ),
    rule(
        rf"(?<![\w.,])({NUMBER}) ?({alternatives(_LENGTHS)})\.? ?[xX×] ?(?=\d)",
        lambda found: f"{say_measure(found[1], found[2])} by ",
        needs="xX×",
    ),
    rule(
        r"(?<![\w.,^])(\d{1,4}(?:\.\d{1,2})?) ?[xX×](?= |[,.;:!?)]|$)(?! ?[\d=(])",
        lambda found: f"{number(found[1])} times",
        flags=re.MULTILINE,
    ),
    rule(
        rf"(?<=\d)\^(?P<open>\()?(?P<exponent>[-+−]?\d{{1,36}})(?(open)\)) ?{_POWERED}{_STOP}",
        _power_of_area,
        needs="^",
    ),
    rule(
        rf"(?<=\d)\^(?P<open>\()?(?P<exponent>[-+−]?\d{{1,36}})(?(open)\))"
        rf" ?(?P<unit>{_SPACED})(?![\w^])"
        rf"(?:/(?P<per>{alternatives(_PER)})(?![\w^]))?{_STOP}",
        _power_of_unit,
        needs="^",
    ),
    rule(rf"{_RANGE}[ -]?{_POWERED}(?:/(?P<per>{alternatives(_PER)})(?![\w^]))?{_STOP}", _measure),
    rule(
        rf"{_RANGE}(?:-(?P<hyphened>{_ATTACHED})|(?P<unit>{_ATTACHED})| (?P<spaced>{_SPACED}))"
        r"(?![\w^°])"
        rf"(?:/(?P<per>{alternatives(_PER)})(?![\w^]))?{_STOP}",
        _measure,
    ),
)
SCIENTIFIC_UNITS: tuple[Rule, ...] = (
    # Science writes "m s^-2" for "m/s^2".
    rule(
        rf"(?<=[^\W\d_%])[ ·/](?P<per>{alternatives(_PER)})\^-(?P<power>[1-3])(?![\w^])",
        lambda found: f"/{found['per']}" + (f"^{found['power']}" if found["power"] != "1" else ""),
        needs="^",
    ),
)
"""These write "m s^-2" and "m/s^-2" as "m/s^2"."""
BARE_RATES: tuple[Rule, ...] = (
    rule(
        r"(?<![\w./)-])(?<!\d )([NWJVA])/(?=(?:m|cm|mm|ft)\^?[23](?!\w)|kg(?!\w))",
        lambda found: f"{UNITS[found[1]][1]} per ",
        needs="/",
    ),
    rule(
        r"(?<![\w./^)-])(?<!\d )(km|cm|mm|ft|mi|(?:(?<=per )|(?<=in )|(?<=the )|(?<=of"
        r" ))m)\^?([23])(?![\w^])",
        lambda found: (
            f"{_POWERS[found[2]]} "
            + UNITS[found[1]][not found.string[: found.start()].endswith(("per ", "a ", "one "))]
        ),
        needs="23",
    ),
    rule(
        rf"(?<![\w./)-])(?<!\d )({_RATED})/({alternatives(_PER)})(?![\w/^])", _bare_rate, needs="/"
    ),
)
"""These say a unit without a number, as in the heading of a table: "kg/m2"."""
RATE = alternatives(_PER)
"""This regular expression matches a unit per which something is measured."""
