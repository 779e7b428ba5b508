"""This module has what the rules for figures share."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.text.full_stops import begins_sentence
from app.text.normalisation.rules import Rule, rule

DASH = r"[-–—]"
_NEW_SENTENCE = re.compile(r"[\"'”»)]{0,2}(?:\s*\Z|[^\S\n]*\n)")


def figure_rule(
    pattern: str, speak: Callable[[re.Match[str]], str | None] | str, *, flags: int = 0
) -> Rule:
    """Build a rule for something that is written with digits; other texts are passed over."""
    return rule(pattern, speak, needs="0123456789", flags=flags)


def ended_stop(found: re.Match[str]) -> str:
    """Return the full stop at the end of a match if a sentence ends there, or else nothing."""
    if kept_stop(found):
        return "."
    ahead = found.string[found.end() : found.end() + 40].lstrip()
    return "." if found[0].endswith(".") and begins_sentence(ahead) else ""


def kept_stop(found: re.Match[str]) -> str:
    """Return the full stop at the end of a match if nothing follows it, or else nothing.

    What a capital follows may be a noun in German, and a name everywhere; that is no new sentence.
    """
    ends = found[0].endswith(".") and _NEW_SENTENCE.match(found.string, found.end())
    return "." if ends else ""
