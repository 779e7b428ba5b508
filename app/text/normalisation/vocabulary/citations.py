"""This module leaves out the numbers of citations: "wie gezeigt [1], [2, 3]".

Where a sentence names the source by its number, "siehe [12]", it is said.
"""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.saying import Saying

_NUMBERS = r"[1-9]\d{0,2}(?:[ ]?[,–-][ ]?\d{1,3}){0,9}"
_SEVERAL = re.compile(r"[,–-]")
_WORD = re.compile(r"([^\W\d_]+)\W{0,2}\Z")


def citation_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for numbers in square brackets behind words."""
    words = language.words.citations

    def say_source(found: re.Match[str]) -> str:
        numbers = found[2][1:-1]
        parts = [part.strip() for part in numbers.split(",")]
        joint = f" {language.words.signs.ampersand} "
        joined = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}{joint}{parts[-1]}"
        name = words.source.many if _SEVERAL.search(numbers) else words.source.one
        return f"{found[1]}{name} {joined}"

    def leave_out(found: re.Match[str]) -> str | None:
        word = _WORD.search(found.string, max(0, found.start() - 24), found.start())
        if word is None or re.fullmatch(words.not_after, word[1], re.IGNORECASE):
            return None
        return None if len(word[1]) == 1 and found[0][0] == "[" else ""

    return (
        rule(
            rf"(?<!\w)((?:{words.naming})\.? )(\[{_NUMBERS}\])(?!\w)",
            say_source,
            needs="[",
            flags=re.IGNORECASE,
        ),
        rule(
            rf"(?<=[\w.,;:!?)%'\"’”“»])[ ]?\[{_NUMBERS}\](?:[,–-]?[ ]?\[{_NUMBERS}\]){{0,9}}"
            r"(?=[\s.,;:!?)—–»]|$)",
            leave_out,
            needs="[",
        ),
    )
