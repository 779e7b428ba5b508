"""This module reads what takes up whole stretches of a text: thoughts, scripts and blocks of code.

Both may be longer than what is read at a time, so they are looked for in all of a text; one that
is still being written is not parted inside of them.
"""

from __future__ import annotations

import re

from app.speech import CodeReading
from app.text.code_blocks import find_code_blocks, read_code_blocks
from app.text.mapped import MappedText
from app.text.unspoken import Stretch, find_unspoken, leave_out_unspoken

_POSSIBLE_END = re.compile(r"</|<\||\[/|◁/|```|~~~")
_HALF_MARK_CHARS = 40
_HALF_MARK = re.compile(
    r"<(?:/|\|)?[A-Za-z_:|]{0,30}\Z|\[/?T?H?I?N?K?\Z|◁/?[a-z]{0,5}\Z|(?:(?<=\n)|\A)[ \t]{0,9}"
    r"(?:`{1,2}|~{1,2})\Z"
)
_MARK = re.compile(r"[<\[◁`~]")


def read_blocks(text: MappedText | str, *, language: str, code: CodeReading = "skip") -> MappedText:
    """Leave out what is not to be said of a whole text, and read its blocks of code.

    Args:
        text: Unicode text of any kind.
        language: two letters as in "en".
        code: what becomes of blocks of code.
    """
    return read_code_blocks(leave_out_unspoken(MappedText.of(text)), code, language)


def may_close(text: str) -> bool:
    """Tell whether something in a text may be the end of a block."""
    return _POSSIBLE_END.search(text) is not None


def half_mark_start(text: str) -> int:
    """Return where half of a mark stands at the end of a text, or else where the text ends."""
    half = _HALF_MARK.search(text, max(0, len(text) - _HALF_MARK_CHARS))
    return len(text) if half is None else half.start()


def find_blocks(text: str) -> list[Stretch]:
    """Find the stretches that belong together in a text that is still being written, in order."""
    if not _MARK.search(text):
        return []
    blocks = find_unspoken(text)
    if "```" in text or "~~~" in text:
        fenced = (each for each in find_code_blocks(text) if text[each.start] in "`~")
        blocks += [Stretch(each.start, each.end, each.closed) for each in fenced]
    return _joined(sorted(blocks))


def _joined(blocks: list[Stretch]) -> list[Stretch]:
    """Take blocks that overlap as one."""
    joined: list[Stretch] = []
    for block in blocks:
        if joined and block.start < joined[-1].end:
            last = joined[-1]
            end = max(last.end, block.end)
            joined[-1] = Stretch(last.start, end, last.closed and block.closed)
        else:
            joined.append(block)
    return joined
