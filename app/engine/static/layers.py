"""Computes a layer of either transformer for rows whose keys and values lie in slots."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from pocket_tts.modules.transformer import StreamingTransformerLayer
from torch import Tensor, nn
from torch.nn import functional

from app.engine.codec_transformer import scaled
from app.engine.precision import Linears


class Places(NamedTuple):
    """Says where in the slots a pass reads and writes, on the device.

    Attributes:
        slots: `[rows]`, int64.
        new: where the keys and values of the new positions are written, `[rows, new]`, int64.
        span: a query looks at the first so many places of its slot.
        seen: which of them it sees, `[rows, new, span]`, bool.
        rotation: RoPE's factors of the new positions, `[rows, new, 1, head_dim / 2]`, complex.
    """

    slots: Tensor
    new: Tensor
    span: int
    seen: Tensor
    rotation: Tensor


class StaticLayer(nn.Module):
    """Computes one pre-norm transformer layer, with grouped-query attention.

    Its weights include upstream's layer scales, if there are any.

    Args:
        layer: upstream's; its weights are copied.
        linears: makes its linear maps, in `float32` or `bfloat16`.
        name: what these begin with.
    """

    norm1_weight: Tensor
    norm1_bias: Tensor
    norm2_weight: Tensor
    norm2_bias: Tensor

    def __init__(self, layer: StreamingTransformerLayer, linears: Linears, name: str) -> None:
        super().__init__()
        attention = layer.self_attn
        self.heads = int(attention.num_heads)
        self.kv_heads = int(attention.num_kv_heads)
        self.head_dim = int(attention.dim_per_head)
        self.eps = float(layer.norm1.eps)
        for each in ("norm1", "norm2"):
            norm = layer.get_submodule(each)
            for part in ("weight", "bias"):
                self.register_buffer(f"{each}_{part}", norm.get_parameter(part).detach().float())
        out_proj = scaled(attention.out_proj, layer.layer_scale_1)
        linear2 = scaled(layer.linear2, layer.layer_scale_2)
        self.in_proj = linears.make(f"{name}.in_proj", attention.in_proj.weight, None)
        self.out_proj = linears.make(f"{name}.out_proj", out_proj, None)
        self.linear1 = linears.make(f"{name}.linear1", layer.linear1.weight, None)
        self.linear2 = linears.make(f"{name}.linear2", linear2, None)

    def forward(self, x: Tensor, places: Places, keys_values: Tensor) -> tuple[Tensor, Tensor]:
        """Map `[rows, new, d_model]` to the same shape.

        Args:
            keys_values: `[2, slots, kv_heads, room, head_dim]`; the new ones are written.

        Returns:
            The output, and the rotated queries, `[rows, new, heads, head_dim]`.
        """
        width = x.shape[-1:]
        h = functional.layer_norm(x, width, self.norm1_weight, self.norm1_bias, self.eps)
        qkv = self.in_proj(h).view(*x.shape[:2], -1, self.head_dim)
        query, key, value = qkv.split([self.heads, self.kv_heads, self.kv_heads], dim=2)
        query, key = rotated(query, places.rotation), rotated(key, places.rotation)
        new = torch.stack([key, value], dim=2).to(keys_values.dtype)
        keys_values[:, places.slots[:, None], :, places.new] = new
        past = keys_values[:, :, :, : places.span].index_select(1, places.slots)
        x = x + self.out_proj(self._attend(query, past, places.seen).to(x.dtype))
        h = functional.layer_norm(x, width, self.norm2_weight, self.norm2_bias, self.eps)
        return x + self.linear2(functional.gelu(self.linear1(h), approximate="tanh")), query

    def _attend(self, query: Tensor, past: Tensor, seen: Tensor) -> Tensor:
        """Attend with `[rows, new, heads, head_dim]`; returns `[rows, new, heads * head_dim]`.

        Query heads that share a key head are folded into positions of that head.

        Args:
            past: `[2, rows, kv_heads, span, head_dim]`.
        """
        rows, new = query.shape[:2]
        group = self.heads // self.kv_heads
        folded = query.view(rows, new, self.kv_heads, group, -1).permute(0, 2, 3, 1, 4)
        folded = folded.reshape(rows, self.kv_heads, group * new, -1).to(past.dtype)
        mask = seen[:, None].repeat(1, 1, group, 1)
        out = functional.scaled_dot_product_attention(folded, past[0], past[1], mask)
        out = out.view(rows, self.kv_heads, group, new, -1).permute(0, 3, 1, 2, 4)
        return out.reshape(rows, new, -1)


def rotated(x: Tensor, rotation: Tensor) -> Tensor:
    """Apply RoPE to `[rows, new, heads, head_dim]`."""
    pairs = torch.view_as_complex(x.view(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * rotation).flatten(-2)


def rotations(positions: int, head_dim: int, max_period: float, device: torch.device) -> Tensor:
    """Compute RoPE's complex factors of the first positions: `[positions, 1, head_dim / 2]`.

    The products of position and frequency are float32, as upstream's.
    """
    half = torch.arange(head_dim // 2, dtype=torch.float32)
    frequencies = torch.exp(half * (-math.log(max_period) * 2 / head_dim))
    angles = torch.arange(positions, dtype=torch.float32)[:, None, None] * frequencies
    return torch.polar(torch.ones_like(angles), angles).to(device)


def projection(module: nn.Module | None, linears: Linears, name: str) -> nn.Module:
    """Make upstream's projection, if it is one."""
    if not isinstance(module, nn.Linear):
        return nn.Identity()
    return linears.make(name, module.weight, None)
