"""What was found out about a model is found again, unless the file is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.engine.alignment import kept
from app.speech_engine import ESTIMATED, Alignment, Head
from tests.serving import LogRecords

FOUND = Alignment("attention", (Head(2, 0), Head(4, 1)), 0.81, -0.02)


@pytest.mark.parametrize("alignment", [FOUND, ESTIMATED])
def test_round_trip(tmp_path: Path, alignment: Alignment) -> None:
    """One model's is not another's."""
    kept.keep(tmp_path / "new", "abc", alignment)
    assert kept.load(tmp_path / "new", "abc") == alignment
    assert kept.load(tmp_path / "new", "abd") is None


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"null",
        b"\xff\x00",
        b'{"method": "magic"}',
        b'{"heads": [[1, 2]]}',
        b'{"method": "attention"}',
        b'{"method": "estimated", "heads": [[1, 2]]}',
        b'{"method": "attention", "heads": [[1, 2]], "gain": 0.8, "offset_seconds": NaN}',
        b'{"method": "attention", "heads": [[1, 2]], "gain": 0.8, "offset_seconds": 60}',
    ],
)
def test_a_damaged_file_counts_as_none(
    tmp_path: Path, damaged: bytes, log_records: LogRecords
) -> None:
    """The log says so."""
    kept.keep(tmp_path, "abc", FOUND)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damaged)
    assert kept.load(tmp_path, "abc") is None
    assert any(path.name in record.getMessage() for record in log_records.kept)


def test_a_disk_that_refuses_does_no_harm(tmp_path: Path, log_records: LogRecords) -> None:
    (tmp_path / "file").write_text("in the way")
    kept.keep(tmp_path / "file", "abc", FOUND)
    assert any("is not kept" in record.getMessage() for record in log_records.kept)
