"""Large tensors lie in large pages, from which a processor reads faster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
PROGRAM = """
import app.engine.precision
import torch

weights = torch.ones(64 << 20)
for line in open("/proc/self/smaps_rollup"):
    if line.startswith("AnonHugePages:"):
        print(line.split()[1])
"""


@pytest.mark.skipif(
    not SETTING.exists() or "[never]" in SETTING.read_text(), reason="no large pages here"
)
def test_large_tensors_lie_in_large_pages() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert int(said.stdout) > (128 << 10)  # kB, of 256 MB; the system may be short of them
