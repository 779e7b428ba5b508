"""Finds processes, tasks and pipes that a test leaves behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def children() -> set[int]:
    """List running or unreaped processes that this one started (on Linux)."""
    main_thread = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(child) for child in main_thread.read_text().split()}


@contextmanager
def nothing_left_behind(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that a block leaves no child, task, open transport or complaint of asyncio behind."""
    before = children() if sys.platform == "linux" else set()
    yield
    if sys.platform == "linux":
        assert children() <= before
    assert asyncio.all_tasks() <= {asyncio.current_task()}
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []
