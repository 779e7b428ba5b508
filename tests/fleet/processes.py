"""Looks at processes on Linux: how long they worked and waited, and on which cores they may."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM = 1, 11, 12
"""The places of some columns behind the name in /proc/PID/stat."""


def worked_seconds(pid: int | None = None) -> float:
    """Return how long a core has worked for a process and its children that still run.

    Args:
        pid: None is this process.
    """
    wanted = {os.getpid() if pid is None else pid}
    found = dict(_columns())
    while more := {each for each, columns in found.items() if int(columns[_PARENT]) in wanted} - (
        wanted
    ):
        wanted |= more
    ticks = sum(
        int(found[each][_USER]) + int(found[each][_SYSTEM]) for each in wanted if each in found
    )
    return ticks / _TICKS


def thread_seconds(pid: int) -> dict[int, tuple[float, float]]:
    """Return how long each thread of a process worked, and wanted a core that others had."""
    found = {}
    for each in Path(f"/proc/{pid}/task").iterdir():
        worked_ns, waited_ns, _ = map(int, (each / "schedstat").read_text().split())
        found[int(each.name)] = (worked_ns / 1e9, waited_ns / 1e9)
    return found


def keep_on(pid: int, cores: Set[int]) -> None:
    """Let all threads of a process, and those that they start, have some cores only."""
    for each in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(each.name), cores)


def _columns() -> Iterator[tuple[int, list[str]]]:
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                stat = (each / "stat").read_text()
            except OSError:
                continue
            yield int(each.name), stat.rpartition(")")[2].split()
