"""The transformer of Mimi's decoder, streaming, over rows of different ages."""

from __future__ import annotations

import math

import torch
from pocket_tts.modules.layer_scale import LayerScale
from pocket_tts.modules.transformer import ProjectedTransformer, StreamingTransformerLayer
from torch import Tensor, nn
from torch.nn import functional

from app.engine.codec_kernels import Kernels, Linear


class AttentionWindow:
    """One row's keys and values, for all layers: the last `context - 1` positions and some slack.

    Positions are written one after the other, so that a window is always one contiguous view;
    when the room ends, the window moves to the front.
    """

    def __init__(self, storage: Tensor, context: int) -> None:
        """storage: `[positions, layers, 2, heads, head_dim]`."""
        self._storage = storage
        self._context = context
        self._end = 0
        self.position = 0

    def reset(self) -> None:
        self._end = 0
        self.position = 0

    def open(self, new: int) -> Tensor:
        """The past window and room for `new` positions: `[past + new, layers, 2, heads, dim]`."""
        past = min(self._end, self._context - 1)
        if self._end + new > self._storage.shape[0]:
            self._storage[:past] = self._storage[self._end - past : self._end].clone()
            self._end = past
        return self._storage[self._end - past : self._end + new]

    def advance(self, new: int) -> None:
        """The `new` positions have been written for good."""
        self._end += new
        self.position += new


class Layer:
    """One pre-norm transformer layer; upstream's layer scales are folded into the weights."""

    def __init__(self, module: StreamingTransformerLayer, kernels: Kernels) -> None:
        attention = module.self_attn
        if attention.num_kv_heads != attention.num_heads:
            raise ValueError("the codec's transformer must have as many key heads as query heads")
        self._heads = attention.num_heads
        self._norm1 = module.norm1
        self._norm2 = module.norm2
        self._in_proj = kernels.linear(attention.in_proj.weight)
        self._out_proj = kernels.linear(_scaled(attention.out_proj, module.layer_scale_1))
        self._linear1 = kernels.linear(module.linear1.weight)
        self._linear2 = kernels.linear(_scaled(module.linear2, module.layer_scale_2))

    def __call__(self, x: Tensor, rotation: Tensor, windows: list[Tensor], mask: Tensor) -> Tensor:
        """One layer over `[rows, new, d_model]`.

        Args:
            rotation: `[rows, new, 1, head_dim / 2]`, complex.
            windows: per row, this layer's `[past + new, 2, heads, head_dim]`.
            mask: `[new, context - 1 + new]`, True where attention is allowed.
        """
        rows, new, _ = x.shape
        qkv = self._in_proj(self._norm1(x)).view(rows, new, 3 * self._heads, -1)
        pairs = qkv.view(rows, new, 3 * self._heads, -1, 2)
        torch.view_as_complex(pairs)[:, :, : 2 * self._heads].mul_(rotation)
        query, key_value = qkv[:, :, : self._heads], qkv[:, :, self._heads :]
        attended = []
        for row, window in enumerate(windows):
            length = window.shape[0]
            window[length - new :] = key_value[row].view(new, 2, self._heads, -1)
            key, value = window.permute(1, 2, 0, 3).unsqueeze(1).unbind(0)
            attended.append(
                functional.scaled_dot_product_attention(
                    query[row : row + 1].transpose(1, 2), key, value, mask[:, -length:]
                )
            )
        y = torch.cat(attended).transpose(1, 2).flatten(2)
        x = x + self._out_proj(y)
        hidden = self._linear1(self._norm2(x))
        return x + self._linear2(functional.gelu(hidden, approximate="tanh"))


class CodecTransformer:
    """Upstream's `ProjectedTransformer` with one output."""

    def __init__(self, module: ProjectedTransformer, kernels: Kernels) -> None:
        transformer = module.transformer
        attention = transformer.layers[0].self_attn
        self._layers = [Layer(layer, kernels) for layer in transformer.layers]
        self._context: int = transformer.context
        self._heads: int = attention.num_heads
        self._head_dim: int = attention.dim_per_head
        self._input_proj = _projection(module.input_proj, kernels)
        self._output_proj = _projection(module.output_projs[0], kernels)
        half = torch.arange(self._head_dim // 2, dtype=torch.float32)
        self._frequencies = torch.exp(
            half * (-math.log(transformer.max_period) * 2 / self._head_dim)
        )

    def new_window(self, max_new: int) -> AttentionWindow:
        positions = 2 * (self._context - 1 + max_new)
        storage = torch.zeros(positions, len(self._layers), 2, self._heads, self._head_dim)
        return AttentionWindow(storage, self._context)

    def __call__(self, x: Tensor, windows: list[AttentionWindow]) -> Tensor:
        """`[rows, new, dimension]` to the same shape; the caller advances the windows."""
        new = x.shape[1]
        starts = torch.tensor([window.position for window in windows])
        positions = starts[:, None, None, None] + torch.arange(new)[:, None, None]
        angles = positions * self._frequencies
        rotation = torch.polar(torch.ones_like(angles), angles)
        opened = [window.open(new) for window in windows]
        keys_ahead = torch.arange(self._context - 1 + new) - torch.arange(new)[:, None]
        mask = (keys_ahead >= 0) & (keys_ahead < self._context)
        if self._input_proj is not None:
            x = self._input_proj(x)
        for index, layer in enumerate(self._layers):
            x = layer(x, rotation, [window[:, index] for window in opened], mask)
        return x if self._output_proj is None else self._output_proj(x)


def _scaled(linear: nn.Module, scale: nn.Module) -> Tensor:
    weight = linear.get_parameter("weight")
    return weight * scale.scale[:, None] if isinstance(scale, LayerScale) else weight


def _projection(module: nn.Module | None, kernels: Kernels) -> Linear | None:
    return kernels.linear(module.weight) if isinstance(module, nn.Linear) else None
