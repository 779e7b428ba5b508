"""Limits what a child process that reads strangers' files may use of the machine.

The limits are put on the child from outside, as it starts: code that runs between fork and exec
would run in a process of many threads, where any lock may be held for ever.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

from app.bounds import DecoderLimits

if sys.platform != "win32":
    import resource

_KB = 1024


def start_limited(
    command: Sequence[str], limits: DecoderLimits, *, stdin: IO[bytes]
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


def _script(limits: DecoderLimits) -> str:
    # What a system does not know is left out: macOS has no limit of memory.
    asked = (
        f"-t {limits.cpu_seconds}",
        f"-v {limits.memory_bytes // _KB}",
        f"-f {limits.file_bytes // 512}",
        "-c 0",
    )
    return "".join(f"ulimit {each} 2>/dev/null; " for each in asked) + 'exec "$0" "$@"'


if sys.platform == "linux":

    def _limit(pid: int, limits: DecoderLimits) -> None:
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
