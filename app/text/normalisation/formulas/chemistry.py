"""This module says formulas and reactions of chemistry in LaTeX: "\\ce{2H2 + O2 -> 2H2O}"."""

from __future__ import annotations

import re

from app.text.normalisation.formulas.vocabulary import FormulaWords
from app.text.normalisation.language import Language

_REACTION = re.compile(r"\\(?:ce|chem)\{((?:[^{}]|\{[^{}]{0,20}\}){1,200})\}")
_ARROW = re.compile(r"\s*(?:<=>>?|<->|<-->|->|→|⇌|\\rightarrow|\\to)(?:\[[^\[\]]{0,40}\]){0,2}\s*")
_CHARGE = re.compile(r"\^\{?(\d{0,2})([-+−])\}?|(?<=[A-Za-z\d)\]])([-+−])(?=\s|$)")
_ISOTOPE = re.compile(r"\^\{?(\d{1,3})\}?(?:_\{?\d{1,3}\}?)?")
_COUNT = re.compile(r"(?<![A-Za-z\d)\]])(\d{1,3})(?=[A-Z(\[])")
_STATE = re.compile(r"\s?\((?:aq|s|l|g)\)|\s[v^](?=\s|$)")
_ELEMENTS = re.compile(r"[A-Za-z\d()\[\].\s·*]+")


def read_reaction(latex: str, words: FormulaWords, language: Language) -> str | None:
    """Say what stands in `\\ce{…}`: arrows and charges in words, states of matter not at all.

    Returns:
        Elements and numbers as running text has them, "2 H2", which the rules of the language
        know. None if it is no chemistry, or more than is said.
    """
    found = _REACTION.fullmatch(latex.strip())
    if found is None:
        return None

    def charge(found: re.Match[str]) -> str:
        number = f" {language.number(found[1])}" if found[1] else ""
        sign = words.signs["+" if "+" in found[0] else "-"]
        return f"{number} {sign} "

    sides = [_STATE.sub("", side) for side in _ARROW.split(found[1])]
    spoken: list[str] = []
    for side in sides:
        terms = [_CHARGE.sub(charge, term) for term in re.split(r"\s\+\s", side)]
        plain = [_ISOTOPE.sub(r"\1 ", term).replace("_", "").strip("{} ") for term in terms]
        if not all(_ELEMENTS.fullmatch(term) for term in plain):
            return None
        spoken.append(f" {words.signs['+']} ".join(_COUNT.sub(r"\1 ", term) for term in plain))
    return " ".join(f" {words.yields} ".join(spoken).split())
