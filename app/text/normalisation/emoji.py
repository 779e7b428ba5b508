"""This module removes emoji and emoticons.

Reading them out ("smiling face with heart eyes") is what screen readers do, and what listeners of
a spoken text complain about.
"""

from __future__ import annotations

import regex

from app.text.mapped import MappedText

_KEYCAP = regex.compile(r"([0-9#*])\ufe0f?\u20e3")
# Some symbols are emoji only with a selector after them: © ® ™ ‼ ⁉ ℹ arrows Ⓜ.
_EMOJI = regex.compile(
    r"[[\p{Extended_Pictographic}--[©®™‼⁉ℹ↔↕↖↗↘↙↩↪Ⓜ〰〽]]"
    r"\p{Emoji_Modifier}\U0001f1e6-\U0001f1ff\U000e0020-\U000e007f]"
    r"|[©®™‼⁉ℹ↔↕↖↗↘↙↩↪Ⓜ〰〽]\ufe0f"
    r"|[\ufe0e\ufe0f\u20e3]"
    r"|(?<!\p{L}\p{M}?)\u200d",
    flags=regex.V1,
)
_EMOTICON = regex.compile(
    r"¯\\_\(ツ\)_/¯"
    r"|(?<![\w:;=<>^-])"
    r"(?:[:;=]['’]?-?(?:[)(DPO\]|\\/*]|\){2,5}|\({2,5})|<\/?3|[xX]D|\^_{0,3}\^|-_{1,3}-|[oO]_[oO])"
    r"(?![\w/:;=<>*^-])"
)
_ROUNDS = 4
_SPACES = regex.compile(r"(?<=[ \t])[ \t]+")
_BEFORE_MARK = regex.compile(r"(?<=\w)[ \t]+(?=[.,!?;:](?!\w))")


def remove_emoji(text: MappedText) -> MappedText:
    """Remove emoji and emoticons, and the spaces they stood between.

    A keycap ("2️⃣") becomes its digit.
    """
    plain = text.sub(_KEYCAP, lambda found: found[1]).sub(_EMOJI, " ")
    # Removing two emoticons may make a third of what stood between them.
    for _ in range(_ROUNDS):
        before, plain = plain, plain.sub(_EMOTICON, " ")
        if plain is before:
            break
    if plain is text:
        return text
    return plain.sub(_SPACES, "").sub(_BEFORE_MARK, "")
