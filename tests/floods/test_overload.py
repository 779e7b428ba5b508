"""Ten times what can be served: some are served without gaps, the others refused at once."""

from __future__ import annotations

import sys

import pytest

from benchmarks.overload import run, share_of

MINUTES = 1.0


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_ten_times_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is cut off or left without an answer, and the server is itself again soon after."""
    report = run(MINUTES)
    with capsys.disabled():
        print(f"\n{report}")
    load = report.load
    assert load.heard
    assert load.refused
    assert not load.broken
    assert all(each.retry_after for each in load.refused)
    assert load.gap_free_share >= 0.99
    assert share_of(load.refusal_seconds, 0.5) < 0.1
    assert share_of(load.health_seconds, 0.99) < 0.05
    assert report.recovery_seconds < 5
