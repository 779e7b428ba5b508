"""This module says the signs that no other rule has taken, or drops them."""

from __future__ import annotations

import re
import unicodedata

import regex

from app.text.mapped import MappedText
from app.text.normalisation.rules import Rule, apply_rules, rule

_SPOKEN = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "‰": "per mille",
    "#": "hash", "~": "", "<": "less than", ">": "greater than", "≤": "at most", "≥": "at least",
    "≠": "is not equal to", "≈": "about", "≡": "is identical to", "×": "times", "÷": "divided by",
    "±": "plus or minus", "∓": "minus or plus", "−": "minus", "§": "section", "¶": "paragraph",
    "©": "copyright", "→": "to", "⇒": "implies", "↔": "to and from", "←": "from", "°": "degrees",
    "º": "", "ª": "", "$": "dollars", "€": "euros", "£": "pounds", "¥": "yen", "¢": "cents",
    "₹": "rupees", "∞": "infinity", "√": "square root of", "∑": "sum of", "∈": "in", "∂": "partial",
    "∫": "integral of", "Ω": "ohms", "\\": "backslash", "℃": "degrees Celsius", "*": "", "_": "",
    "^": "", "|": "", "™": "", "®": "", "/": "slash", "†": "", "‡": "", "♭": "flat", "♯": "sharp",
    "♮": "natural",
    "∛": "cube root of", "∜": "fourth root of",
    "∴": "therefore", "∵": "because", "∀": "for all", "∃": "there exists",
    "∪": "union", "∩": "intersect", "∅": "the empty set", "∇": "nabla", "•": "", "·": "",
}  # fmt: skip
SIGN_NAMES = {
    ".": "dot", ",": "comma", "-": "dash", "_": "underscore", "/": "slash", "@": "at", "&": "and",
    "#": "hash", "*": "star", "+": "plus", ":": "colon", ";": "semicolon", "?": "question mark",
    "!": "exclamation mark", "%": "percent", "$": "dollar", "(": "open parenthesis",
    ")": "close parenthesis", "'": "apostrophe", '"': "quote", "=": "equals", "\\": "backslash",
    "~": "tilde", "<": "less than", ">": "greater than", "|": "bar", "^": "caret",
}  # fmt: skip
"""These are the names of signs where a text is spelled out."""

_SYMBOL = regex.compile(
    r"[^\p{L}\p{M}\p{N}\s.,!?;:'\"()\-–—。！？、，；：「」『』（）।۔؟،؛¿¡‹›【】…]"
)
_GREEK_LETTER = regex.compile(r"(?<![\p{L}\p{M}])\p{Greek}(?![\p{L}\p{M}])")
_DOLLAR_LETTER = regex.compile(r"(?<=[a-z])\$(?=[a-z])|(?<=[A-Z])\$(?=[A-Z])")
"""It is an S for show: "Ke$ha"."""


def _say_dots(found: re.Match[str]) -> str:
    return " ".join(["dot"] * len(found[0])) + " "


_BEFORE: tuple[Rule, ...] = (
    # It marks a share or a variable: "$AAPL", "$HOME".
    rule(r"^\$ (?=[a-z./~])", "", needs="$", flags=re.MULTILINE),
    rule(r"(?<!\w)\$(?=[A-Za-z_(])", "", needs="$"),
    rule(r"(?<!\S)~(?=/)", "tilde ", needs="~"),
    # It begins the name of a hidden file, of this folder, or of ".NET".
    rule(
        r"(?:(?<=[\s(/])|^)\.{1,2}(?=/[\w.])|(?:(?<=[\s(/])|^)\.(?=[A-Za-z]{2})",
        _say_dots,
        needs=".",
        flags=re.MULTILINE,
    ),
    rule(r" ?&{2,} ?", " and ", needs="&"),
    rule(r"(?<=\w) ?\|\| ?(?=\w)", " or ", needs="|"),
    rule(r"§{2,}", " sections ", needs="§"),
    rule(r" ?<(?:-|=){1,2}> ?", " to ", needs="<"),
    rule(r"(?<=\w)->(?=\w)| ?(?:-|=){1,2}> ?", " to ", needs=">"),
    rule(r"(?<!\w)and/or(?!\w)", "and or", needs="/"),
    rule(
        r"(?<!\w)([Oo]nce|[Tt]wice|times)/(?=(?:hour|day|week|month|year|night)(?!\w))",
        lambda found: f"{found[1]} {'an' if found.string[found.end()] == 'h' else 'a'} ",
        needs="/",
    ),
    rule(r"(?<=[^\W\d_])/(?=[^\W\d_])", " slash ", needs="/"),
)
_AFTER: tuple[Rule, ...] = (
    rule(r"\( ?\)", ""),
    rule(r"[^\S\n ][^\S\n]*|  [^\S\n]*", " "),
    rule(r"(?m)^[- ]*(?:-(?= )|(?<= )) *| +$", ""),
    rule(r"(?<=\w) (?=[.,!?;:](?!\w|\.))", ""),
    rule(r"(?<=[^\W\d_]{2}),(?=[^\W\d_]{2})", ", ", needs=","),
    rule(r"\n{3,}", "\n\n"),
)


def speak_symbols(text: MappedText) -> MappedText:
    """Say or drop every sign that is neither letter, space nor punctuation, and tidy the spaces."""
    text = apply_rules(text.sub(_DOLLAR_LETTER, _letter_for_dollar), _BEFORE)
    return text.sub(_GREEK_LETTER, _name_letter).sub(_SYMBOL, _speak_sign)


def _letter_for_dollar(found: regex.Match[str]) -> str:
    return "S" if found.string[found.start() - 1].isupper() else "s"


def tidy_spaces(text: MappedText) -> MappedText:
    """Leave one space of several, none before a mark, and no more than one empty line."""
    return apply_rules(text, _AFTER)


def _speak_sign(found: regex.Match[str]) -> str:
    char = found[0]
    spoken = _SPOKEN.get(char)
    if spoken is None:
        return " " if unicodedata.category(char)[0] in "SPCZ" else char
    return f" {spoken} " if spoken else " "


def _name_letter(found: regex.Match[str]) -> str:
    name = unicodedata.name(found[0], "")
    if "LETTER" not in name or " WITH " in name:
        return found[0]
    return name.rpartition(" ")[2].lower().replace("lamda", "lambda")
