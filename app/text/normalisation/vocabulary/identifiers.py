"""This module spells UUIDs, hashes, MAC addresses, numbers in hexadecimal, and accounts."""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule
from app.text.normalisation.shapes import HASH, HEXADECIMAL, IBAN, MAC_ADDRESS, UUID
from app.text.normalisation.vocabulary.figures import figure_rule
from app.text.normalisation.vocabulary.saying import Saying

_POWER_OF_TEN = re.compile(r"\d+[eE]\d+")


def identifier_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for what is spelled character by character."""

    def in_groups(found: re.Match[str]) -> str:
        return ", ".join(map(language.spell, re.split(r"[-: ]", found[0])))

    def in_fours(found: re.Match[str]) -> str | None:
        bare = found[0].replace(" ", "")
        if sum(map(str.isdecimal, bare)) < len(bare) // 2:
            return None
        groups = (bare[at : at + 4] for at in range(0, len(bare), 4))
        return ", ".join(map(language.spell, groups))

    def hexadecimal(found: re.Match[str]) -> str:
        return f"{language.cardinal('0')} x {language.spell(found[1])}"

    def hashed(found: re.Match[str]) -> str | None:
        return None if _POWER_OF_TEN.fullmatch(found[0]) else language.spell(found[0])

    return (
        figure_rule(UUID, in_groups),
        figure_rule(MAC_ADDRESS, in_groups),
        figure_rule(IBAN, in_fours),
        figure_rule(HEXADECIMAL, hexadecimal),
        figure_rule(HASH, hashed),
    )
