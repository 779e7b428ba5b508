"""The key-value caches of running rows: allocated lazily, reused, bounded."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from app.engine.flow_lm import CacheShape

_GRANULE_POSITIONS = 64


class CachePool:
    """Hands out caches of at least the wanted length and takes them back for the next row.

    Args:
        shape: geometry of a cache.
        max_idle: how many returned caches are kept; further ones are freed.
    """

    def __init__(self, shape: CacheShape, device: torch.device, *, max_idle: int) -> None:
        self._shape = shape
        self._device = device
        self._max_idle = max_idle
        self._idle: list[Tensor] = []
        self._lock = threading.Lock()

    def acquire(self, positions: int) -> Tensor:
        """A cache for `positions`, `[layers, 2, heads, >= positions, head_dim]`, content undefined.

        The smallest idle one that fits without wasting more than it holds, else a new one.
        """
        with self._lock:
            fitting = [c for c in self._idle if positions <= c.shape[3] <= 2 * positions]
            if fitting:
                best = min(fitting, key=lambda cache: cache.shape[3])
                self._idle = [cache for cache in self._idle if cache is not best]
                return best
        rounded = -(-positions // _GRANULE_POSITIONS) * _GRANULE_POSITIONS
        return torch.empty(self._shape.of(rounded), dtype=self._shape.dtype, device=self._device)

    def release(self, cache: Tensor) -> None:
        """Take a cache back; the oldest idle one makes room for it."""
        with self._lock:
            self._idle.append(cache)
            if len(self._idle) > self._max_idle:
                self._idle.pop(0)
