"""Asks PyPI whether a weakness is known of any package in the two requirements files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = ("requirements.txt", "requirements-dev.txt")


def main() -> int:
    """Run pip-audit; return its exit code, which is not 0 if a package could not be looked up."""
    files = [part for name in FILES for part in ("--requirement", str(ROOT / name))]
    options = ("--strict", "--disable-pip", "--no-deps", "--progress-spinner", "off")
    ran = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout, end="")
    lines = ran.stderr.strip().splitlines()
    if "Traceback (most recent call last):" in lines:
        print(f"nothing was audited, PyPI cannot be asked: {lines[-1]}", file=sys.stderr)
    else:
        print(ran.stderr, end="", file=sys.stderr)
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
