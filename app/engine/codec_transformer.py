"""Runs the transformer of Mimi's decoder, streaming, over rows of different ages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pocket_tts.modules.layer_scale import LayerScale
from pocket_tts.modules.transformer import ProjectedTransformer, StreamingTransformerLayer
from torch import Tensor, nn
from torch.nn import functional

from app.engine.codec_kernels import Kernels, Linear
from app.engine.layer_checks import noise


class AttentionWindow:
    """Keeps the keys and values of one row for all layers: the last `context - 1` positions.

    Positions are written one after the other into storage with some slack, so that a window is
    always one view; where the slack ends, the window moves to the front.

    Args:
        storage: `[layers, 2, heads, positions, head_dim]`.
        context: how many positions a query sees, its own included.
    """

    def __init__(self, storage: Tensor, context: int) -> None:
        self._storage = storage
        self._most_past = context - 1
        self._end = 0
        self.position = 0

    @property
    def past(self) -> int:
        """Tell how many positions the window holds now."""
        return min(self._end, self._most_past)

    def reset(self) -> None:
        """Empty the window for the next row."""
        self._end = 0
        self.position = 0

    def with_room(self, new: int) -> tuple[Tensor, ...]:
        """Return the window with room for `new` positions after it, which are undefined.

        Returns:
            Keys, then values, of each layer in turn: `[heads, past + new, head_dim]`.
        """
        past = self.past
        if self._end + new > self._storage.shape[3]:
            # The copy is needed because the old and the new place may overlap.
            window = self._storage[:, :, :, self._end - past : self._end].clone()
            self._storage[:, :, :, :past] = window
            self._end = past
        window = self._storage[:, :, :, self._end - past : self._end + new]
        return window.flatten(0, 1).unbind(0)

    def append(self, keys_values: Tensor) -> None:
        """Add `[layers, 2, heads, new, head_dim]`, for which `with_room` has made room."""
        new = keys_values.shape[3]
        self._storage[:, :, :, self._end : self._end + new] = keys_values
        self._end += new
        self.position += new


_CHECKED_POSITIONS = 16


@dataclass(frozen=True, slots=True)
class Group:
    """Holds rows whose windows are equally long, so that they attend together.

    Attributes:
        rows: their indices in the batch, or None for all rows in order.
        windows: keys, then values, of each layer in turn, for each row: `[heads, past + new,
            head_dim]`; the new positions are room to be filled.
        mask: `[new, past + new]`, added to the attention scores.
    """

    rows: list[int] | None
    windows: list[tuple[Tensor, ...]]
    mask: Tensor


class CodecLayer:
    """Computes one pre-norm transformer layer; its weights include upstream's layer scales."""

    def __init__(self, module: StreamingTransformerLayer, kernels: Kernels, name: str) -> None:
        attention = module.self_attn
        if attention.num_kv_heads != attention.num_heads:
            raise ValueError("the codec's transformer must have as many key heads as query heads")
        self._heads: int = attention.num_heads
        self._norm1 = LayerNorm(module.norm1, kernels)
        self._norm2 = LayerNorm(module.norm2, kernels)
        # Folds the scale of the attention scores into the queries.
        in_proj = attention.in_proj.weight.detach().clone()
        in_proj[: attention.attn_dim] *= attention.dim_per_head**-0.5
        self._in_proj = kernels.linear(f"{name}.in_proj", in_proj)
        out_proj = scaled(attention.out_proj, module.layer_scale_1)
        self._out_proj = kernels.linear(f"{name}.out_proj", out_proj)
        self._linear1 = kernels.linear(f"{name}.linear1", module.linear1.weight)
        linear2 = scaled(module.linear2, module.layer_scale_2)
        self._linear2 = kernels.linear(f"{name}.linear2", linear2)

    def __call__(
        self, x: Tensor, rotation: Tensor, index: int, groups: list[Group], fresh: Tensor
    ) -> Tensor:
        """Map `[rows, new, d_model]` to the same shape.

        Args:
            index: which layer of the windows this is.
            rotation: `[rows, new, 1, head_dim / 2]`, complex.
            fresh: `[rows, 2, heads, new, head_dim]`, receives the new keys and values.
        """
        rows, new, _ = x.shape
        qkv = self._in_proj(self._norm1(x)).view(rows, new, 3, self._heads, -1)
        pairs = torch.view_as_complex(qkv.view(rows, new, 3 * self._heads, -1, 2))
        pairs[:, :, : 2 * self._heads].mul_(rotation)
        qkv = qkv.permute(0, 2, 3, 1, 4)
        fresh.copy_(qkv[:, 1:])
        query = qkv[:, 0].to(fresh.dtype, memory_format=torch.contiguous_format)
        attended = _attend(query, fresh, groups, index).transpose(1, 2)
        attended = attended.to(x.dtype, memory_format=torch.contiguous_format).flatten(2)
        x = self._out_proj(attended).add_(x)
        return self._linear2(_gelu(self._linear1(self._norm2(x)))).add_(x)


