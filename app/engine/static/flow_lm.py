"""Computes the language model in passes of fixed shapes: reading text, and sampling a latent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from pocket_tts.models.flow_lm import FlowLMModel
from torch import Tensor
from torch.nn import functional

from app.engine.flow_head import FlowHead
from app.engine.flow_lm import CacheShape
from app.engine.layer_checks import LayerChecks
from app.engine.precision import Linears, make_linear
from app.engine.static.graphs import Device, Pass
from app.engine.static.layers import Places, StaticLayer, projection, rotations
from app.engine.static.slots import Slots
from app.speech_engine import Head

TOKENS_PER_PASS = (16, 64)
"""A text is read in pieces of one of these lengths; most chunks have some 50 tokens."""
SHORTEST_SPAN = 256
"""A pass looks at so many positions of each row, or at twice as many and so on, or at all."""


class StepInput(NamedTuple):
    """Says which row samples a latent, and where it is.

    Attributes:
        position: that of the last latent among the keys and values.
        frame: how many latents it has sampled.
    """

    slot: int
    position: int
    frame: int


class StepOutput(NamedTuple):
    """Holds what a step gives all its rows, once it is done.

    Attributes:
        eos_logits: `[rows]`, NaN where the latent is not finite.
        queries: `[rows, watched heads, head_dim]`; None if they were not asked for.
    """

    eos_logits: Tensor
    queries: Tensor | None


class StaticFlowLm:
    """Computes upstream's FlowLM for rows in slots, with weights of its own.

    Its methods are called by who holds the device.

    Attributes:
        keys_values: `[layers, 2, slots + 1, kv_heads, room, head_dim]`. A slot's voice comes first,
            then its text, then its latents; the last place is where what does not count is written.

    Args:
        module: upstream's model; left as it is.
        precision: `float32` or `bfloat16`.
        cache_shape: geometry of the keys and values.
        room: how many positions each slot has.
        runs: runs the passes.
        checks: hears of layers that are wrong at that precision.
    """

    def __init__(
        self,
        module: FlowLMModel,
        precision: str,
        cache_shape: CacheShape,
        slots: Slots,
        *,
        room: int,
        device: torch.device,
        runs: Device,
        checks: LayerChecks,
    ) -> None:
        self._slots = slots
        self._room = room
        self._torch_device = device
        self._device = runs
        self.bos_latent = module.bos_emb.detach().float().to(device)
        self._conditioner = module.conditioner
        self._input_linear = make_linear(module.input_linear.weight, None, "float32").to(device)
        linears = Linears(precision, device, checks)
        self._layers = [
            StaticLayer(layer, linears, f"flow_lm.layers.{index}").to(device)
            for index, layer in enumerate(module.transformer.layers)
        ]
        self._norm_weight = module.out_norm.weight.detach().float().to(device)
        self._norm_bias = module.out_norm.bias.detach().float().to(device)
        self._z_proj = projection(module.z_proj, linears, "flow_lm.z_proj")
        self._out_eos = make_linear(module.out_eos.weight, module.out_eos.bias, "float32")
        self._out_eos.to(device)
        self._head = FlowHead(module, linears)
        layers, two, heads, _, head_dim = cache_shape.of(room)
        shape = (layers, two, slots.max_rows + 1, heads, room, head_dim)
        self.keys_values = torch.zeros(shape, dtype=cache_shape.dtype, device=device)
        self._rotations = rotations(room, head_dim, module.transformer.max_period, device)
        self._places = torch.arange(room, device=device)

    def watch(self, heads: Sequence[Head]) -> None:
        """Choose the heads whose queries `step` gives."""
        pairs = [(head.layer, head.head) for head in heads]
        self._watched = torch.tensor(pairs, dtype=torch.long, device=self._torch_device).view(-1, 2)

    def hear(self, slot: int, voice: Tensor) -> None:
        """Put a voice into a slot, `[layers, 2, kv_heads, voice positions, head_dim]`."""
        own = self.keys_values[:, :, slot]
        # What is not seen is multiplied by zero, and must be finite for that.
        own.zero_()
        self._device.put(voice, own[:, :, :, : voice.shape[3]])

    def read(self, slot: int, position: int, tokens: Tensor) -> None:
        """Have a row read its text.

        Args:
            position: that of the first token.
            tokens: `[n]`, int64, on the CPU.
        """
        for start in range(0, len(tokens), TOKENS_PER_PASS[-1]):
            piece = tokens[start : start + TOKENS_PER_PASS[-1]]
            length = next(each for each in TOKENS_PER_PASS if each >= len(piece))
            numbers = torch.zeros(3 + length, dtype=torch.long)
            numbers[:3] = torch.tensor([slot, position + start, len(piece)])
            numbers[3 : 3 + len(piece)] = piece
            span = self._span(position + start + len(piece))
            self._device.run(self._reading(length, span), numbers)

    def step(self, rows: Sequence[StepInput], decode_steps: int, *, watched: bool) -> StepOutput:
        """Sample a latent for each row and put it into the row's slot.

        Args:
            decode_steps: how often the flow head is evaluated.
            watched: whether the queries of the watched heads are wanted.
        """
        slots = self._slots.filled_up([row.slot for row in rows])
        numbers = torch.zeros(3, len(slots), dtype=torch.long)
        numbers[0] = torch.tensor(slots)
        numbers[1:, : len(rows)] = torch.tensor([row[1:] for row in rows]).t()
        span = self._span(1 + max(row.position for row in rows))
        step = self._step(len(slots), span, decode_steps)
        eos_logits, queries = self._device.run(step, numbers)
        asked = None
        if watched:
            layers, heads = self._watched.unbind(1)
            asked = self._device.fetch(queries[: len(rows), layers, heads])
        return StepOutput(self._device.fetch(eos_logits[: len(rows)]), asked)

    def prepare(self, decode_steps: int) -> None:
        """Prepare all passes that are needed as long as every row has so many decode steps."""
        for span in self._spans:
            for length in TOKENS_PER_PASS:
                self._device.prepare(self._reading(length, span))
            for rows in self._slots.buckets:
                self._device.prepare(self._step(rows, span, decode_steps))

    @property
    def _spans(self) -> tuple[int, ...]:
        spans = [SHORTEST_SPAN]
        while 4 * spans[-1] <= self._room:  # one that is nearly all of the room saves nothing
            spans.append(2 * spans[-1])
        return (*(span for span in spans if span < self._room), self._room)

    def _span(self, positions: int) -> int:
        """Return the span that holds so many positions."""
        return next(span for span in self._spans if span >= positions)

    def _reading(self, length: int, span: int) -> Pass:
        """Describe a pass of one row: its slot, first position, number of tokens, and tokens."""
        idle = torch.zeros(3 + length, dtype=torch.long)
        idle[0] = self._slots.idle
        return Pass(("read", length, span), partial(self._read, length, span), idle)

    def _step(self, rows: int, span: int, decode_steps: int) -> Pass:
        """Describe a pass of `StepInput`, one for each row, `[3, rows]`."""
        idle = torch.zeros(3, rows, dtype=torch.long)
        idle[0] = self._slots.idle
        compute = partial(self._sample, span, decode_steps)
        return Pass(("step", rows, span, decode_steps), compute, idle)

    def _read(self, length: int, span: int, numbers: Tensor) -> tuple[Tensor, ...]:
        slot, first, count = numbers[0:1], numbers[1:2], numbers[2:3]
        places = self._places[:length]
        positions = torch.where(places < count, first + places, self._room - 1)
        self._transform(self._conditioner(numbers[3:])[None].float(), slot, positions[None], span)
        return ()

    def _sample(self, span: int, decode_steps: int, numbers: Tensor) -> tuple[Tensor, ...]:
        slots, positions, frames = numbers.unbind(0)
        x = self._input_linear(self._slots.latents[slots, frames])
        x, queries = self._transform(x[:, None], slots, positions[:, None], span)
        width = x.shape[-1:]
        x = functional.layer_norm(x[:, 0], width, self._norm_weight, self._norm_bias, 1e-5)
        z = self._z_proj(x)
        noise = self._slots.noise[slots, frames]
        latents = self._head.decode(z, noise, [decode_steps] * len(noise))
        self._slots.latents[slots, frames + 1] = latents
        # 0 * x makes the logit NaN if the latent is not finite, so that one answer tells both.
        verdict = self._out_eos(z).squeeze(1) + 0.0 * latents.sum(1)
        return verdict, torch.stack([each[:, 0] for each in queries], dim=1)

    def _transform(
        self, x: Tensor, slots: Tensor, positions: Tensor, span: int
    ) -> tuple[Tensor, list[Tensor]]:
        """Run the layers over new positions, `[rows, new, d_model]`; returns each one's queries."""
        seen = self._places[:span] <= positions[:, :, None]
        places = Places(slots, positions, span, seen, self._rotations[positions])
        queries = []
        for layer, keys_values in zip(self._layers, self.keys_values, strict=True):
            x, query = layer(x, places, keys_values)
            queries.append(query)
        return x, queries
