"""Asks the system for as many open files and connections as this process may have."""

from __future__ import annotations

import sys

if sys.platform != "win32":  # which has no such limit
    import resource

ENOUGH = 65_536
"""No more than this is asked for; some systems slow down with the limit."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit on open files, which is often 1024, towards the hard one."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def descriptor_limit() -> int:
    """Return how many files and connections this process may have open."""
    if sys.platform == "win32":
        return ENOUGH
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft
