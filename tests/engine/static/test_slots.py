"""Slots are handed out once, and batches filled up to few sizes."""

from __future__ import annotations

import pytest
import torch

from app.engine.static.slots import Slots


def slots(max_rows: int) -> Slots:
    return Slots(max_rows, 3, 2, torch.device("cpu"))


def test_a_slot_is_taken_until_it_is_released() -> None:
    """No two rows share one, and none gets the idle one."""
    made = slots(3)
    taken = [made.acquire() for _ in range(3)]
    assert sorted(taken) == [0, 1, 2]
    with pytest.raises(RuntimeError, match="all 3 rows are taken"):
        made.acquire()
    made.release(taken[1])
    assert made.acquire() == taken[1]


@pytest.mark.parametrize(
    ("max_rows", "buckets"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (5, (1, 2, 4, 5))]
)
def test_sizes(max_rows: int, buckets: tuple[int, ...]) -> None:
    """They are powers of two up to all rows."""
    assert slots(max_rows).buckets == buckets


def test_filling_up() -> None:
    """Idle rows make up the next size, behind those that count."""
    made = slots(5)
    assert made.filled_up([3]) == [3]
    assert made.filled_up([3, 1, 0]) == [3, 1, 0, 5]
    assert made.filled_up([4, 3, 2, 1, 0]) == [4, 3, 2, 1, 0]
