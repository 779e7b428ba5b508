"""Gives scipy's filters, which are imported once somebody needs one.

They take 50 MB and most of a second (`python -m benchmarks.imports`), and plain speech does
without. Threads may say `scipy.signal` at any time; the event loop awaits this first.
"""

from __future__ import annotations

import asyncio
import importlib
import sys


async def filters_ready() -> None:
    """Wait until `scipy.signal` is imported, so that using it does not hold up the event loop."""
    if "scipy.signal" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "scipy.signal")
