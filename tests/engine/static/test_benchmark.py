"""The benchmark of a GPU can be rehearsed where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import gpu

pytestmark = pytest.mark.long


def test_rehearsal(
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It prints a row for each number of listeners, and what it was measured on."""
    report = tmp_path / "gpu.json"
    words = f"gpu --device cpu --model {tiny_model} --rows 1,2 --seconds 0.6 --times 2"
    monkeypatch.setattr("sys.argv", [*words.split(), "--json", str(report)])
    gpu.main()
    printed = capsys.readouterr().out
    assert "no GPU: " in printed
    assert "streams at real time" in printed
    levels = json.loads(report.read_text("utf-8"))["levels"]
    assert [level["rows"] for level in levels] == [1, 2]
    assert all(level["sample_ms"] > 0 and level["memory_mb"] > 0 for level in levels)
