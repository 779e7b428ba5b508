"""This module finds the blocks of code in a text: fenced, indented, and those of HTML.

A block is left out, named, or brought into words. Time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.speech import CodeReading
from app.text.mapped import MappedText
from app.text.normalisation.code_words import name_code, speak_code_line

_FENCE = re.compile(
    r"(?P<indent>(?:[ \t]*(?:>|[-*+]|\d{1,3}[.)])[ \t])?[ \t]*)"
    r"(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]{0,200})"
)
_INFO_NAME = re.compile(r"\{?\.?([A-Za-z][\w+#.-]{0,30})")
_HTML_BLOCK = re.compile(
    r"<pre\b[^<>]{0,300}>\s{0,9}<code\b(?:[^<>]{0,100}?language-(?P<name>[\w+#-]{1,30}))?[^<>]{0,300}>"
    r"|(?P<end></code>\s{0,9}</pre>)",
    re.IGNORECASE,
)
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*(?=\S)")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]")
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*(?:[$#>] \w|//|/\*|@\w|</?\w[^<>]*>\s*$)|\w\([^"
    r"()]*\)\s*[:;{]?\s*$|^\s*[)}\]]+[;,]?\s*$"
    r"|^\s*(?:def|class|import|from|return|if|elif|else|for|while|try|except|with|func|fn|let|const|"
    r"var|public|private|static|void|int|print|echo|sudo|pip|npm|git|cd|SELECT|INSERT)\b.*"
    r"[:;(){}=\"'/.-]|[\w\])]\s*(?:[-+*/]?=|==|->|=>|:=|\+=)\s*\S"
)
_ENDS = ".!?:;,"


class CodeBlock(NamedTuple):
    """Marks `text[start:end]` as a block of code, its fences included.

    Attributes:
        lines: the stretches of the lines inside.
        name: how the writer named the language, or nothing.
        closed: whether it ends before the text does.
    """

    start: int
    end: int
    lines: tuple[tuple[int, int], ...]
    name: str
    closed: bool = True


def read_code_blocks(text: MappedText, code: CodeReading, language: str) -> MappedText:
    """Leave the blocks of code out, name each, or bring them into words.

    Args:
        text: the whole of it, so that fences are seen together.
        code: what to do.
        language: of the names and words, two letters.
    """
    blocks = find_code_blocks(text.text)
    if not blocks:
        return text
    parts: list[MappedText | str] = []
    done = 0
    for block in blocks:
        parts += text[done : block.start], "\n"
        if code == "name":
            whole = text[block.start : block.end]
            parts += whole.rewritten(f"{name_code(block.name, language)}."), "\n"
        elif code == "read":
            for start, end in block.lines:
                parts += _spoken_line(text[start:end], language)
        done = block.end
    parts.append(text[done:])
    return MappedText.join(parts)


def _spoken_line(line: MappedText, language: str) -> Iterator[MappedText | str]:
    spoken = speak_code_line(line.text, language)
    if spoken:
        yield line.rewritten(spoken if spoken[-1] in _ENDS else f"{spoken}.")
        yield "\n"


def find_code_blocks(text: str) -> list[CodeBlock]:
    """Find the blocks of code in a text, from left to right."""
    fenced = list(_fenced(text)) if "```" in text or "~~~" in text else []
    others = [*_in_html(text), *_indented(text)]
    return sorted([*fenced, *_outside(others, fenced)])


def _outside(blocks: list[CodeBlock], fenced: list[CodeBlock]) -> Iterator[CodeBlock]:
    """Yield the blocks that lie in no other, which are in order."""
    upcoming = iter(fenced)
    current = next(upcoming, None)
    done = 0
    for block in sorted(blocks):
        while current is not None and current.end <= block.start:
            current = next(upcoming, None)
        if block.start >= done and (current is None or block.end <= current.start):
            yield block
            done = block.end


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, end
        start = end + 1


def _fenced(text: str) -> Iterator[CodeBlock]:
    opened: re.Match[str] | None = None
    lines: list[tuple[int, int]] = []
    for start, end in _lines(text):
        # A fence is looked for only where a line can hold one.
        found = _FENCE.match(text, start, end)
        if opened is None:
            if found is not None and found.end() == end:
                opened, lines = found, []
        elif found is not None and _closes(found, opened) and found.end() == end:
            yield CodeBlock(opened.start("fence"), end, tuple(lines), _info_name(opened))
            opened = None
        else:
            lines.append((start, end))
    if opened is not None:
        yield CodeBlock(
            opened.start("fence"), len(text), tuple(lines), _info_name(opened), closed=False
        )


def _closes(found: re.Match[str], opened: re.Match[str]) -> bool:
    fence = found["fence"]
    return (
        not found["info"].strip()
        and fence[0] == opened["fence"][0]
        and len(fence) >= len(opened["fence"])
    )


def _info_name(found: re.Match[str]) -> str:
    named = _INFO_NAME.match(found["info"])
    return named[1] if named else ""


def _in_html(text: str) -> Iterator[CodeBlock]:
    if "<" not in text:
        return
    opened: re.Match[str] | None = None
    for found in _HTML_BLOCK.finditer(text):
        if opened is None and not found["end"]:
            opened = found
        elif opened is not None and found["end"]:
            inside = text[opened.end() : found.start()]
            offset = opened.end()
            lines = tuple((offset + first, offset + last) for first, last in _lines(inside))
            yield CodeBlock(opened.start(), found.end(), lines, opened["name"] or "")
            opened = None


def _indented(text: str) -> Iterator[CodeBlock]:
    """Find blocks that are indented after an empty line, and hold what is clearly code."""
    if "\n    " not in text and "\n\t" not in text and not text.startswith(("    ", "\t")):
        return
    lines: list[tuple[int, int]] = []
    after_blank, in_list = True, False
    for start, end in (*_lines(text), (len(text), len(text))):
        line = text[start:end]
        blank = not line.strip()
        if _INDENTED.match(line) and (lines or (after_blank and not in_list)):
            lines.append((start, end))
        elif lines and (not blank or start == len(text)):
            yield from _if_code(text, lines)
            lines = []
        if not blank and not line[0].isspace():
            in_list = _LIST_ITEM.match(line) is not None
        after_blank = blank


def _if_code(text: str, lines: list[tuple[int, int]]) -> Iterator[CodeBlock]:
    signs = sum(
        _CODE_LINE.search(text[start : min(end, start + 300)]) is not None for start, end in lines
    )
    if signs * 2 >= len(lines):
        yield CodeBlock(lines[0][0], lines[-1][1], tuple(lines), "")
