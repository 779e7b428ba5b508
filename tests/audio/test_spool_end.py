"""Sound that nobody refers to any more takes no room, whoever forgot it."""

from __future__ import annotations

import gc
import warnings

import pytest

from app.audio.spool import spool
from app.bounds import SPOOL_BYTES


@pytest.mark.parametrize("size_bytes", [10, SPOOL_BYTES + 1])
def test_a_forgotten_spool_is_closed(size_bytes: int) -> None:
    """In memory or on the disk, it is closed without a complaint."""
    file = spool(size_bytes)
    file.write(bytes(size_bytes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del file
        gc.collect()
