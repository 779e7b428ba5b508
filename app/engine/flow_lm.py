"""Runs the language model over many rows of different ages: from inputs to latents."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from pocket_tts.models.flow_lm import FlowLMModel
from torch import Tensor

from app.engine.backbone import Backbone, Scripted, attention
from app.engine.flow_head import FlowHead
from app.engine.layer_checks import LayerChecks, noise
from app.engine.precision import Linears, has_fast_bfloat16, make_linear
from app.speech_engine import Head


@dataclass(frozen=True, slots=True)
class CacheShape:
    """Describes key-value caches, `[layers, 2, heads, positions, head_dim]`, and their elements."""

    layers: int
    heads: int
    head_dim: int
    dtype: torch.dtype

    @classmethod
    def of_model(cls, module: FlowLMModel, dtype: torch.dtype) -> CacheShape:
        """Describe the caches of a model, with elements of type `dtype`."""
        attention = module.transformer.layers[0].self_attn
        layers = len(module.transformer.layers)
        return cls(layers, attention.num_kv_heads, attention.dim_per_head, dtype)

    def of(self, positions: int) -> tuple[int, int, int, int, int]:
        """Return the shape of a cache for so many positions."""
        return (self.layers, 2, self.heads, positions, self.head_dim)


@dataclass(frozen=True, slots=True)
class RowInput:
    """Holds what one row brings to a forward pass.

    Attributes:
        voice: cache of the voice, `[layers, 2, heads, voice positions, head_dim]`, float32.
        cache: its own, `[layers, 2, heads, room, head_dim]`; the new positions are written to it.
        offset: how many positions are in its own cache already.
        tokens: text tokens still to be read, `[n]`, int64, or None.
        latent: the latent to continue from, `[ldim]`.
        noise: starting point of the next latent, `[ldim]`.
        decode_steps: how often the flow head is evaluated.
        watched: whether its queries are wanted, see `FlowLm.watch`.
    """

    voice: Tensor
    cache: Tensor
    offset: int
    tokens: Tensor | None
    latent: Tensor
    noise: Tensor
    decode_steps: int
    watched: bool = False

    @property
    def positions(self) -> int:
        """Tell how many positions the pass adds to the cache."""
        return 1 if self.tokens is None else 1 + len(self.tokens)


@dataclass(frozen=True, slots=True)
class RowOutput:
    """Holds what a forward pass gives one row.

    Attributes:
        latent: `[ldim]`.
        eos_logit: NaN if the latent is not finite.
        queries: of its last position, `[watched heads, head_dim]`; None if it is not watched.
    """

    latent: Tensor
    eos_logit: float
    queries: NDArray[np.float32] | None


_CHECKED_POSITIONS = 64


class FlowLm:
    """Computes upstream's FlowLM for many rows, with weights of its own at the wanted precision.

    Attributes:
        heads: how many query heads a layer has.

    Args:
        module: upstream's model; left as it is.
        precision: `float32`, `int8` or `bfloat16`.
        cache_dtype: element type of the caches.
        checks: hears of layers that are wrong at that precision.
    """

    def __init__(
        self,
        module: FlowLMModel,
        precision: str,
        cache_dtype: torch.dtype,
        device: torch.device,
        checks: LayerChecks,
    ) -> None:
        self.latent_dim: int = module.ldim
        first = module.transformer.layers[0].self_attn
        self.cache_shape = CacheShape.of_model(module, cache_dtype)
        self.heads = int(first.num_heads)
        self.bos_latent = module.bos_emb.detach().float().to(device)
        self._conditioner = module.conditioner
        self._input_linear = make_linear(module.input_linear.weight, None, "float32").to(device)
        self._out_eos = make_linear(module.out_eos.weight, module.out_eos.bias, "float32")
        self._out_eos.to(device)
        linears = Linears(precision, device, checks)
        self._backbone = Scripted(Backbone(module, linears).to(device))
        self._needs_scratch = cache_dtype != torch.float32 and not (
            has_fast_bfloat16(device) and _attends_in(cache_dtype, self.cache_shape, checks)
        )
        self._nothing = torch.empty(0, device=device)
        self._scratch = threading.local()
        max_period = module.transformer.max_period
        self._rotations = RotationTable(first.dim_per_head, max_period, device)
        self._head = FlowHead(module, linears)
        self.watch(())

    def watch(self, heads: Sequence[Head]) -> None:
        """Choose the heads whose queries watched rows are given from now on, in that order."""
        self._watched_layers = sorted({head.layer for head in heads})
        self._watched_heads = [(self._watched_layers.index(layer), head) for layer, head in heads]

    @torch.inference_mode()
    def step(self, rows: Sequence[RowInput]) -> list[RowOutput]:
        """Compute one new latent for every row."""
        order = sorted(range(len(rows)), key=lambda row: id(rows[row].voice))
        outputs = self._step_by_voice([rows[row] for row in order])
        if order == list(range(len(rows))):
            return outputs
        return [outputs[order.index(row)] for row in range(len(rows))]

    def _step_by_voice(self, rows: Sequence[RowInput]) -> list[RowOutput]:
        """Do the work of `step` for rows that stand together where they share a voice."""
        offsets = [row.offset for row in rows]
        lengths = [row.positions for row in rows]
        voices: list[Tensor] = []
        spans: list[int] = []
        for row, length in zip(rows, lengths, strict=True):
            if not voices or voices[-1] is not row.voice:
                voices.append(row.voice)
                spans.append(0)
            spans[-1] += length
        starts = [row.voice.shape[3] + row.offset for row in rows]
        watched = [row for row, each in enumerate(rows) if each.watched]
        z, by_layer = self._backbone(
            self._embed(rows),
            self._rotations.at(starts, lengths),
            voices,
            spans,
            [row.cache for row in rows],
            offsets,
            lengths,
            self._scratch_for(max(map(sum, zip(offsets, lengths, strict=True)))),
            self._watched_layers if watched else [],
        )
        noise = torch.stack([row.noise for row in rows])
        latents = self._head.decode(z, noise, [row.decode_steps for row in rows])
        # The host waits for the device only once: 0 * x makes the logit NaN if the latent is not
        # finite.
        verdict = self._out_eos(z).squeeze(1) + 0.0 * latents.sum(1)
        queries: list[NDArray[np.float32] | None] = [None] * len(rows)
        if by_layer:
            # Numpy picks a few numbers in a fraction of the time that tensors need.
            asked = [layer.cpu().numpy() for layer in by_layer]
            ends = list(accumulate(lengths))
            for place in watched:
                last = ends[place] - 1
                chosen = [asked[layer][last, head] for layer, head in self._watched_heads]
                queries[place] = np.array(chosen)
        outputs = zip(latents.unbind(0), verdict.tolist(), queries, strict=True)
        return [RowOutput(*output) for output in outputs]

    def _scratch_for(self, positions: int) -> Tensor:
        """Return this thread's float32 room for one layer of so many cache positions, and keep it.

        Where attention is computed on the caches as they are, it is empty.
        """
        room: Tensor = getattr(self._scratch, "room", self._nothing)
        wanted = 2 * self.cache_shape.heads * positions * self.cache_shape.head_dim
        if not self._needs_scratch or room.numel() >= wanted:
            return room
        room = torch.empty(2 * wanted, device=self._nothing.device)
        self._scratch.room = room
        return room

    def _embed(self, rows: Sequence[RowInput]) -> Tensor:
        """Embed each row's tokens and then its latent: `[positions, d_model]`."""
        frames: Tensor = self._input_linear(torch.stack([row.latent for row in rows]))
        if all(row.tokens is None for row in rows):
            return frames
        parts = []
        for row, frame in zip(rows, frames.split_with_sizes([1] * len(rows)), strict=True):
            if row.tokens is not None:
                parts.append(self._conditioner(row.tokens).float())
            parts.append(frame)
        return torch.cat(parts)


