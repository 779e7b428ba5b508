"""This module says moves of chess in English: "Nf3", "Qxf7+"."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import cardinal
from app.text.normalisation.rules import Rule, rule

_ENDS = {"+": ", check", "#": ", mate", "": ""}


def _move(found: re.Match[str]) -> str:
    squares = " ".join(
        "takes" if char == "x" else cardinal(char) if char.isdigit() else char for char in found[1]
    )
    return squares + _ENDS[found[2] or ""]


CHESS: tuple[Rule, ...] = (
    rule(
        r"(?<![\w.#-])([KQRBN][a-h]?[1-8]?x?[a-h][1-8]|[a-h]x[a-h][1-8])([+#])?(?![\w])",
        _move,
        needs="12345678",
    ),
)
