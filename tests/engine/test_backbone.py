"""Attention is what its formula says."""

from __future__ import annotations

import pytest
import torch

from app.engine.backbone import attention


@pytest.mark.parametrize(("queries", "causal"), [(1, False), (3, False), (7, True)])
def test_attention_is_the_same_from_single_operations(queries: int, causal: bool) -> None:
    torch.manual_seed(0)
    query, past = torch.randn(1, 4, queries, 16), torch.randn(2, 4, 7, 16)
    out, weight = attention(query, past, causal)
    scores = query @ past[:1].transpose(2, 3) / query.shape[3] ** 0.5
    if causal:
        seen = torch.ones(queries, past.shape[2], dtype=torch.bool).tril()
        scores = scores.masked_fill(~seen, float("-inf"))
    torch.testing.assert_close(out, scores.softmax(3) @ past[1:])
    torch.testing.assert_close(weight, scores.logsumexp(3))
