"""Runs the command `bench`: the benchmarks, which are installed beside the app."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence

from app.cli.exits import ExitCode, Refused


def bench(arguments: Sequence[str]) -> int:
    """Run `python -m benchmarks` with these arguments, and return its exit code.

    Raises:
        Refused: there is no such package here.
    """
    if importlib.util.find_spec("benchmarks") is None:
        raise Refused(
            "there is no benchmarks package here: install it again, or use a checkout",
            ExitCode.FAILED,
        )
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the user's own arguments
