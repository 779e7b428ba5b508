"""Replacement rules that read digits and signs aloud, for a tokenizer that can only replace."""

from __future__ import annotations

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
ABBREVIATIONS = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miss",
    "dr": "doctor",
    "etc": "et cetera",
    "vs": "versus",
    "prof": "professor",
}
SIGNS = {"%": " percent", "&": " and ", "@": " at ", r"\+": " plus ", "=": " equals "}

Rule = tuple[str, str]


def below_hundred(number: int) -> str:
    if number < 20:
        return ONES[number]
    unit = "" if number % 10 == 0 else " " + ONES[number % 10]
    return TENS[number // 10 - 2] + unit


def ordinal(number: int) -> str:
    """From 1 to 31, as in dates."""
    if number <= 20:
        return ORDINALS[number]
    return "thirtieth" if number == 30 else f"{TENS[number // 10 - 2]} {ORDINALS[number % 10]}"


def spoken_rules() -> list[Rule]:
    """(regular expression, text) pairs, to be applied in this order to lower-case text."""
    rules = [(rf"\b{short}\.", long) for short, long in ABBREVIATIONS.items()]
    rules += [*SIGNS.items(), ("#", " number "), (r"(?<=\w)/(?=\w)", " ")]
    rules += [(r"(?<=\d),(?=\d{3}(?!\d))", ""), (r"(?<=\d)\.(?=\d)", " point ")]
    rules += [(r"(?<=\d):(?=\d)", " ")]
    rules += [(rf"(?<!\d){n}(?:st|nd|rd|th)\b", ordinal(n)) for n in range(31, 0, -1)]
    return rules + _cardinal_rules()


def _cardinal_rules() -> list[Rule]:
    before_three, before_two = r"(?=\d{3}(?!\d))", r"(?=\d\d(?!\d))"
    rules = [
        (rf"(?<!\d){n}{before_three}", f"{below_hundred(n)} thousand ") for n in range(99, 9, -1)
    ]
    # Years: "nineteen eighty", not "one thousand nine hundred and eighty".
    rules += [(rf"(?<!\d){n}(?=[1-9]\d(?!\d))", f"{ONES[n]} ") for n in range(19, 10, -1)]
    rules += [(rf"(?<!\d){n}{before_three}", f"{ONES[n]} thousand ") for n in range(9, 0, -1)]
    rules += [("(?<=thousand )0+", "")]
    rules += [(rf"(?<!\d){n}{before_two}", f"{ONES[n]} hundred ") for n in range(9, 0, -1)]
    rules += [("(?<=hundred )0+", "")]
    rules += [(rf"(?<!\d){n}(?!\d)", below_hundred(n)) for n in range(99, 9, -1)]
    return rules + [(str(n), f" {ONES[n]} ") for n in range(10)]
