"""`make audit`, where PyPI cannot be reached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "scripts" / "audit.py"


def test_without_a_network() -> None:
    """It fails, and says in one line that nothing was audited, and why."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    ran = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert ran.stderr.startswith("nothing was audited, PyPI cannot be asked: ")
    assert ran.stderr.count("\n") == 1
