"""docs/clients.md names only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "clients.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("|") and "tests/" in line]


def named_in(row: str) -> list[tuple[str, str | None]]:
    """(file, function) of each test in a row; `::name` and a bare name are in the file before."""
    found: list[tuple[str, str | None]] = []
    for name in re.findall(r"`([^`]*)`", row.rstrip("| ").rpartition("|")[2]):
        file, _, function = name.rpartition("::") if "::" in name else (name, "", "")
        if not name.startswith("tests/"):
            file, function = found[-1][0], name.removeprefix("::")
        found.append((file, function or None))
    return found


@pytest.mark.parametrize("row", ROWS)
def test_the_tests_exist(row: str) -> None:
    """Each row points at one test at least, and all it points at are there."""
    named = named_in(row)
    assert named
    for file, function in named:
        source = (ROOT / file).read_text("utf-8")
        if function is not None:
            assert re.search(rf"^(async )?def {function}\(", source, re.MULTILINE), (file, function)


def test_every_row_has_one() -> None:
    """No row of a client is without a test."""
    tables = re.findall(r"^\| client \|.*?(?=\n\n)", PAGE, re.DOTALL | re.MULTILINE)
    assert len(tables) == 10
    for table in tables:
        for row in table.splitlines()[2:]:
            assert "tests/" in row, row
