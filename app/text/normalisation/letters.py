"""This module writes letters that are drawn in circles, squares, wide or bold as plain letters.

They are used for show, "ⓗⓔⓛⓛⓞ" or "Ｈｅｌｌｏ", and by keyboards of East Asia.
"""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType

import regex

from app.text.mapped import MappedText

_SHAPED = regex.compile(
    # Wide signs, but for the punctuation that ends sentences as it is.
    r"[\uff01-\uff5e--[！（），：；？]]"
    # Behind letters of the West, that punctuation is only wide too.
    r"|(?<=[\p{Latin}\p{Nd})）])[！（），：；？]"
    r"|[㋌-㋏㍱-㏟㏿]"
    r"|[Ⓐ-ⓩ⒜-⒵ﬀ-ﬆ\U0001f110-\U0001f169\U0001f170-\U0001f189]"
    r"|[\U0001d400-\U0001d7ff]"
    r"|[ℂℊ-ℓℕℙ-ℝℤℨℬℭℯ-ℱℳℴ]"
    # Raised letters stand after words, as in "4ᵗʰ", or are exponents, as in "xⁿ".
    r"|[ʰ-ʸˡ-ˣᴀ-ᵪⁿⁱʙɢʜɪʟɴʀʏꜰꜱ]",
    flags=regex.V1,
)
_WORD_SIGNS = MappingProxyType({
    "🆗": "OK", "🆕": "new", "🆒": "cool", "🆓": "free", "🆘": "SOS", "🆙": "up", "🆚": "versus",
    "🆔": "ID", "🆎": "AB", "🆑": "CL", "🅾": "O", "🅿": "P", "℡": "Tel.", "℠": "",
})  # fmt: skip
_WORD_SIGN = regex.compile(f"[{''.join(_WORD_SIGNS)}]\ufe0f?")
_STRUCK_OUT = regex.compile(
    r"(?<=[\p{L}\p{M}\p{N}])[\u0305\u0332-\u0338\u20d2\u20d3\u20dd-\u20e5]+"
)
_HEAPED = regex.compile(r"(\p{Latin})\p{Mn}{2,200}")
_ENCIRCLED = regex.compile("[①-⒛⓪-⓿❶-➓]")
_NAME = re.compile(r"(?:LATIN|SQUARED|CIRCLED|CAPITAL|SMALL|LETTER|NEGATIVE| )+ ([A-Z])")


def plain_letters(text: MappedText) -> MappedText:
    """Write each letter that has a shape of its own, as the letter it stands for."""
    if text.text.isascii():
        return text
    text = text.sub(_STRUCK_OUT, "").sub(_HEAPED, _without_heap)
    text = text.sub(_WORD_SIGN, lambda found: _WORD_SIGNS[found[0][0]])
    return text.sub(_SHAPED, _plain).sub(_ENCIRCLED, _plain_number)


def _without_heap(found: regex.Match[str]) -> str | None:
    """Leave a letter without its many marks; with those of a language it is one character."""
    if len(unicodedata.normalize("NFC", found[0])) == 1:
        return None
    return unicodedata.normalize("NFD", found[1])[0]


def _plain_number(found: regex.Match[str]) -> str:
    following = found.string[found.end() : found.end() + 1]
    stop = "." if "⒈" <= found[0] <= "⒛" else ""
    return f"{unicodedata.numeric(found[0]):.0f}{stop}{' ' if following.isalnum() else ''}"


def _plain(found: regex.Match[str]) -> str | None:
    char = found[0]
    plain = unicodedata.normalize("NFKC", char)
    if char == "ⁿ" and found.string[found.end() : found.end() + 1] == "ᵈ":
        return plain
    if char in "ⁿⁱ" and found.string[found.start() - 1 : found.start()].isalnum():
        return f"^{plain}"
    if char == "ᵒ" and found.string[found.start() - 1 : found.start()] in {"n", "N"}:
        return "°"
    if plain != char:
        return plain.strip("()") or plain
    # The black ones have no plain form in Unicode's tables, but a name that tells it.
    named = _NAME.fullmatch(unicodedata.name(char, ""))
    if named is None:
        return None
    return named[1].lower() if "LETTER SMALL CAPITAL" in unicodedata.name(char) else named[1]
