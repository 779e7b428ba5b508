"""The operations that stand in for each other give the same result."""

from __future__ import annotations

import pytest
import torch

from app.engine.backbone import attention, plain_attention


@pytest.mark.parametrize(("queries", "causal"), [(1, False), (3, False), (7, True)])
def test_attention_is_the_same_from_single_operations(queries: int, causal: bool) -> None:
    torch.manual_seed(0)
    query, past = torch.randn(1, 4, queries, 16), torch.randn(2, 4, 7, 16)
    fused = attention(query, past, causal)
    plain = plain_attention(query, past[:1], past[1:], causal)
    for one, other in zip(fused, plain, strict=True):
        torch.testing.assert_close(one, other)
