"""Gives each row a slot, and keeps what the language model hands the codec in it: the latents."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch


class Slots:
    """Hands out slots, and holds each slot's noise and latents. Thread-safe.

    There is one slot more than rows, `idle`: the rows that fill a batch up to a fixed size.

    Attributes:
        noise: what latents are sampled from, `[slots + 1, frames, ldim]`.
        latents: the latent that comes before a chunk, then those that were sampled,
            `[slots + 1, 1 + frames, ldim]`.

    Args:
        max_rows: how many rows there may be.
        frames: the most latents that a row may have.
    """

    def __init__(self, max_rows: int, frames: int, latent_dim: int, device: torch.device) -> None:
        self.max_rows = max_rows
        self.idle = max_rows
        self.noise = torch.zeros(max_rows + 1, frames, latent_dim, device=device)
        self.latents = torch.zeros(max_rows + 1, 1 + frames, latent_dim, device=device)
        self._free = list(reversed(range(max_rows)))
        self._lock = threading.Lock()

    def acquire(self) -> int:
        """Take a slot; what is in it is of whoever had it before.

        Raises:
            RuntimeError: all of them are taken.
        """
        with self._lock:
            if not self._free:
                raise RuntimeError(f"all {self.max_rows} rows are taken")
            return self._free.pop()

    def release(self, slot: int) -> None:
        """Give a slot back."""
        with self._lock:
            self._free.append(slot)

    @property
    def buckets(self) -> tuple[int, ...]:
        """List the sizes that batches are filled up to: powers of two, then all rows."""
        powers = [1 << power for power in range((self.max_rows - 1).bit_length())]
        return (*powers, self.max_rows)

    def filled_up(self, slots: Sequence[int]) -> list[int]:
        """Fill a batch up to the next size with idle rows."""
        size = next(each for each in self.buckets if each >= len(slots))
        return [*slots, *[self.idle] * (size - len(slots))]
