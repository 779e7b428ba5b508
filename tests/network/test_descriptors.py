"""How many files the process may have open."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
from app.network.descriptors import descriptor_limit, raise_descriptor_limit
print(descriptor_limit())
raise_descriptor_limit()
print(descriptor_limit())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("limits", "seen"), [("-S -n 100", "100"), ("-n 100", "100")])
def test_limit(limits: str, seen: str) -> None:
    """The soft limit is raised as far as the hard one allows."""
    command = ["sh", "-c", f'ulimit {limits}; exec "$0" -c "$1"', sys.executable, LOOK]
    before, after = subprocess.run(command, capture_output=True, check=True).stdout.split()
    assert before.decode() == seen
    assert int(after) > 100 if "-S" in limits else int(after) == 100
