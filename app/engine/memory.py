"""Gives memory back to the system that a model no longer needs."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_memory_back() -> None:
    """Collect what nothing refers to, and return the C library's free memory to the system.

    An engine refers to itself in cycles, so without this its weights stay for a long time. Other
    threads wait while this collects, some tenths of a second: call it when nobody speaks.
    """
    gc.collect()
    trim_memory()


def trim_memory() -> None:
    """Return the C library's free memory to the system."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # musl has none
            trim(0)
