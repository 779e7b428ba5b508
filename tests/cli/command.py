"""How tests run the command line: as a process, or in this one where a start is not the point."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from app.cli.main import outcome

ROOT = Path(__file__).parent.parent.parent
_KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
_NONE: Mapping[str, str] = MappingProxyType({})
LIMIT_SECONDS = 180


def environment(**variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **variables}


def run_command(
    folder: Path, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] = _NONE
) -> subprocess.CompletedProcess[bytes]:
    """`python -m app …` in `folder`, until it ends."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=folder,
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def start_command(
    folder: Path, *arguments: str, variables: Mapping[str, str], **pipes: Any
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        cwd=folder,
        env=environment(**variables),
        **{"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, **pipes},
    )


def interrupt(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGINT) -> None:
    """It ends at once, with 130 and one word."""
    process.send_signal(how)
    assert process.wait(10) == 130
    assert process.stderr is not None
    assert process.stderr.read() == b"interrupted\n"
    process.stderr.close()


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@dataclass
class Here:
    """Runs commands in this process, with the working folder and environment of a test."""

    folder: Path
    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ended:
        self.captured.readouterr()
        code, message = outcome(arguments)
        shown = self.captured.readouterr()
        return Ended(code, shown.out, shown.err + message)


def here(
    folder: Path, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]
) -> Iterator[Here]:
    handler = signal.getsignal(signal.SIGTERM)
    patch.chdir(folder)
    yield Here(folder, patch, captured)
    signal.signal(signal.SIGTERM, handler)


def files_in(folder: Path) -> list[str]:
    """Names of everything in it, also of what is hidden."""
    return sorted(path.name for path in folder.iterdir())
