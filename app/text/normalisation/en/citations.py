"""This module leaves out the numbers of citations in English: "as was shown [1], [2, 3]".

Where a sentence names the source by its number, "see [12]", it is said.
"""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule, rule

_NUMBERS = r"[1-9]\d{0,2}(?:[ ]?[,–-][ ]?\d{1,3}){0,9}"
_SEVERAL = re.compile(r"[,–-]")
_NAMING = (
    "see in by from of and or to with per via at on as cf ref refs reference references study "
    "studies paper papers work works using following under like than than both while whereas"
)
_NO_CITATION = (
    "list array vector values tuple set interval range point sequence is are was returns return "
    "gives get gets be input output print prints contains containing equals equal press option "
    "type enter choose select hit button key click index indices rows columns shape size dict "
    "matrix domain over between the a an page"
)
_WORD = re.compile(r"(\w+)\W{0,2}\Z")


def _say_source(found: re.Match[str]) -> str:
    numbers = re.sub(r"[\[\]]", "", found[2])
    parts = [part.strip() for part in numbers.split(",")]
    name = "references" if _SEVERAL.search(numbers) else "reference"
    joined = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{found[1]}{name} {joined}"


def _leave_out(found: re.Match[str]) -> str | None:
    word = _WORD.search(found.string, max(0, found.start() - 20), found.start())
    if word is None or word[1].lower() in _NO_CITATION.split():
        return None
    return None if len(word[1]) == 1 and found[0][0] == "[" else ""


CITATIONS: tuple[Rule, ...] = (
    rule(
        rf"(?<!\w)((?:{'|'.join(_NAMING.split())})\.? )(\[{_NUMBERS}\](?:, ?\[{_NUMBERS}\]){{0,9}})"
        r"(?!\w)",
        _say_source,
        needs="[",
        flags=re.IGNORECASE,
    ),
    rule(
        rf"(?<=[\w.,;:!?)%'\"’”])[ ]?\[{_NUMBERS}\](?:[,–-]?[ ]?\[{_NUMBERS}\]){{0,9}}"
        rf"(?=[\s.,;:!?)—–]|$)",
        _leave_out,
        needs="[",
    ),
)
