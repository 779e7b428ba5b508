"""Runs the language model's transformer over a ragged batch, as TorchScript.

All positions of all rows stand in one `[positions, d_model]` matrix, so that a newcomer's whole
text and another row's single frame share the matrix products. Attention has two parts, merged by
their log-sum-exp: over the voice, computed once for all rows that speak in it, and over what a
row has read and said itself, row by row, each at its own offset.

It is scripted because a pass is some thousand small operations: without the interpreter they take
a fraction of the time and do not hold the interpreter's lock against the other workers.
"""

import warnings
from typing import Any

import torch
from pocket_tts.models.flow_lm import FlowLMModel
from pocket_tts.modules.transformer import StreamingTransformerLayer
from torch import Tensor, nn
from torch.nn import functional

from app.engine.precision import Linears


class Scripted:
    """Compiles a module to TorchScript and runs it without the optimising executor.

    That executor profiles and recompiles per shape, which would stall a pass for each new batch
    size, and applies whatever fusion other code has switched on for the whole process.
    TorchScript is deprecated, but nothing else runs shapes that change without a C++ compiler.
    """

    def __init__(self, module: nn.Module) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`torch.jit")
            self._module = torch.jit.script(module.eval())

    def __call__(self, *arguments: Any) -> Any:
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            return self._module(*arguments)


class Backbone(nn.Module):
    """Runs the transformer, its output norm and the projection to the width of the heads after it.

    Args:
        module: upstream's model; its weights are copied.
        linears: makes its linear maps, whose names begin with `flow_lm`.
    """

    norm_weight: Tensor
    norm_bias: Tensor

    def __init__(self, module: FlowLMModel, linears: Linears) -> None:
        super().__init__()
        transformer = module.transformer
        self.width = module.dim
        self.heads = transformer.layers[0].self_attn.num_heads
        self.layers = nn.ModuleList(
            [
                BackboneLayer(layer, linears, f"flow_lm.layers.{index}")
                for index, layer in enumerate(transformer.layers)
            ]
        )
        self.register_buffer("norm_weight", module.out_norm.weight.detach().float())
        self.register_buffer("norm_bias", module.out_norm.bias.detach().float())
        self.z_proj = (
            nn.Identity()
            if module.z_proj is None
            else linears.make("flow_lm.z_proj", module.z_proj.weight, None)
        )

    def forward(
        self,
        x: Tensor,
        rotation: Tensor,
        prefixes: list[Tensor],
        spans: list[int],
        caches: list[Tensor],
        offsets: list[int],
        lengths: list[int],
        scratch: Tensor,
        watched_layers: list[int],
    ) -> tuple[Tensor, list[Tensor]]:
        """Read the new positions of every row and return its last output.

        Args:
            x: `[positions, d_model]`, the rows one after the other, those of a voice together.
            rotation: `[positions, 1, head_dim / 2]`, complex.
            prefixes: per voice `[layers, 2, kv_heads, voice positions, head_dim]`.
            spans: per voice, how many of the positions in `x` belong to it.
            caches: per row `[layers, 2, kv_heads, room, head_dim]`; the new positions are written.
            offsets: per row, how many positions are in its cache already; 0 if it brings several.
            lengths: per row, how many positions it brings.
            scratch: flat float32 room for one layer of the longest cache, if caches are not
                float32; without room the attention to them is computed in their element type.
            watched_layers: the layers whose queries are wanted.

        Returns:
            `[rows, z_dim]`, and per watched layer what `Attention.rotate` returns: the queries come
            first.
        """
        voices = by_layer(prefixes, len(self.layers))
        own = by_layer(caches, len(self.layers))
        looks: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            x, qkv = layer(x, rotation, voices[index], spans, own[index], offsets, lengths, scratch)
            if index in watched_layers:
                looks.append(qkv)
        if x.shape[0] != len(lengths):
            x = torch.stack([rows[-1] for rows in x.split_with_sizes(lengths)])
        x = functional.layer_norm(x, [self.width], self.norm_weight, self.norm_bias, 1e-5)
        return self.z_proj(x), looks


class BackboneLayer(nn.Module):
    """Computes one pre-norm transformer layer, with grouped-query attention."""

    norm1_weight: Tensor
    norm1_bias: Tensor
    norm2_weight: Tensor
    norm2_bias: Tensor

    def __init__(self, layer: StreamingTransformerLayer, linears: Linears, name: str) -> None:
        super().__init__()
        attention = layer.self_attn
        self.width = attention.embed_dim
        self.attention = Attention(attention.num_heads, attention.num_kv_heads)
        self.register_buffer("norm1_weight", layer.norm1.weight.detach().float())
        self.register_buffer("norm1_bias", layer.norm1.bias.detach().float())
        self.register_buffer("norm2_weight", layer.norm2.weight.detach().float())
        self.register_buffer("norm2_bias", layer.norm2.bias.detach().float())
        self.in_proj = linears.make(f"{name}.in_proj", attention.in_proj.weight, None)
        self.out_proj = linears.make(f"{name}.out_proj", attention.out_proj.weight, None)
        self.linear1 = linears.make(f"{name}.linear1", layer.linear1.weight, None)
        self.linear2 = linears.make(f"{name}.linear2", layer.linear2.weight, None)

    def forward(
        self,
        x: Tensor,
        rotation: Tensor,
        prefixes: list[Tensor],
        spans: list[int],
        caches: list[Tensor],
        offsets: list[int],
        lengths: list[int],
        scratch: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Compute `[positions, d_model]` to the same shape.

        Args:
            prefixes: per voice this layer's `[2, kv_heads, voice positions, head_dim]`.
            caches: per row this layer's `[2, kv_heads, room, head_dim]`; written to.

        The others are as in `Backbone.forward`.

        Returns:
            The output, and the queries, keys and values as `Attention.rotate` returns them.
        """
        h = functional.layer_norm(x, [self.width], self.norm1_weight, self.norm1_bias, 1e-5)
        qkv = self.attention.rotate(self.in_proj(h), rotation)
        voice, voice_weight = self.attention.to_voices(qkv, prefixes, spans)
        own, own_weight = self.attention.to_own(qkv, caches, offsets, lengths, scratch)
        # softmax over both parts: each part's share is its exp(log-sum-exp)
        share = torch.sigmoid(voice_weight - own_weight).unsqueeze(2)
        x = x + self.out_proj(torch.lerp(own, voice, share).flatten(1))
        h = functional.layer_norm(x, [self.width], self.norm2_weight, self.norm2_bias, 1e-5)
        return x + self.linear2(functional.gelu(self.linear1(h), approximate="tanh")), qkv


class Attention(nn.Module):
    """Computes the two parts of attention: to the voice, and to a row's own positions.

    Query heads that share a key head are folded into positions of that head.
    """

    def __init__(self, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.kv_heads = kv_heads
        self.group = heads // kv_heads

    def rotate(self, projected: Tensor, rotation: Tensor) -> Tensor:
        """Apply RoPE to queries and keys, in place.

        Args:
            projected: queries, keys and values, `[n, (heads + 2 kv_heads) head_dim]`.
            rotation: `[n, 1, head_dim / 2]`, complex.

        Returns:
            `[n, heads + 2 kv_heads, head_dim]`.
        """
        pairs = projected.view(projected.shape[0], self.heads + 2 * self.kv_heads, -1, 2)
        torch.view_as_complex(pairs)[:, : self.heads + self.kv_heads].mul_(rotation)
        return pairs.flatten(2)

    def to_voices(
        self, qkv: Tensor, prefixes: list[Tensor], spans: list[int]
    ) -> tuple[Tensor, Tensor]:
        """Attend to the voices.

        Args:
            qkv: as `rotate` returns it, the positions of a voice together.
            prefixes: per voice `[2, kv_heads, voice positions, head_dim]`.
            spans: per voice, how many of the positions belong to it.

        Returns:
            `[n, heads, head_dim]`, and the log-sum-exp of the scores, `[n, heads]`.
        """
        outs: list[Tensor] = []
        weights: list[Tensor] = []
        for voice, query in enumerate(qkv.narrow(1, 0, self.heads).split_with_sizes(spans)):
            n = query.shape[0]
            folded = query.view(n, self.kv_heads, self.group, -1).permute(1, 2, 0, 3)
            folded = folded.reshape(1, self.kv_heads, self.group * n, -1)
            out, weight = attention(folded, prefixes[voice], False)
            out = out.view(self.kv_heads, self.group, n, -1).permute(2, 0, 1, 3)
            outs.append(out.reshape(n, self.heads, -1))
            weights.append(weight.reshape(self.heads, n).t())
        return joined(outs), joined(weights)

    def to_own(
        self,
        qkv: Tensor,
        caches: list[Tensor],
        offsets: list[int],
        lengths: list[int],
        scratch: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Write each row's new keys and values to its cache, and attend to all in there.

        Args:
            qkv: as `rotate` returns it, the rows one after the other.
            caches: per row `[2, kv_heads, room, head_dim]`.

        Returns:
            `[n, heads, head_dim]`, and the log-sum-exp of the scores, `[n, heads]`.
        """
        outs: list[Tensor] = []
        weights: list[Tensor] = []
        queries = qkv.narrow(1, 0, self.heads).split_with_sizes(lengths)
        news = qkv.narrow(1, self.heads, 2 * self.kv_heads).view(
            qkv.shape[0], 2, self.kv_heads, 1, -1
        )
        for row, new in enumerate(news.split_with_sizes(lengths)):
            length = lengths[row]
            end = offsets[row] + length
            cache = caches[row].narrow(2, offsets[row], length)
            if length == 1:
                cache.copy_(new[0])
            else:
                cache.copy_(new.squeeze(3).permute(1, 2, 0, 3))
            past, query = caches[row].narrow(2, 0, end), queries[row]
            if past.dtype != qkv.dtype:
                if scratch.numel() > 0:
                    past = scratch.narrow(0, 0, past.numel()).view(past.shape).copy_(past)
                else:
                    query = query.to(past.dtype)
            if length == 1:
                query = query.view(1, self.kv_heads, self.group, -1)
                out, weight = attention(query, past, False)
                outs.append(out.view(1, self.heads, -1))
                weights.append(weight.reshape(1, self.heads))
            else:
                if self.group > 1:
                    past = past.repeat_interleave(self.group, dim=1)
                out, weight = attention(query.transpose(0, 1)[None], past, True)
                outs.append(out[0].transpose(0, 1))
                weights.append(weight[0].t())
        return joined(outs).to(qkv.dtype), joined(weights)


def by_layer(caches: list[Tensor], layers: int) -> list[list[Tensor]]:
    """Take each cache apart: `[layers, ...]` per cache to one list of `[...]` per layer."""
    parts: list[list[Tensor]] = []
    for _ in range(layers):
        parts.append([])  # noqa: PERF401 - TorchScript needs the element type
    for cache in caches:
        for layer, part in enumerate(cache.unbind(0)):
            parts[layer].append(part)
    return parts


def joined(parts: list[Tensor]) -> Tensor:
    """Concatenate along the first dimension, without a copy if there is one part only."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def attention(query: Tensor, past: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    """Compute scaled dot-product attention on a CPU, and the log-sum-exp of its scores.

    Args:
        query: `[1, heads, n, head_dim]`.
        past: `[2, heads, m, head_dim]`, keys and values.
        causal: query i sees positions up to i; n equals m.

    Returns:
        `[1, heads, n, head_dim]` and `[1, heads, n]`.
    """
    key, value = past.narrow(0, 0, 1), past.narrow(0, 1, 1)
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(  # type: ignore[no-any-return]
        query, key, value, 0.0, causal
    )
