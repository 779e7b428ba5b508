"""The end of a process whose threads are within the model's library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, sys, threading
import torch
from app.process_end import end_process

at_work = threading.Event()

def work():
    weights = torch.ones(64, 64)
    while True:
        weights.clone().uniform_(-1, 1).matmul(weights)
        at_work.set()

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
at_work.wait()
logging.warning("logged")
sys.stdout.write("printed")
end_process(int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 3])
def test_threads_in_torch(code: int) -> None:
    """The code is the one that was asked for, and all that was said has been written."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(code)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (code, b"printed")
    assert ended.stderr.decode().splitlines() == ["WARNING:root:logged"]
