"""This module writes quotes, dashes, brackets, spaces and repeated marks in one form."""

from __future__ import annotations

import re

from app.text.mapped import MappedText
from app.text.normalisation.rules import Rule, apply_rules, rule

_LETTERS = str.maketrans(
    {
        "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "`": "'", "´": "'", "′": "'", "‵": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "″": '"',
        "‐": "-", "‑": "-", "‒": "–", "―": "—", "⸺": "—", "⸻": "—", "﹣": "-", "－": "-",
        "\u00a0": " ", "\u202f": " ", "\u2007": " ", "\u2009": " ", "\u200a": " ", "\u2002": " ",
        "\u2003": " ", "\u2004": " ", "\u2005": " ", "\u2006": " ", "\u2008": " ", "\t": " ",
        "％": "%", "＄": "$", "＃": "#", "＆": "&", "＋": "+", "＝": "=", "＠": "@", "￡": "£",
        "￥": "¥", "⁄": "/", "∕": "/", "∶": ":", "µ": "μ", "∙": "·", "⋅": "·", "[": "(", "]": ")",
        "{": "(", "}": ")", "﹪": "%", "﹩": "$",
        "‼": "!", "⁉": "?", "⁇": "?", "⁈": "?",
    }
)  # fmt: skip
_LONGER = {
    "ﬁ": "fi", "ﬂ": "fl", "…": "...", "℃": "°C", "℉": "°F", "℅": "c/o ",
}  # fmt: skip
_LONGER_CHARACTER = re.compile(f"[{''.join(_LONGER)}]")
_NUMERO = re.compile("№ ?")
_REPEATED: tuple[Rule, ...] = (
    rule(r"[!?]{2,}", lambda found: "?" if "?" in found[0] else "!"),
    rule(r"\.{4,}", "..."),
    rule(r"([,;:])\1+", lambda found: found[1]),
    # Characters in a row draw a line, which separates; other symbols are repeated for effect.
    rule(r"([-=_*~#+^/\\|<>·•])\1{2,}", " "),
    rule(r"(?<=\d)º(?!\w)", "°", needs="º"),
    rule(r"(?<=[\w)]) <> (?=[\w(])", " ≠ ", needs=">"),
    rule(r"\([cC]\) ?(?=(?:19|20)\d\d(?!\d))", "© ", needs="("),
    rule(r"(?<=I )<3(?= [a-z])", "love", needs="<"),
    rule(r"(?<=[\w)])(?: \*\* (?=\S)| ?\*\* ?(?=\d))", "^", needs="*"),
    # An option of a command is no dash: "run it with --force".
    rule(
        r"(?<!\S)--(?=[a-z][\w-]{1,40}(?:[=\s.,;)]|$))(?![^\n]{1,100}[^\s-]--)",
        "dash dash ",
        needs="-",
    ),
    rule(r"(?<=[^-])--(?=[^-])", "—"),
    rule(r"([^\w\s.!?'\"/<>&=+*|§-])\1+", lambda found: found[1]),
    rule(r"([\"'])\1+", lambda found: found[1]),
)
_THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}(?:[\u00a0\u202f\u2009']\d{3}){1,11}(?![\w'])")
_SPACED_THOUSANDS = re.compile(
    r"(?<![\w.,+(-])(?<!\d )(?:(?:[1-9]\d?(?: \d{3}){0,3}|[1-9]\d\d) 000(?![ ]?\d|[.,]\d|\w)"
    r"|[1-9]\d? \d{3}(?= [a-z]{3}))"
)
_CONTINENTAL = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{3}){1,5},\d{1,2}(?!\w|[.,]\d)")
_DECIMAL_MARKS = str.maketrans(".,", ",.")
_GROUPED_WITH_LINES = re.compile(r"(?<![\w.,])\d{1,3}(?:_\d{3}){1,11}(?!\w)")


def plain_characters(text: MappedText) -> MappedText:
    """Write quotes, dashes, brackets and spaces in one way, and repeated marks once."""
    text = text.sub(_THOUSANDS, lambda found: re.sub(r"\D", ",", found[0]))
    text = text.sub(_SPACED_THOUSANDS, lambda found: found[0].replace(" ", ","))
    text = text.sub(_CONTINENTAL, lambda found: found[0].translate(_DECIMAL_MARKS))
    text = text.sub(_GROUPED_WITH_LINES, lambda found: found[0].replace("_", ","))
    text = text.translate(_LETTERS).sub(_LONGER_CHARACTER, lambda found: _LONGER[found[0]])
    text = text.sub(_NUMERO, "No. ")
    return apply_rules(text, _REPEATED)
