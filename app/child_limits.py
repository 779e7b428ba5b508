"""Limits what a child process that reads strangers' files may use of the machine.

The limits are put on the child from outside, as it starts: code that runs between fork and exec
would run in a process of many threads, where any lock may be held for ever.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from app.bounds import ChildLimits
from app.work import CancelToken

if sys.platform != "win32":
    import resource

_KB = 1024
_STDERR_KEPT_BYTES = 4000
# A system ends what has used up its seconds of CPU with one of these.
_OUT_OF_CPU = (getattr(signal, "SIGXCPU", None), getattr(signal, "SIGKILL", None))
# Nobody uses them up in a smaller part of their number, on however many cores; so somebody else,
# such as a system short of memory, has ended what was killed before.
_FASTEST = 0.25


@dataclass(frozen=True, slots=True)
class ChildOutcome:
    """Holds what a child wrote before it ended, and how it ended."""

    data: bytes
    exit_status: int
    timed_out: bool
    was_killed: bool
    """Somebody else has ended it."""
    messages: str


def run_limited(
    command: Sequence[str],
    limits: ChildLimits,
    *,
    stdin: IO[bytes],
    max_bytes: int,
    cancel: CancelToken,
) -> ChildOutcome:
    """Run a child within `limits`, and return the first `max_bytes` of its output. Blocks.

    Args:
        cancel: ends the child when nobody waits for it.

    Raises:
        OSError: it does not start.
    """
    timed_out = threading.Event()
    kept: list[bytes] = []
    began_seconds = time.monotonic()
    started = start_limited(command, limits, stdin=stdin)
    with started as process, cancel.calling(process.kill):
        assert process.stdout is not None and process.stderr is not None  # noqa: PT018

        def stop() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(limits.wall_seconds, stop)
        messages = threading.Thread(target=_keep_start, args=(process.stderr, kept))
        timer.start()
        messages.start()
        try:
            data = process.stdout.read(max_bytes)
            process.stdout.close()
            exit_status = process.wait()
        finally:
            timer.cancel()
            process.kill()
            messages.join()
            timer.join()
    cancel.check()
    took_seconds = time.monotonic() - began_seconds
    was_ended = -exit_status in _OUT_OF_CPU and len(data) < max_bytes and not timed_out.is_set()
    too_soon = took_seconds < _FASTEST * limits.cpu_seconds
    return ChildOutcome(
        data,
        exit_status,
        timed_out=timed_out.is_set() or (was_ended and not too_soon),
        was_killed=was_ended and too_soon,
        messages=b"".join(kept).decode(errors="replace"),
    )


def _keep_start(stream: IO[bytes], kept: list[bytes]) -> None:
    """Read a stream to its end, so that the child never waits, and keep what a log can use."""
    room = _STDERR_KEPT_BYTES
    while piece := stream.read(4096):
        kept.append(piece[:room])
        room -= len(kept[-1])


def start_limited(
    command: Sequence[str], limits: ChildLimits, *, stdin: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a child that may not use more than `limits`, and whose output comes through pipes.

    On Linux the limits hold from a moment after its start, elsewhere from a shell that becomes the
    child. Windows has none of them; there the time that its caller gives it is the only bound.

    Raises:
        OSError: it does not start.
    """
    has_prlimit = sys.platform == "linux"
    shell = None if has_prlimit or sys.platform == "win32" else shutil.which("sh")
    if shell is not None:
        command = [shell, "-c", _script(limits), *command]
    child = subprocess.Popen(  # noqa: S603 - fixed arguments
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,  # Ctrl-C ends this server, which lets it finish first
    )
    if sys.platform == "linux":
        _limit(child.pid, limits)
    return child


def _script(limits: ChildLimits) -> str:
    # What a system does not know is left out: macOS has no limit of memory.
    asked = (
        f"-t {limits.cpu_seconds}",
        f"-v {limits.memory_bytes // _KB}",
        f"-f {limits.file_bytes // 512}",
        "-c 0",
    )
    return "".join(f"ulimit {each} 2>/dev/null; " for each in asked) + 'exec "$0" "$@"'


if sys.platform == "linux":

    def _limit(pid: int, limits: ChildLimits) -> None:
        for kind, value in (
            (resource.RLIMIT_CPU, limits.cpu_seconds),
            (resource.RLIMIT_AS, limits.memory_bytes),
            (resource.RLIMIT_FSIZE, limits.file_bytes),
            (resource.RLIMIT_CORE, 0),
        ):
            try:
                resource.prlimit(pid, kind, (value, value))
            except ProcessLookupError:
                return  # it has ended already
