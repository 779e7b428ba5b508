"""This module reads tables of Markdown row by row, each cell with the heading of its column.

A table of one or two columns does without: its cells say enough. Commas part the cells of HTML.
"""

from __future__ import annotations

import re

from app.text.mapped import MappedText

_DELIMITER = re.compile(r"[ \t]{0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*){1,60}\|?[ \t]*")
_CELL = re.compile(r"(?:[^|\\]|\\.)+")
_FEWEST_COLUMNS = 3
_MARKS = "*_`~ \t"
_HTML_CELLS = re.compile(r"</t[dh]>\s{0,20}<t[dh](?:\s[^<>]{0,300})?>", re.IGNORECASE)


def read_tables(text: MappedText) -> MappedText:
    """Say the rows of tables that have a heading and three columns or more."""
    if "<" in text.text:
        text = text.sub(_HTML_CELLS, ", ")
    if "|" not in text.text or "-" not in text.text:
        return text
    written = text.text.split("\n")
    starts = [0]
    for line in written:
        starts.append(starts[-1] + len(line) + 1)
    parts: list[MappedText | str] = []
    done = index = 0
    while index + 1 < len(written):
        headings = _headings(written[index], written[index + 1])
        if not headings:
            index += 1
            continue
        parts += text[starts[done] : starts[index]], "\n"
        index += 2
        while index < len(written) and "|" in written[index]:
            end = starts[index] + len(written[index])
            parts += _row(text[starts[index] : end], headings), "\n"
            index += 1
        done = index
    if not done:
        return text
    parts.append(text[min(starts[done], len(text)) :])
    return MappedText.join(parts)


def _headings(line: str, following: str) -> list[str]:
    """Return the headings of the columns, none if no table begins here that needs them."""
    if "|" not in line or not _DELIMITER.fullmatch(following):
        return []
    headings = [cell.strip(_MARKS) for cell in line.strip().strip("|").split("|")]
    return headings if len(headings) >= _FEWEST_COLUMNS else []


def _row(line: MappedText, headings: list[str]) -> MappedText:
    parts: list[MappedText | str] = []
    bare = line.strip().strip("|")
    for column, found in enumerate(_CELL.finditer(bare.text)):
        cell = bare[found.start() : found.end()].strip()
        if not any(map(str.isalnum, cell.text)):
            continue
        heading = headings[column] if 0 < column < len(headings) else ""
        parts += (", " if parts else ""), (f"{heading} " if heading else ""), cell
    if not parts:
        return MappedText("")
    last = parts[-1]
    ends = isinstance(last, MappedText) and last.text[-1:] in ".!?"
    return MappedText.join(parts if ends else (*parts, "."))
