"""This module spells what is read character by character in English: UUIDs, hashes, MAC addresses,
colours and numbers in hexadecimal, codes and keys, and the postal codes of the United States.
"""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import spell_digits
from app.text.normalisation.rules import Rule, alternatives, rule
from app.text.normalisation.shapes import HASH, HEXADECIMAL, IBAN, MAC_ADDRESS, UUID

_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "DC": "D C", "FL": "Florida",
    "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana",
    "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York",
    "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon",
    "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip
_HEX = "[0-9A-Fa-f]"
_PARTS = re.compile(rf"{_HEX}+|::?")
_POWER_OF_TEN = re.compile(r"\d+[eE]\d+")
_CODE_WORDS = (
    "code|pin|otp|passcode|password|zip|postcode|postal code|zip code|verification code|"
    "security code|confirmation code|access code|serial number|account number|order number|"
    "tracking number|reference number|id"
)


def spell(written: str) -> str:
    """Say letters as capitals and digits one by one; leave everything else out."""
    return " ".join(
        spell_digits(char) if char.isdigit() else char.upper() for char in written if char.isalnum()
    )


def _in_groups(found: re.Match[str]) -> str:
    return ", ".join(spell(group) for group in re.split(r"[-:]", found[0]))


def _in_fours(found: re.Match[str]) -> str | None:
    bare = found[0].replace(" ", "")
    if sum(map(str.isdecimal, bare)) < len(bare) // 2:
        return None
    return ", ".join(spell(bare[at : at + 4]) for at in range(0, len(bare), 4))


def _with_colons(found: re.Match[str]) -> str | None:
    written = found[0]
    if not any(map(str.isdigit, written)) or ("::" not in written and written.count(":") != 7):
        return None
    spoken = (
        "colon " * len(part) if part[0] == ":" else spell(part) for part in _PARTS.findall(written)
    )
    return " ".join(" ".join(spoken).split())


def _hexadecimal(found: re.Match[str]) -> str:
    return f"zero x {spell(found[1])}"


def _hash(found: re.Match[str]) -> str | None:
    return None if _POWER_OF_TEN.fullmatch(found[0]) else spell(found[0])


def _in_state(found: re.Match[str]) -> str:
    spoken = f"{_STATES[found[1]]}{found[2]}{spell_digits(found[3])}"
    return f"{spoken}, {spell_digits(found[4])}" if found[4] else spoken


IDENTIFIERS: tuple[Rule, ...] = (
    rule(UUID, _in_groups, needs="-"),
    rule(MAC_ADDRESS, _in_groups, needs=":-"),
    rule(IBAN, _in_fours, needs="0123456789"),
    rule(
        rf"(?<![\w:.])(?:{_HEX}{{1,4}}|:)(?::{{1,2}}{_HEX}{{1,4}}){{1,7}}(?:::)?(?![\w:])",
        _with_colons,
        needs=":",
    ),
    rule(
        r"(?<!\w)(ISBN(?:-1[03])?:? |ISSN:? )(\d[\d -]{6,18}[\dX])(?![\w-])",
        lambda found: (
            found[1].replace("-", " ") + ", ".join(map(spell, re.split("[ -]", found[2])))
        ),
        needs="I",
    ),
    rule(
        r"(?<!\w)P\.? ?O\.? (Box|BOX|box) (\d{1,6})(?![\w-])",
        lambda found: f"P O {found[1]} {spell_digits(found[2])}",
        needs="P",
    ),
    rule(HEXADECIMAL, _hexadecimal, needs="xX"),
    rule(HASH, _hash, needs="0123456789"),
    rule(
        rf"(?<![\w.])({alternatives(_STATES)})(,? )(\d{{5}})(?:-(\d{{4}}))?(?![\w-]|[.,]\d)",
        _in_state,
        needs="0123456789",
    ),
    rule(
        rf"(?<!\w)((?:{_CODE_WORDS})(?: is|:| is:| number)? )(\d{{4,20}})(?![\w$€£%-]|[.,:/]\d)",
        lambda found: found[1] + spell_digits(found[2]),
        needs="0123456789",
        flags=re.IGNORECASE,
    ),
)