def _attends_in(dtype: torch.dtype, shape: CacheShape, checks: LayerChecks) -> bool:
    """Tell whether attention to caches of an element type gives about what float32 gives."""

    def attended(x: Tensor) -> Tensor:
        query, past = x[:1, :, -1:], x[1:]
        return attention(query, past, False)[0]

    x = noise(3, shape.heads, _CHECKED_POSITIONS, shape.head_dim, device=torch.device("cpu"))
    return checks.passes(
        "flow_lm.attention", "bfloat16", attended, lambda x: attended(x.to(dtype)), x, at_once=[3]
    )


class RotationTable:
    """Keeps the factors of RoPE per position, as complex numbers.

    RoPE: Su et al. 2022, https://arxiv.org/abs/2104.09864.
    """

    def __init__(self, head_dim: int, max_period: float, device: torch.device) -> None:
        half = head_dim // 2
        exponents = torch.arange(half, dtype=torch.float32)
        self._frequencies = torch.exp(exponents * (-math.log(max_period) / half))
        self._device = device
        self._table = self._make(1024)

    def at(self, offsets: list[int], lengths: list[int]) -> Tensor:
        """Look up the factors of consecutive positions per row: `[sum(lengths), 1, head_dim / 2]`.

        Args:
            offsets: per row, its first position.
            lengths: per row, how many positions.
        """
        positions: list[int] = []
        for offset, length in zip(offsets, lengths, strict=True):
            positions.extend(range(offset, offset + length))
        table = self._table
        if max(positions) >= len(table):
            table = self._table = self._make(2 * max(positions))
        return table[torch.tensor(positions, device=self._device)].unsqueeze(1)

    def _make(self, positions: int) -> Tensor:
        """Compute the factors of the first positions: `[positions, head_dim / 2]`."""
        angles = torch.arange(positions, dtype=torch.float32)[:, None] * self._frequencies
        return torch.polar(torch.ones_like(angles), angles).to(self._device)
