"""The language model's forward pass over a ragged batch: rows of different ages in one call.

All positions of all rows stand in one `[positions, d_model]` matrix, so that a newcomer's whole
text and another row's single frame share the matrix products; attention alone goes row by row,
each over its own cache and from its own offset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pocket_tts.models.flow_lm import FlowLMModel
from pocket_tts.modules.transformer import StreamingTransformerLayer
from torch import Tensor, nn
from torch.nn import functional

from app.engine.flow_head import FlowHead
from app.engine.precision import make_linear


@dataclass(frozen=True, slots=True)
class CacheShape:
    """Geometry of a row's key-value cache, `[layers, 2, heads, positions, head_dim]`."""

    layers: int
    heads: int
    head_dim: int
    dtype: torch.dtype

    def of(self, positions: int) -> tuple[int, int, int, int, int]:
        return (self.layers, 2, self.heads, positions, self.head_dim)


@dataclass(frozen=True, slots=True)
class RowInput:
    """What one row brings to a forward pass.

    Attributes:
        cache: `[layers, 2, heads, positions, head_dim]`; the new positions are written to it.
        offset: positions already in the cache.
        tokens: text tokens still to be read, `[n]`, or None.
        latent: the latent to continue from, `[ldim]`.
        noise: starting point of the next latent, `[ldim]`.
        decode_steps: evaluations of the flow head.
    """

    cache: Tensor
    offset: int
    tokens: Tensor | None
    latent: Tensor
    noise: Tensor
    decode_steps: int

    @property
    def positions(self) -> int:
        """New positions in the cache after the pass."""
        return 1 if self.tokens is None else 1 + len(self.tokens)


class FlowLm:
    """Upstream's FlowLM for many rows, with weights of its own at the wanted precision.

    Args:
        module: upstream's model; left as it is.
        precision: `float32`, `int8` or `bfloat16`.
        cache_dtype: element type of the caches.
    """

    def __init__(
        self, module: FlowLMModel, precision: str, cache_dtype: torch.dtype, device: torch.device
    ) -> None:
        self.latent_dim: int = module.ldim
        attention = module.transformer.layers[0].self_attn
        self.cache_shape = CacheShape(
            len(module.transformer.layers),
            attention.num_kv_heads,
            attention.dim_per_head,
            cache_dtype,
        )
        self.bos_latent = module.bos_emb.detach().float().to(device)
        self._conditioner = module.conditioner
        self._input_linear = make_linear(module.input_linear.weight, None, "float32").to(device)
        self._out_eos = make_linear(module.out_eos.weight, module.out_eos.bias, "float32")
        self._out_eos.to(device)
        self._backbone = Backbone(module, precision).to(device)
        max_period = module.transformer.max_period
        self._rotations = RotationTable(attention.dim_per_head, max_period, device)
        self._head = FlowHead(module, precision, device)

    @torch.inference_mode()
    def step(self, rows: Sequence[RowInput]) -> tuple[Tensor, list[float]]:
        """One new latent for every row.

        Returns:
            The latents `[rows, ldim]` and each row's EOS logit, NaN where the row is broken.
        """
        offsets = [row.offset for row in rows]
        lengths = [row.positions for row in rows]
        z = self._backbone(
            self._embed(rows),
            self._rotations.at(offsets, lengths),
            [row.cache for row in rows],
            offsets,
            lengths,
        )
        noise = torch.stack([row.noise for row in rows])
        latents = self._head.decode(z, noise, [row.decode_steps for row in rows])
        # One synchronisation for everything the host must know; 0 * x is NaN for broken latents.
        verdict = self._out_eos(z).squeeze(1) + 0.0 * latents.sum(1)
        eos_logits: list[float] = verdict.tolist()
        return latents, eos_logits

    def _embed(self, rows: Sequence[RowInput]) -> Tensor:
        frames = self._input_linear(torch.stack([row.latent for row in rows]))
        if all(row.tokens is None for row in rows):
            return frames
        parts = []
        for row, frame in zip(rows, frames.split(1), strict=True):
            if row.tokens is not None:
                parts.append(self._conditioner(row.tokens).float())
            parts.append(frame)
        return torch.cat(parts)


class RotationTable:
    """RoPE (Su et al. 2022, https://arxiv.org/abs/2104.09864) as complex factors per position."""

    def __init__(self, head_dim: int, max_period: float, device: torch.device) -> None:
        half = head_dim // 2
        exponents = torch.arange(half, dtype=torch.float32)
        self._frequencies = torch.exp(exponents * (-math.log(max_period) / half))
        self._device = device
        self._table = self._make(1024)

    def at(self, offsets: list[int], lengths: list[int]) -> Tensor:
        """Factors of consecutive positions per row: `[sum(lengths), 1, head_dim / 2]`."""
        positions: list[int] = []
        for offset, length in zip(offsets, lengths, strict=True):
            positions.extend(range(offset, offset + length))
        table = self._table
        if max(positions) >= len(table):
            table = self._table = self._make(2 * max(positions))
        return table[torch.tensor(positions, device=self._device)].unsqueeze(1)

    def _make(self, positions: int) -> Tensor:
        angles = torch.arange(positions, dtype=torch.float32)[:, None] * self._frequencies
        return torch.polar(torch.ones_like(angles), angles).to(self._device)


