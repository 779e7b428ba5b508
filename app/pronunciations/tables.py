"""Reads and writes pronunciations as CSV, as spreadsheets have it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from app.errors import shortened
from app.lexicon import Pronunciation, checked
from app.pronunciations.lines import LineError

COLUMNS = Pronunciation._fields
"""These are written; without a first row of names they are read in this order."""

_DELIMITERS = ",;\t"
_SWITCHES: Mapping[str, bool] = {
    **dict.fromkeys(("true", "1", "yes"), True),
    **dict.fromkeys(("false", "0", "no"), False),
}


def read_csv(text: str) -> list[Pronunciation]:
    """Read a table with a row for each pronunciation, divided by commas, semicolons or tabs.

    The first row may name its columns, of which `written` and `spoken` are needed; without one the
    columns are those of `COLUMNS`, and those at the end may be missing.

    Raises:
        LineError: some rows are wrong.
    """
    found: list[Pronunciation] = []
    wrong: list[tuple[int, str]] = []
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    columns: Sequence[str] = COLUMNS
    try:
        for place, row in enumerate(rows):
            if not any(cell.strip() for cell in row):
                continue
            names = [cell.strip().lower() for cell in row]
            if place == 0 and {"written", "spoken"} <= set(names):
                if unknown := [name for name in names if name not in COLUMNS]:
                    raise LineError(
                        [(1, f"there is no column {shortened(unknown[0], 40)!r}; {_columns()}")]
                    )
                columns = names
                continue
            try:
                found.append(_pronunciation(columns, row))
            except ValueError as error:
                wrong.append((rows.line_num, str(error)))
    except csv.Error as error:
        wrong.append((rows.line_num, f"it is not CSV: {error}"))
    if wrong:
        raise LineError(wrong)
    return found


def write_csv(pronunciations: Iterable[Pronunciation]) -> str:
    """Write a table that `read_csv` reads as the same pronunciations."""
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for each in pronunciations:
        table.writerow(
            [
                each.written,
                each.spoken,
                each.language or "",
                str(each.case_sensitive).lower(),
                str(each.whole_words).lower(),
            ]
        )
    return written.getvalue()


def _delimiter(text: str) -> str:
    """Choose what divides the cells: what the first row has most of."""
    first = text.lstrip("\n\r").split("\n", 1)[0]
    return max(_DELIMITERS, key=first.count)


def _pronunciation(columns: Sequence[str], row: Sequence[str]) -> Pronunciation:
    if len(row) > len(columns) or len(row) < 2:
        raise ValueError(f"it has {len(row)} cells; {_columns()}")
    cells = {name: cell.strip() for name, cell in zip(columns, row, strict=False)}
    return checked(
        Pronunciation(
            cells.get("written", ""),
            cells.get("spoken", ""),
            cells.get("language") or None,
            _switch(cells, "case_sensitive", unsaid=False),
            _switch(cells, "whole_words", unsaid=True),
        )
    )


def _switch(cells: Mapping[str, str], name: str, *, unsaid: bool) -> bool:
    cell = cells.get(name, "").lower()
    if not cell:
        return unsaid
    if cell not in _SWITCHES:
        raise ValueError(f"{name} must be true or false; it is {shortened(cell, 40)!r}")
    return _SWITCHES[cell]


def _columns() -> str:
    return f"the columns are {', '.join(COLUMNS)}"
