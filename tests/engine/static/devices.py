"""The devices that static passes are tried on, and how far from the processor each may be."""

from __future__ import annotations

import pytest
import torch

WITHOUT_CUDA = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no CUDA device here"
)
DEVICES = ["cpu", "replayed", pytest.param("cuda", marks=WITHOUT_CUDA)]
"""`replayed` is the processor, which replays passes as a GPU does."""
TOLERANCE = {"cpu": 1e-4, "replayed": 1e-4, "cuda": 1e-3}