class Backbone(nn.Module):
    """The transformer, its output norm and the projection to the heads' width."""

    norm_weight: Tensor
    norm_bias: Tensor

    def __init__(self, module: FlowLMModel, precision: str) -> None:
        super().__init__()
        transformer = module.transformer
        self.width = module.dim
        self.layers = nn.ModuleList([Layer(layer, precision) for layer in transformer.layers])
        self.register_buffer("norm_weight", module.out_norm.weight.detach().float())
        self.register_buffer("norm_bias", module.out_norm.bias.detach().float())
        projection = None if module.z_proj is None else module.z_proj.weight
        self.z_proj = (
            nn.Identity() if projection is None else make_linear(projection, None, precision)
        )

    def forward(
        self,
        x: Tensor,
        rotation: Tensor,
        caches: list[Tensor],
        offsets: list[int],
        lengths: list[int],
    ) -> Tensor:
        """Read the new positions of every row and return its last output.

        Args:
            x: `[sum(lengths), d_model]`, the rows one after the other.
            rotation: `[sum(lengths), 1, head_dim / 2]`, complex.
            caches: per row `[layers, 2, heads, positions, head_dim]`.
            offsets: per row, positions already in the cache.
            lengths: per row, new positions.

        Returns:
            `[rows, z_dim]`.
        """
        masks = causal_masks(offsets, lengths, x.device)
        for index, layer in enumerate(self.layers):
            x = layer(x, rotation, caches, offsets, lengths, masks, index)
        if x.shape[0] != len(lengths):
            x = torch.stack([rows[-1] for rows in x.split(lengths)])
        x = functional.layer_norm(x, [self.width], self.norm_weight, self.norm_bias, 1e-5)
        return self.z_proj(x)


class Layer(nn.Module):
    """A pre-norm transformer layer with a cache per row; grouped-query attention included."""

    norm1_weight: Tensor
    norm1_bias: Tensor
    norm2_weight: Tensor
    norm2_bias: Tensor

    def __init__(self, layer: StreamingTransformerLayer, precision: str) -> None:
        super().__init__()
        attention = layer.self_attn
        self.width = attention.embed_dim
        self.heads = attention.num_heads
        self.kv_heads = attention.num_kv_heads
        self.group = attention.num_heads // attention.num_kv_heads
        self.register_buffer("norm1_weight", layer.norm1.weight.detach().float())
        self.register_buffer("norm1_bias", layer.norm1.bias.detach().float())
        self.register_buffer("norm2_weight", layer.norm2.weight.detach().float())
        self.register_buffer("norm2_bias", layer.norm2.bias.detach().float())
        self.in_proj = make_linear(attention.in_proj.weight, None, precision)
        self.out_proj = make_linear(attention.out_proj.weight, None, precision)
        self.linear1 = make_linear(layer.linear1.weight, None, precision)
        self.linear2 = make_linear(layer.linear2.weight, None, precision)

    def forward(
        self,
        x: Tensor,
        rotation: Tensor,
        caches: list[Tensor],
        offsets: list[int],
        lengths: list[int],
        masks: list[Tensor | None],
        index: int,
    ) -> Tensor:
        h = functional.layer_norm(x, [self.width], self.norm1_weight, self.norm1_bias, 1e-5)
        projected = self.in_proj(h).view(x.shape[0], self.heads + 2 * self.kv_heads, -1, 2)
        rotated = self.heads + self.kv_heads
        torch.view_as_complex(projected)[:, :rotated].mul_(rotation)
        qkv = projected.flatten(2)
        attended: list[Tensor] = []
        for row, part in enumerate(qkv.split(lengths)):
            attended.append(
                self.attend(part, caches[row][index], offsets[row], lengths[row], masks[row])
            )
        x = x + self.out_proj(torch.cat(attended))
        h = functional.layer_norm(x, [self.width], self.norm2_weight, self.norm2_bias, 1e-5)
        return x + self.linear2(functional.gelu(self.linear1(h), approximate="tanh"))

    def attend(
        self, qkv: Tensor, cache: Tensor, offset: int, length: int, mask: Tensor | None
    ) -> Tensor:
        """Attention of one row's new positions over its past and themselves.

        The query heads that share a key head stand as further query positions of it.

        Args:
            qkv: `[length, heads + 2 * kv_heads, head_dim]`, rotated.
            cache: this layer's `[2, kv_heads, positions, head_dim]`.
            mask: `[length, offset + length]`, True where allowed; None for everything.

        Returns:
            `[length, heads * head_dim]`.
        """
        end = offset + length
        new = qkv[:, self.heads :].view(length, 2, self.kv_heads, -1)
        cache[:, :, offset:end] = new.permute(1, 2, 0, 3)
        past = cache[:, :, :end].to(qkv.dtype)
        query = qkv[:, : self.heads].view(length, self.kv_heads, self.group, -1)
        query = query.permute(1, 2, 0, 3).reshape(1, self.kv_heads, self.group * length, -1)
        if mask is not None:
            mask = mask.repeat(self.group, 1)
        out = functional.scaled_dot_product_attention(query, past[:1], past[1:], mask)
        out = out.view(self.kv_heads, self.group, length, -1).permute(2, 0, 1, 3)
        return out.reshape(length, -1)


def causal_masks(
    offsets: list[int], lengths: list[int], device: torch.device
) -> list[Tensor | None]:
    """Per row None for a single new position, else what its new positions may look at."""
    masks: list[Tensor | None] = []
    for offset, length in zip(offsets, lengths):
        if length == 1:
            masks.append(None)
        else:
            allowed = torch.ones(length, offset + length, dtype=torch.bool, device=device)
            masks.append(allowed.tril(offset))
    return masks