class LayerNorm:
    """Computes upstream's layer norm without the cost of calling a module."""

    def __init__(self, module: nn.LayerNorm, kernels: Kernels) -> None:
        self._weight = module.weight.detach().to(kernels.device)
        self._bias = module.bias.detach().to(kernels.device)
        self._eps = module.eps

    def __call__(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, self._weight.shape, self._weight, self._bias, self._eps)


class CodecTransformer:
    """Computes upstream's `ProjectedTransformer`, of which it needs one output."""

    def __init__(self, module: ProjectedTransformer, kernels: Kernels) -> None:
        transformer = module.transformer
        attention = transformer.layers[0].self_attn
        self._layers = [
            CodecLayer(layer, kernels, f"transformer.{index}")
            for index, layer in enumerate(transformer.layers)
        ]
        self._context: int = transformer.context
        self._heads: int = attention.num_heads
        self._head_dim: int = attention.dim_per_head
        self._device = kernels.device
        self._cache_dtype = self._choose_cache_dtype(kernels)
        self._input_proj = _projection(module.input_proj, kernels, "input_proj")
        self._output_proj = _projection(module.output_projs[0], kernels, "output_proj")
        # Keyed by how many positions are new. Two threads at worst make the same one twice.
        self._masks: dict[int, Tensor] = {}
        half = torch.arange(self._head_dim // 2, dtype=torch.float32, device=self._device)
        self._frequencies = torch.exp(
            half * (-math.log(transformer.max_period) * 2 / self._head_dim)
        )

    def new_window(self, max_new: int) -> AttentionWindow:
        """Make an empty window for calls of up to `max_new` positions."""
        positions = self._context - 1 + max_new
        shape = (len(self._layers), 2, self._heads, positions, self._head_dim)
        storage = torch.zeros(shape, dtype=self._cache_dtype, device=self._device)
        return AttentionWindow(storage, self._context)

    def __call__(self, x: Tensor, windows: list[AttentionWindow]) -> tuple[Tensor, Tensor]:
        """Map `[rows, new, dimension]` to the same shape.

        Returns:
            The output, and the keys and values that the caller is to append to each window:
            `[rows, layers, 2, heads, new, head_dim]`.
        """
        rows, new, _ = x.shape
        rotation = self._rotation([window.position for window in windows], new)
        groups = self._groups(windows, new)
        shape = (rows, len(self._layers), 2, self._heads, new, self._head_dim)
        fresh = torch.empty(shape, dtype=self._cache_dtype, device=self._device)
        if self._input_proj is not None:
            x = self._input_proj(x)
        for index, layer in enumerate(self._layers):
            x = layer(x, rotation, index, groups, fresh[:, index])
        return (x if self._output_proj is None else self._output_proj(x)), fresh

    def _choose_cache_dtype(self, kernels: Kernels) -> torch.dtype:
        """Choose the element type of keys and values, in which attention is computed."""
        # For narrow heads the conversions cost more than the halved memory traffic saves.
        if not kernels.reduced or self._head_dim < 64:
            return torch.float32
        mask = self._make_mask(_CHECKED_POSITIONS)
        # Scores about 1 apart, as the scale that is folded into the queries makes them.
        scales = torch.tensor([self._head_dim**-0.5, 1.0, 1.0]).view(-1, 1, 1, 1)
        shape = (self._heads, mask.shape[1], self._head_dim)
        example = noise(1, 3, *shape, device=self._device) * scales.to(self._device)

        def attended(x: Tensor) -> Tensor:
            query, keys, values = x.unbind(1)
            query = query[:, :, -_CHECKED_POSITIONS:].contiguous()
            return _attention(query, keys, values, mask.to(x.dtype))

        reduced = kernels.activations
        right = kernels.checks.passes(
            "codec.transformer.attention",
            "bfloat16",
            attended,
            lambda x: attended(x.to(reduced)),
            example,
            at_once=[1],
        )
        return reduced if right else torch.float32

    def _rotation(self, starts: list[int], new: int) -> Tensor:
        """Compute RoPE's complex factors: `[rows, new, 1, head_dim / 2]`.

        The products of position and frequency are float32, as upstream's.

        Args:
            starts: per row, its first position.
        """
        first = torch.tensor(starts, dtype=torch.float32, device=self._device)
        offsets = torch.arange(new, dtype=torch.float32, device=self._device)
        positions = first[:, None] + offsets
        angles = positions[:, :, None, None] * self._frequencies
        return torch.polar(torch.ones_like(angles), angles)

    def _groups(self, windows: list[AttentionWindow], new: int) -> list[Group]:
        """Group the rows by the lengths of their windows."""
        rows_by_past: dict[int, list[int]] = {}
        for row, window in enumerate(windows):
            rows_by_past.setdefault(window.past, []).append(row)
        mask = self._mask(new)
        return [
            Group(
                rows=None if len(rows_by_past) == 1 else rows,
                windows=list(zip(*(windows[row].with_room(new) for row in rows), strict=True)),
                mask=mask[:, -(past + new) :],
            )
            for past, rows in rows_by_past.items()
        ]

    def _mask(self, new: int) -> Tensor:
        """Return the mask of a full window, to be added to `[new, context - 1 + new]` scores."""
        mask = self._masks.get(new)
        if mask is None:
            mask = self._masks[new] = self._make_mask(new).to(self._cache_dtype)
        return mask

    def _make_mask(self, new: int) -> Tensor:
        """Make the mask by which each query sees the `context` keys that end with its own."""
        keys = torch.arange(self._context - 1 + new, device=self._device)
        distance = keys - torch.arange(new, device=self._device)[:, None]
        hidden = (distance < 0) | (distance >= self._context)
        mask = torch.zeros(hidden.shape, device=self._device)
        return mask.masked_fill_(hidden, -math.inf)


def _attend(query: Tensor, fresh: Tensor, groups: list[Group], layer: int) -> Tensor:
    """Attend with `[rows, heads, new, head_dim]` queries; returns the same shape.

    Args:
        fresh: new keys and values, `[rows, 2, heads, new, head_dim]`.
        layer: which layer of the windows is meant.
    """
    if groups[0].rows is None:
        return _attend_together(query, fresh, groups[0], layer)
    attended = torch.empty_like(query)
    for group in groups:
        rows = group.rows
        attended[rows] = _attend_together(query[rows], fresh[rows], group, layer)
    return attended


def _attend_together(query: Tensor, fresh: Tensor, group: Group, layer: int) -> Tensor:
    """Do the work of `_attend` for the rows of one group."""
    new = query.shape[2]
    keys = torch.stack(group.windows[2 * layer])
    values = torch.stack(group.windows[2 * layer + 1])
    keys[:, :, -new:] = fresh[:, 0]
    values[:, :, -new:] = fresh[:, 1]
    return _attention(query, keys, values, group.mask)


def _attention(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Attend with `[rows, heads, new, head_dim]` queries, whose scale is folded in."""
    if query.dtype == torch.float32:
        return functional.scaled_dot_product_attention(query, keys, values, mask, scale=1.0)
    # torch's fused bfloat16 attention is slower than these products for so few queries.
    scores = torch.baddbmm(mask, query.flatten(0, 1), keys.flatten(0, 1).transpose(1, 2))
    return torch.bmm(scores.softmax(-1), values.flatten(0, 1)).view_as(query)


def _gelu(x: Tensor) -> Tensor:
    """Compute GELU in its tanh form as `x * sigmoid(2 * inner)`, overwriting `x`.

    Torch's own kernel takes twice as long.
    """
    scale = 2 * math.sqrt(2 / math.pi)
    gate = (x * x).mul_(scale * 0.044715).add_(scale).mul_(x).sigmoid_()
    return x.mul_(gate)


def scaled(linear: nn.Module, scale: nn.Module) -> Tensor:
    """Fold a layer scale, if it is one, into the weight before it."""
    weight = linear.get_parameter("weight")
    return weight * scale.scale[:, None] if isinstance(scale, LayerScale) else weight


def _projection(module: nn.Module | None, kernels: Kernels, name: str) -> Linear | None:
    """Make upstream's projection; None if there is none."""
    return kernels.linear(name, module.weight) if isinstance(module, nn.Linear) else None
