"""This module reads tables of Markdown row by row, each cell with the heading of its column.

A table of one or two columns does without: its cells say enough. Commas part the cells of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
        if len(headings) < _FEWEST_COLUMNS:
            end = _end_of_rows(written, index)
            parts += text[starts[done] : starts[index]], *_barred(text, starts, index, end)
            index = done = end
            continue
        parts += text[starts[done] : starts[index]], "\n"
        index += 2
        done = _end_of_rows(written, index)
        for at in range(index, done):
            end = starts[at] + len(written[at])
            parts += _row(text[starts[at] : end], headings), "\n"
        index = done
    if not parts:
        return text
    parts.append(text[min(starts[done], len(text)) :])
    return MappedText.join(parts)


def _end_of_rows(lines: list[str], index: int) -> int:
    """Return the number of the first line from an index on that is no row of a table."""
    return next((at for at in range(index, len(lines)) if "|" not in lines[at]), len(lines))


def _barred(
    text: MappedText, starts: list[int], begin: int, end: int
) -> Iterator[MappedText | str]:
    """Yield rows, each with a bar in front, which those need that have some inside only."""
    for at in range(begin, end):
        line = text[starts[at] : min(starts[at + 1], len(text))]
        yield "" if line.text.lstrip().startswith("|") else "|"
        yield line


def _headings(line: str, following: str) -> list[str]:
    """Return the headings of the columns, none if no table begins here."""
    if "|" not in line or not _DELIMITER.fullmatch(following):
        return []
    return [cell.strip(_MARKS) for cell in line.strip().strip("|").split("|")]


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
