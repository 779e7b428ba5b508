"""Any bytes of what is finished can be read, and only the takes they are in are opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.jobs.heard import HeardSoFar
from app.jobs.job import Segment
from app.jobs.takes import JobFiles, TakeLost
from app.jobs.timeline import laid_out

LENGTHS = (700, 1, 300)


def heard(folder: Path, *, complete: bool = True) -> HeardSoFar:
    files = JobFiles(folder)
    segments = []
    for number, samples in enumerate(LENGTHS, start=1):
        last = number == 2
        segment = Segment(number, 1 + (number > 2), "Hi.", None, 0, 1, samples, last)
        files.write_take("job", segment, np.arange(samples, dtype="<i2"))
        segments.append(segment)
    placed = laid_out(segments, chapter_pause_seconds=0.01)
    return HeardSoFar(files, "job", placed, complete=complete)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2600), st.integers(0, 2600))
def test_any_range(tmp_path: Path, start: int, end: int) -> None:
    """It is that part of the whole, header and silence included."""
    found = heard(tmp_path)
    whole = b"".join(found.read(0, found.size_bytes))
    assert len(whole) == found.size_bytes == 44 + 2 * (sum(LENGTHS) + 240)
    assert b"".join(found.read(start, min(end, found.size_bytes))) == whole[start:end]


def test_a_take_that_is_lost_is_missed_only_where_it_is_heard(tmp_path: Path) -> None:
    """Who reads beyond it does not need it; who reads it is told which it is."""
    found = heard(tmp_path)
    (tmp_path / "job" / "takes" / "000001.1.wav").unlink()
    assert len(b"".join(found.read(44 + 2 * 700, found.size_bytes))) == 2 * (301 + 240)
    with pytest.raises(TakeLost, match=r"segment 1 is lost .*PATCH"):
        list(found.read(0, 100))


def test_while_it_grows_the_header_says_so(tmp_path: Path) -> None:
    """Bytes that were read stay as they are while more come."""
    found = heard(tmp_path, complete=False)
    assert b"".join(found.read(0, 44))[-4:] == b"\xff" * 4
